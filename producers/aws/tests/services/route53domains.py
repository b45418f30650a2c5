"""Route 53 Domains: domains of a person and of a company."""

from common import TAGS, plain, resource

PERSON = {
    "FirstName": "Zoë", "LastName": "O'Hara & <Sons>", "ContactType": "PERSON",
    "AddressLine1": "1 Main Street", "City": "Köln", "CountryCode": "DE", "ZipCode": "50667",
    "PhoneNumber": "+49.2211234567", "Email": "zoe+a@example.com",
}
COMPANY = PERSON | {"ContactType": "COMPANY", "OrganizationName": 'ACME "Ünlimited"'}


def fill(client, mark):
    domains = client("route53domains")
    for name, contact in ((f"a-{mark}.com", PERSON), (f"b-{mark}.org", COMPANY)):
        domains.register_domain(
            DomainName=name, DurationInYears=2, AutoRenew=contact is COMPANY,
            AdminContact=contact, RegistrantContact=contact, TechContact=contact,
            PrivacyProtectAdminContact=contact is PERSON)
    domains.update_tags_for_domain(DomainName=f"a-{mark}.com", TagsToUpdate=TAGS[:2])


def inventory(client, account):
    domains = client("route53domains")
    out = {}
    for page in domains.get_paginator("list_domains").paginate():
        for domain in page["Domains"]:
            name = {"DomainName": domain["DomainName"]}
            tags = domains.list_tags_for_domain(**name)["TagList"]
            out[domain["DomainName"]] = resource(
                "global", domain["DomainName"], "", tags, domain,
                {"Detail": hide(plain(domains.get_domain_detail(**name))), "Tags": tags})
    return {"AWS::Route53Domains::Domain": out}


def hide(detail):
    """Puts what a scan without a key puts in the place of what is known of persons."""
    public = {"ContactType", "OrganizationName", "CountryCode", "State", "ExtraParams"}
    for kind in ("AdminContact", "BillingContact", "RegistrantContact", "TechContact"):
        contact = detail.get(kind, {})
        contact |= {field: "redacted" for field in contact if field not in public}
        for extra in contact.get("ExtraParams", []):
            extra["Value"] = "redacted"
    return detail
