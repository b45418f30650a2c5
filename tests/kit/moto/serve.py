"""Starts moto's server with the few facts that its own API has no call for, and with the few
operations that it lacks (additions.py).

    python serve.py --port 5000 --keys-age-days old-=400 --root-mfa 111122223333

--keys-age-days PREFIX=DAYS  a user whose name starts with PREFIX, and the access keys made for
                             that user, count as made DAYS days before they were (repeatable; the
                             longest prefix wins)
--root-mfa ACCOUNT           GetAccountSummary of this account says that the root user has MFA
                             (repeatable; moto itself says so of none)
--support-plan ACCOUNT       this account has a support plan, and so Trusted Advisor (repeatable)

All act on what is made after the start, which is everything: the server starts empty, also of the
1,300 public images that moto would put into every region with a snapshot of the account's own each.
"""

import argparse
import datetime
import os

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

import additions
import moto.server
from moto.iam import models


def age_option(text):
    """Splits `PREFIX=DAYS`; the prefix may be empty (everybody)."""
    prefix, sign, days = text.rpartition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not PREFIX=DAYS")
    return prefix, int(days)


def move_creation(cls, name_of, ages):
    """Makes each new `cls` object older by what `ages` says for its user's name."""
    made = cls.__init__

    def __init__(self, *args, **kwargs):
        made(self, *args, **kwargs)
        name = name_of(self) or ""
        fitting = [entry for entry in ages if name.startswith(entry[0])]
        if fitting:
            days = max(fitting, key=lambda entry: len(entry[0]))[1]
            self.create_date -= datetime.timedelta(days=days)

    cls.__init__ = __init__


def turn_on_root_mfa(accounts):
    """Makes the account summary of `accounts` say that the root user has MFA."""
    made = models.AccountSummary.__init__

    def __init__(self, iam_backend):
        made(self, iam_backend)
        self._account_mfa_enabled = int(iam_backend.account_id in accounts)

    models.AccountSummary.__init__ = __init__


def name_policies():
    """Gives policies in GetAccountAuthorizationDetails the id and name that moto leaves out."""
    models.ManagedPolicy.policy_id = property(lambda policy: policy.id)
    models.ManagedPolicy.policy_name = property(lambda policy: policy.name)


def main():
    """Reads the options, patches moto and serves until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keys-age-days", type=age_option, action="append", default=[])
    parser.add_argument("--root-mfa", action="append", default=[])
    parser.add_argument("--support-plan", action="append", default=[])
    options = parser.parse_args()
    move_creation(models.User, lambda user: user.name, options.keys_age_days)
    move_creation(models.AccessKey, lambda key: key.user_name, options.keys_age_days)
    turn_on_root_mfa(set(options.root_mfa))
    additions.give_trusted_advisor(set(options.support_plan))
    additions.give_tags_to_domains()
    name_policies()
    moto.server.main(["-H", "127.0.0.1", "-p", str(options.port)])


main()
