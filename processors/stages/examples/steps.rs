//! Measures the account stage alone: one task in memory over scans of a small organisation.
//!
//! Run with `cargo run --release -p stages --example steps [accounts] [resources of a type]`. Three
//! scans: everything is new, nothing has changed, one document in twenty has; then a new
//! requirement.

use std::time::Instant;

use schemas::{
    AccountKey, AccountListing, AccountStatus, Codec, Key, Observation, ObservationEvent,
    Requirement, RequirementKey, Resource, RuleText, Scoring, Severity, Topic, Value, topic,
};
use stages::AccountStage;
use stream::{Record, fold::Fold};

const T0: i64 = 1_767_225_600_000;
const TYPES: [&str; 3] = ["AWS::S3::Bucket", "AWS::EC2::SecurityGroup", "AWS::IAM::Role"];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// Encodes records of one partition.
#[derive(Default)]
struct Tape {
    offset: i64,
    records: Vec<Record>,
}

impl Tape {
    fn put<K: Key, V: Value>(&mut self, of: &Topic<K, V>, key: &K, value: &V) {
        let name = of.spec.full_name("scorecard");
        self.offset += 1;
        self.records.push(Record {
            topic: of.spec,
            partition: 0,
            offset: self.offset,
            timestamp_ms: T0 + self.offset,
            key: key.encode().into_bytes(),
            value: Some(Codec::default().encode(&name, value).expect("a value encodes")),
            headers: Vec::new(),
        });
    }

    /// One scan of everything; a document of which `changed` says so differs from its first one.
    fn scan(&mut self, accounts: usize, each: usize, scan: &str, changed: impl Fn(usize) -> bool) {
        let mut seen = 0;
        for account in (0..accounts).map(account_id) {
            for (resource_type, region) in
                TYPES.into_iter().flat_map(|t| REGIONS.map(|region| (t, region)))
            {
                let mut write = |event| {
                    let observation = Observation {
                        scan: scan.into(),
                        attempt: 1,
                        provider: "aws".into(),
                        account: account.clone(),
                        region: region.into(),
                        resource_type: resource_type.into(),
                        event,
                    };
                    self.put(&topic::OBSERVATION, &AccountKey::new(&*account), &observation);
                };
                write(ObservationEvent::Started {});
                for i in 0..each {
                    seen += 1;
                    let resource = document(&account, region, resource_type, i, changed(seen));
                    write(ObservationEvent::Observed { resource });
                }
                let count = i64::try_from(each).expect("a small number");
                write(ObservationEvent::Completed { count });
            }
        }
    }

    fn requirement(&mut self, id: &str, resource_type: &str, pass: &str) {
        let rule = RuleText {
            pass: pass.into(),
            message: Some("{doc.id} does not".into()),
            ..RuleText::default()
        };
        let row = Requirement {
            id: id.into(),
            title: id.into(),
            why: String::new(),
            severity: Severity::High,
            weight: 5,
            resource_type: resource_type.into(),
            scoring: Scoring::Resources,
            rule: Some(rule),
            checks: Vec::new(),
            remediation: String::new(),
            controls: Vec::new(),
            parameters: "{}".to_owned(),
            changes: Vec::new(),
        };
        self.put(&topic::REQUIREMENT, &RequirementKey::new(id), &row);
    }
}

fn account_id(i: usize) -> String {
    format!("{:012}", 100_000_000_000 + i)
}

