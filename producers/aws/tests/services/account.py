"""The account itself: contacts and the password policy.

moto has no GetContactInformation and no ListRegions: what boto3 is refused, we must be refused too.
"""

from botocore.exceptions import ClientError

from common import resource

ABSENT = {"NoSuchEntity", "ResourceNotFoundException"}


def fill(client, mark):
    account = client("account")
    account.put_alternate_contact(
        AlternateContactType="SECURITY", Name="Sëc & <Ürity>", Title=" ", PhoneNumber="+49 (0) 1",
        EmailAddress="a+b@example.com")
    account.put_alternate_contact(
        AlternateContactType="BILLING", Name=f"bill-{mark}", Title="x", PhoneNumber="1",
        EmailAddress="b@example.com")
    # One account has no policy, so that both answers are seen.
    if mark != "111111111111":
        client("iam").update_account_password_policy(
            MinimumPasswordLength=14, RequireSymbols=True, MaxPasswordAge=90,
            PasswordReusePrevention=24)


def inventory(client, account):
    api, iam = client("account"), client("iam")
    questions = {
        "AccountSummary": lambda: iam.get_account_summary()["SummaryMap"],
        "ContactInformation": lambda: api.get_contact_information()["ContactInformation"],
        "PasswordPolicy": lambda: iam.get_account_password_policy()["PasswordPolicy"],
        "Regions": lambda: api.list_regions()["Regions"],
    }
    for kind in ("Billing", "Operations", "Security"):
        questions[f"{kind}Contact"] = lambda kind=kind: api.get_alternate_contact(
            AlternateContactType=kind.upper())["AlternateContact"]
    answers, errors = {}, {}
    for name, ask in questions.items():
        try:
            answers[name] = ask()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ABSENT:
                answers[name] = None
            else:
                errors[name] = code
    found = resource("global", account, "", None, {"AccountId": account}, answers, errors)
    return {"AWS::Account::Settings": {account: found}}
