//! The risk register: exceptions of every kind, granted and ended within the simulated days.

use schemas::Exception;

use crate::{event::Source, organisation::Organisation};

const DAY_MS: i64 = 86_400_000;

/// Gives what changes in the risk register on a day.
pub(crate) fn changes(organisation: Organisation, day: usize, start_ms: i64) -> Vec<Source> {
    let days = organisation.days;
    let at = |share: usize| days * share / 10;
    let until = |day: usize| Some(start_ms + day as i64 * DAY_MS);
    let some = |n: usize| organisation.id(n % organisation.accounts.max(1));
    let all = || vec!["*".to_owned()];
    let risk = |id: &str, accounts, requirement: &str, resource: &str, expires_ms| Exception {
        id: id.to_owned(),
        accounts,
        requirements: vec![requirement.to_owned()],
        resource: resource.to_owned(),
        approved: true,
        reason: reason(requirement).to_owned(),
        owner: "risk-committee@example.com".to_owned(),
        expires_ms,
    };
    let granted: Vec<(usize, Exception)> = vec![
        (0, risk("RA-1", all(), "s3-public-access", "*-site-*", None)),
        (0, risk("RA-2", vec![some(1), some(2)], "ec2-admin-ports", "sg-*", until(at(6)))),
        (at(1), risk("RA-3", all(), "iam-access-key-age", "AIDA*0000", until(at(9)))),
        (at(2), risk("RA-4", vec![some(3)], "iam-root", "*", until(at(4)))),
        (at(3), risk("RA-5", vec![some(5)], "iam-role-trust", "*", until(days + 20))),
        (at(4), Exception { approved: false, ..risk("RA-6", all(), "s3-encryption", "*", None) }),
        (at(5), risk("RA-7", all(), "iam-console-mfa", "admin-*", until(days + 60))),
    ];
    let mut changes: Vec<Source> = granted
        .into_iter()
        .filter(|(on, _)| *on == day)
        .map(|(_, exception)| Source::Granted(exception))
        .collect();
    if day == at(8) && day > at(5) {
        changes.push(Source::Withdrawn("RA-7".to_owned()));
    }
    changes
}

fn reason(requirement: &str) -> &'static str {
    match requirement {
        "s3-public-access" => "public web sites, behind review",
        "ec2-admin-ports" => "partner needs access until the migration ends",
        "iam-access-key-age" => "device fleet is renewed with the next firmware",
        "iam-role-trust" => "trial of a vendor, contract under way",
        _ => "accepted by the risk committee",
    }
}