/// A document of about 1.5 KB, as the APIs give them.
fn document(
    account: &str,
    region: &str,
    resource_type: &str,
    i: usize,
    is_changed: bool,
) -> Resource {
    let flag = is_changed != i.is_multiple_of(3);
    let filler: Vec<_> =
        (0..12).map(|k| format!(r#""Member{k}":"value {k} of {i} {:060}""#, k)).collect();
    let filler = filler.join(",");
    let configuration = match resource_type {
        "AWS::S3::Bucket" => format!(r#"{{"Encrypted":{flag},"Public":false,{filler}}}"#),
        "AWS::EC2::SecurityGroup" => format!(
            r#"{{"GroupId":"sg-{i}","IpPermissions":[{{"IpProtocol":"tcp","FromPort":22,"ToPort":22,
                "IpRanges":[{{"CidrIp":"{}"}}],"Ipv6Ranges":[]}}],{filler}}}"#,
            if flag { "0.0.0.0/0" } else { "198.51.100.0/24" }
        ),
        _ => format!(
            r#"{{"AssumeRolePolicyDocument":{{"Statement":[{{"Effect":"Allow",
                "Action":"sts:AssumeRole","Principal":{{"AWS":"arn:aws:iam::{}:root"}}}}]}},
                {filler}}}"#,
            account_id(usize::from(flag))
        ),
    };
    Resource {
        provider: "aws".into(),
        account: account.into(),
        region: region.into(),
        resource_type: resource_type.into(),
        id: format!("id-{i:06}"),
        name: format!("name-{i}"),
        arn: format!("arn:aws:x:{region}:{account}:id-{i:06}"),
        tags: [("team".to_owned(), format!("team-{}", i % 7))].into(),
        configuration,
        supplementary: "{}".into(),
        errors: [].into(),
        truncated: Vec::new(),
        captured_ms: T0,
    }
}

fn main() {
    let mut sizes = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (accounts, each) = (sizes.next().unwrap_or(20), sizes.next().unwrap_or(100));
    let mut fold = Fold::new(AccountStage::default(), 0, 1);
    let mut tape = Tape::default();
    for (i, resource_type, pass) in [
        (1, TYPES[0], "r.Encrypted"),
        (2, TYPES[0], "!r.Public"),
        (3, TYPES[1], "!world_open(r.IpPermissions.filter(p, p.FromPort <= 22 && p.ToPort >= 22))"),
        (4, TYPES[2], "size(unknown_accounts(r.AssumeRolePolicyDocument)) == 0"),
        (5, TYPES[2], "has(doc.tags.team)"),
    ] {
        tape.requirement(&format!("requirement-{i}"), resource_type, pass);
    }
    for account in (0..accounts).map(account_id) {
        let row = AccountListing {
            provider: "aws".into(),
            account: account.clone(),
            payer: "999999999999".into(),
            name: account.clone(),
            status: AccountStatus::Active,
            ..AccountListing::default()
        };
        tape.put(&topic::ACCOUNT_LISTING, &AccountKey::new(&*account), &row);
    }
    measure(&mut fold, &mut tape, "standard and listing");
    tape.scan(accounts, each, "scan-1", |_| false);
    measure(&mut fold, &mut tape, "everything is new");
    tape.scan(accounts, each, "scan-2", |_| false);
    measure(&mut fold, &mut tape, "nothing has changed");
    tape.scan(accounts, each, "scan-3", |seen| seen % 20 == 0);
    measure(&mut fold, &mut tape, "one in twenty has changed");
    tape.requirement("requirement-6", TYPES[0], "r.Encrypted && !r.Public");
    measure(&mut fold, &mut tape, "a new requirement");
}

fn measure(fold: &mut Fold<AccountStage>, tape: &mut Tape, what: &str) {
    let records = std::mem::take(&mut tape.records);
    let mut outputs = 0;
    let start = Instant::now();
    for record in &records {
        fold.take(record).expect("memory can't fail");
        // A worker hands them over too: kept here, they would only measure memory.
        outputs += fold.outputs.len();
        fold.outputs.clear();
    }
    let seconds = start.elapsed().as_secs_f64();
    assert!(fold.dead.is_empty(), "{:?}", fold.dead.first());
    let rate = records.len() as f64 / seconds;
    println!(
        "{what:28} {:7} records {seconds:7.3} s {rate:9.0} /s {outputs:7} outputs",
        records.len(),
    );
}
