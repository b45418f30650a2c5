//! The risk register: exceptions of every kind, granted and ended within the simulated days.

use schemas::Exception;

use crate::{
    Config, Source,
    organisation::{Organisation, about},
    resources::Snapshot,
};

const DAY_MS: i64 = 86_400_000;

/// Accounts of which one asks for an exception of its own.
const ACCOUNTS_OF_RISK: usize = 10;

/// Gives what changes in the risk register on a day.
pub(crate) fn changes(
    config: Config,
    organisation: Organisation,
    day: usize,
) -> impl Iterator<Item = Source> + use<> {
    let company = company_wide(config, organisation).into_iter();
    let own = (0..config.accounts)
        .skip(2)
        .step_by(ACCOUNTS_OF_RISK)
        .map(move |account| of_account(config, organisation, account));
    let granted = company.chain(own).filter(move |(on, _)| *on == day);
    let withdrawn = (day > 0 && day == tenths(config, 8)).then(|| "RA-007".to_owned());
    let withdrawn = withdrawn.map(Source::Withdrawn);
    granted.map(|(_, exception)| Source::Granted(exception)).chain(withdrawn)
}

/// Gives the exceptions that concern more than one account, or one for good, each with its day.
fn company_wide(config: Config, organisation: Organisation) -> Vec<(usize, Exception)> {
    let at = |share| tenths(config, share);
    let until = |day: usize| Some(config.start_ms + day as i64 * DAY_MS);
    let some = |n: usize| organisation.id(n % organisation.accounts.max(1));
    let all = || vec!["*".to_owned()];
    let waiting = risk("RA-006", all(), "s3-encryption", "*", None);
    vec![
        (0, risk("RA-001", all(), "s3-public-access", "*-site-*", None)),
        (0, risk("RA-002", vec![some(1), some(2)], "ec2-admin-ports", "sg-*", until(at(6)))),
        (at(1), risk("RA-003", all(), "iam-access-key-age", "legacy-sync*", until(at(9)))),
        (at(2), risk("RA-004", vec![some(3)], "iam-root", "*", until(at(4)))),
        (at(3), risk("RA-005", vec![some(5)], "iam-role-trust", "*", until(config.days + 20))),
        (at(4), Exception { approved: false, ..waiting }),
        (0, risk("RA-007", all(), "iam-console-mfa", "marco.*", until(config.days + 60))),
        (at(5), risk("RA-008", vec![some(4)], "*", "*", until(at(7)))),
    ]
}

/// Gives an account's own exception: for the first bucket that is open when it is granted, else for
/// a kind of its databases.
fn of_account(config: Config, organisation: Organisation, account: usize) -> (usize, Exception) {
    let draw = |below: usize, extra| {
        organisation.chance.below(below as u64, &[about::RISK, account as u64, extra]) as usize
    };
    let granted = draw(config.days / 2 + 1, 1);
    let ends = granted + 2 + draw(config.days, 2);
    let expires_ms = Some(config.start_ms + ends as i64 * DAY_MS);
    let id = format!("RA-{}", 1_001 + account / ACCOUNTS_OF_RISK);
    let accounts = vec![organisation.id(account)];
    let snapshot = Snapshot::new(&config, organisation, account, granted as u64 * 2);
    let exception = match snapshot.first_open_bucket() {
        Some(bucket) => risk(&id, accounts, "s3-public-access", &bucket, expires_ms),
        None => risk(&id, accounts, "rds-encryption", "arn:aws:rds:*:db:orders-?", expires_ms),
    };
    let owner = organisation.register(account, granted).owner;
    (granted, Exception { owner: owner.unwrap_or(exception.owner.clone()), ..exception })
}

fn tenths(config: Config, share: usize) -> usize {
    config.days * share / 10
}

fn risk(
    id: &str,
    accounts: Vec<String>,
    requirement: &str,
    resource: &str,
    expires_ms: Option<i64>,
) -> Exception {
    Exception {
        id: id.to_owned(),
        accounts,
        requirements: vec![requirement.to_owned()],
        resource: resource.to_owned(),
        approved: true,
        reason: reason(requirement).to_owned(),
        owner: "risk-committee@example.com".to_owned(),
        expires_ms,
        ..Exception::default()
    }
}

fn reason(requirement: &str) -> &'static str {
    match requirement {
        "s3-public-access" => "public web site, behind review",
        "ec2-admin-ports" => "a partner needs access until the migration ends",
        "iam-access-key-age" => "the device fleet is renewed with the next firmware",
        "iam-role-trust" => "trial of a vendor, contract under way",
        "iam-console-mfa" => "a lost device, the new one is on its way",
        "rds-encryption" => "the database is retired this quarter",
        "*" => "the account is being taken over",
        _ => "accepted by the risk committee",
    }
}
