//! Coverage of made-up accounts, in words and as JSON.

use super::*;

const NOW_MS: i64 = 1_795_884_000_000;
const HOUR_MS: i64 = 3_600_000;

fn row(of_type: &str, scopes: [i64; 3], hours: Option<i64>, error: Option<&str>) -> TypeCoverage {
    let [scopes, collected, failed] = scopes;
    TypeCoverage {
        resource_type: of_type.into(),
        scopes,
        collected,
        failed,
        oldest_ms: hours.map(|hours| NOW_MS - hours * HOUR_MS),
        error: error.map(str::to_owned),
        resources: 7 * collected,
    }
}

fn state(id: &str, status: AccountStatus, coverage: Vec<TypeCoverage>) -> AccountState {
    AccountState {
        provider: "aws".into(),
        account: id.into(),
        name: format!("name-{id}"),
        status,
        listed: true,
        coverage,
        status_since_ms: Some(NOW_MS - 72 * HOUR_MS),
        ..AccountState::default()
    }
}

fn unit(account: &str, scan: &str, status: UnitStatus) -> ScanUnit {
    let ended = status != UnitStatus::Planned;
    ScanUnit {
        scan: scan.into(),
        attempt: 1,
        account: account.into(),
        region: "*".into(),
        payer: "9".into(),
        status,
        scheduled: true,
        scopes: 12,
        resources: 40,
        calls: if ended { 31 } else { 0 },
        failed: i64::from(ended),
        error: ended.then(|| "AccessDenied: no\n2 all is well".into()),
        worker: if ended { "host-1".into() } else { String::new() },
        ..ScanUnit::default()
    }
}

/// Five accounts: in full, in part, suspended, left, and one that only a unit knows.
fn sample() -> Coverage {
    use AccountStatus::{Active, Left, Suspended};
    let buckets = || row("AWS::S3::Bucket", [1, 1, 0], Some(2), None);
    let groups = row("AWS::EC2::SecurityGroup", [4, 3, 2], Some(5), Some("eu-west-1: Denied: x"));
    let users = row("AWS::IAM::User", [1, 0, 1], None, Some("global: Throttling: y"));
    let units = vec!["prod".to_owned(), "shop".to_owned()];
    let rows = [
        AccountState { units, ..state("1", Active, vec![buckets()]) },
        state("2", Active, vec![groups, users, buckets()]),
        state("3", Suspended, vec![buckets()]),
        state("4", Left, vec![buckets()]),
    ];
    let states = rows.into_iter().map(|row| (AccountKey::new(&*row.account), row)).collect();
    let mut units = BTreeMap::new();
    for (at, one) in [
        unit("1", "002", UnitStatus::Planned),
        unit("2", "001", UnitStatus::Planned),
        unit("2", "001", UnitStatus::Completed),
        // An older one that ends late is not the last one.
        unit("1", "001", UnitStatus::TimedOut),
        unit("5", "001", UnitStatus::Failed),
    ]
    .into_iter()
    .enumerate()
    {
        take_unit(&mut units, one, NOW_MS - HOUR_MS + i64::try_from(at).unwrap());
    }
    let accounts = accounts(states, units);
    let totals = Totals::of(&accounts);
    Coverage { at_ms: NOW_MS, accounts, totals }
}

#[test]
fn a_person_reads_what_was_collected() {
    let expected = "\
1 name-1 in prod/shop: active
  last scan planned 59 min ago, not ended
  AWS::S3::Bucket                      2 h ago                 7 resources
2 name-2: active
  last scan completed 59 min ago by host-1 with 31 calls and 1 failed scope: AccessDenied: no\\n2 \
all is well
  AWS::EC2::SecurityGroup              5 h ago                21 resources  3 of 4 regions  \
Denied: x in eu-west-1 and 1 other
  AWS::IAM::User                       never collected   Throttling: y
  AWS::S3::Bucket                      2 h ago                 7 resources
3 name-3: suspended 3 d ago, not scored
  no scan of it is in the log
  AWS::S3::Bucket                      2 h ago                 7 resources
4 name-4: left its organisation 3 d ago, not scored
  no scan of it is in the log
  AWS::S3::Bucket                      2 h ago                 7 resources
5 5: no organisation lists it
  last scan failed 59 min ago by host-1: AccessDenied: no\\n2 all is well
5 accounts: 1 collected in full, 1 never, 2 not scored; 35 resources; 5 of 7 scopes collected, 3 \
failed last time; the oldest data is from 5 h ago
";
    let mut sample = sample();
    // Milliseconds apart, an hour ago: all of them within the sixtieth minute.
    for account in &mut sample.accounts {
        account.unit.iter_mut().for_each(|unit| unit.at_ms += 1);
    }
    assert_eq!(words::text(&sample, false), expected);
}

#[test]
fn only_what_failed_is_left_when_asked() {
    let mut accounts = sample().accounts;
    accounts.retain_mut(keep_failed);
    let left = |one: &Account| {
        let types = one.services.iter().map(|service| service.resource_type.clone());
        (one.account.clone(), types.collect::<Vec<_>>().join(" "))
    };
    let expected = [("2", "AWS::EC2::SecurityGroup AWS::IAM::User"), ("5", "")];
    let expected = expected.map(|(id, types)| (id.to_owned(), types.to_owned()));
    assert_eq!(accounts.iter().map(left).collect::<Vec<_>>(), expected);
}

#[test]
fn an_empty_table_says_what_to_do() {
    let none = Coverage { at_ms: NOW_MS, accounts: vec![], totals: Totals::of(&[]) };
    assert!(words::text(&none, false).contains("scorecard collect"));
    assert!(words::text(&none, true).starts_with("nothing failed"));
}

#[test]
fn json_has_the_documented_fields() {
    let json = serde_json::to_value(sample()).unwrap();
    let names = |value: &serde_json::Value| {
        value.as_object().unwrap().keys().map(|name| format!("`{name}`")).collect::<Vec<_>>()
    };
    let page = include_str!("../../docs/src/operations.md");
    let second = &json["accounts"][1];
    for part in [&json, second, &second["unit"], &second["services"][0], &json["totals"]] {
        for name in names(part) {
            assert!(page.contains(&name), "{name} is not in the manual");
        }
    }
    assert_eq!(
        (&second["status"], &second["unit"]["status"]),
        (&"active".into(), &"completed".into())
    );
    assert_eq!(json["accounts"][3]["scored"], false);
}
