//! Random scenarios from a seed: whatever producers may write, in any order they may write it.

use std::collections::BTreeMap;

use schemas::{
    AccountListing, AccountRegister, AccountStatus, Exception, ExceptionState, Finding,
    FindingStatus, FindingSubject, ReportEvent, Resource, Totals, headers::rfc3339,
};

mod requirements;

use crate::build::{
    DAY, Event, MINUTE, Scan, Source, T0, exception, finding, listing, of_source, organisation,
    register, report, resource, spend,
};

pub(crate) const ACCOUNTS: [&str; 4] =
    ["111111111111", "222222222222", "333333333333", "444444444444"];
const FOREIGN: [&str; 3] = ["888877776666", "999988887777", DATADOG];
/// An account that its vendor publishes: docs.datadoghq.com, "AWS manual setup guide".
pub(crate) const DATADOG: &str = "464622532012";
const TYPES: [&str; 3] = ["Test::Bucket", "Test::User", "AWS::IAM::Role"];
const REGIONS: [&str; 2] = ["r1", "r2"];
const SCANNERS: [&str; 2] = ["cloudsploit", "prowler"];
const IDS: [&str; 5] = ["b-1", "b-2", "x/3", "b", "b-1%2F"];

/// SplitMix64 (Steele, Lea, Flood 2014): a seed is a scenario.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Runs a test for many seeds; a failing one is named, with how to run it alone.
pub(crate) fn for_seeds(name: &str, count: u64, test: impl Fn(&mut Random)) {
    struct Named<'a>(&'a str, u64);
    impl Drop for Named<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                let Named(name, seed) = self;
                eprintln!(
                    "failed with seed {seed}: STAGES_SEED={seed} cargo test -p stages {name}"
                );
            }
        }
    }
    let number = |name| std::env::var(name).ok().map(|n| n.parse().expect("a number"));
    let seeds = match number("STAGES_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STAGES_SEEDS").unwrap_or(count),
    };
    for seed in seeds {
        let _named = Named(name, seed);
        test(&mut Random(seed));
    }
}

/// Makes scenarios.
pub(crate) struct Generator<'r> {
    random: &'r mut Random,
    /// Whether every document tells all that rules ask, so that no verdict depends on history.
    plain: bool,
    clock: i64,
    scans: u32,
    /// Scans under way: what they will still write.
    running: Vec<Vec<Source>>,
    done: Vec<Source>,
    events: Vec<Event>,
}

/// Gives a random scenario of about `steps` steps.
pub(crate) fn scenario(random: &mut Random, steps: usize, plain: bool) -> Vec<Event> {
    let clock = T0;
    let mut generator =
        Generator { random, plain, clock, scans: 0, running: vec![], done: vec![], events: vec![] };
    generator.write(Source::Tick(clock));
    (0..steps).for_each(|_| generator.step());
    generator.events
}

impl Generator<'_> {
    fn write(&mut self, source: Source) {
        let within = i64::try_from(self.random.below(60_000)).expect("a minute");
        let at_ms = match source {
            Source::Tick(minute_ms) => minute_ms,
            _ => self.clock + within,
        };
        self.events.push(Event { at_ms, source });
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..55 => self.go_on(),
            55..63 => self.tick(),
            63..71 => self.requirement(),
            71..80 => self.exception(),
            80..84 => {
                let id = self.random.pick(&ACCOUNTS);
                let payer = self.random.pick(&["pay-1", "pay-2"]);
                let status = match self.random.below(10) {
                    0 | 1 => AccountStatus::Suspended,
                    2 => AccountStatus::Closing,
                    _ => AccountStatus::Active,
                };
                let row = AccountListing { status, ..listing(id, payer) };
                let row = self.placed(row);
                let row = self.random.chance(80).then_some(row);
                self.write(Source::Listing(id.into(), row));
            }
            84..90 => self.register(),
            90..92 => {
                let id = self.random.pick(&ACCOUNTS);
                let cents = i64::try_from(self.random.below(9000)).expect("small");
                let row = self.random.chance(80).then(|| spend(id, cents));
                self.write(Source::Spend(id.into(), row));
            }
            92..94 => {
                let id = self.random.pick(&ACCOUNTS);
                self.write(Source::Poison(id.into()));
            }
            _ => self.again(),
        }
    }

    /// Moves an account to some unit, under names of which some begin like others.
    fn placed(&mut self, row: AccountListing) -> AccountListing {
        let paths: [&[&str]; 5] =
            [&[], &["prod"], &["prod", "shop"], &["prod", "shopping"], &["production", "shop"]];
        let units = self.random.pick(&paths).iter().map(|name| (*name).to_owned()).collect();
        let tags = self.some_tags();
        AccountListing { units, tags, ..row }
    }

    fn some_tags(&mut self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        if self.random.chance(50) {
            let value = self.random.pick(&["dev", "development", ""]);
            tags.insert("env".to_owned(), value.to_owned());
        }
        if self.random.chance(20) {
            tags.insert("envy".to_owned(), "dev".to_owned());
        }
        tags
    }

    /// Takes up a scan under way, or starts one.
    fn go_on(&mut self) {
        if self.random.chance(10) {
            let change = self.a_change();
            self.done.push(change.clone());
            return self.write(change);
        }
        if self.running.is_empty() || self.random.chance(12) {
            let made = if self.random.chance(25) { self.a_report() } else { self.a_scan() };
            self.running.push(made);
        }
        let at = self.random.below(self.running.len());
        for _ in 0..=self.random.below(4) {
            if self.running[at].is_empty() {
                break;
            }
            let source = self.running[at].remove(0);
            self.done.push(source.clone());
            self.write(source);
        }
        // Some never end: their collector died.
        if self.running[at].is_empty() || self.random.chance(3) {
            self.running.remove(at);
        }
    }

    /// Delivers a record of some scan again.
    fn again(&mut self) {
        if !self.done.is_empty() {
            let source = self.random.pick(&self.done);
            self.write(source);
        }
    }

    fn tick(&mut self) {
        let mut minutes = self.random.pick(&[1, 1, 2, 5, 17, 70]);
        // Long enough for findings to be stale before long.
        if !self.plain && self.random.chance(5) {
            minutes += 3 * DAY / MINUTE;
        }
        self.clock += minutes * MINUTE;
        self.write(Source::Tick(self.clock));
        if self.random.chance(10) {
            self.write(Source::Tick(self.clock - MINUTE));
        }
    }

    fn a_scan(&mut self) -> Vec<Source> {
        self.scans += 1;
        let account = self.account();
        let of_type = if self.random.chance(40) { TYPES[0] } else { self.random.pick(&TYPES) };
        let region = self.random.pick(&REGIONS);
        let scan = Scan {
            attempt: i32::try_from(1 + self.random.below(2)).expect("small"),
            ..Scan::new(account, of_type, region, &format!("scan-{:05}", self.scans))
        };
        let mut items = Vec::new();
        for id in IDS {
            if self.random.chance(60) {
                // Some are listed in every region and lie in none.
                let lies_in = if id == "b" { "global" } else { region };
                let item = self.document(account, lies_in, of_type, id);
                items.push(scan.see(&item));
            }
        }
        let count = i64::try_from(items.len()).expect("small");
        let end = match self.random.below(10) {
            0 | 1 => scan.fail("AccessDenied: no"),
            2 => scan.complete(count + 1),
            _ => scan.complete(count),
        };
        if matches!(self.random.below(10), 0) {
            items.truncate(1);
        }
        std::iter::once(scan.start()).chain(items).chain([end]).collect()
    }

    fn document(&mut self, account: &str, region: &str, of_type: &str, id: &str) -> Resource {
        let absent = !self.plain && self.random.chance(20);
        let config = match of_type {
            _ if absent => "{}".to_owned(),
            "Test::Bucket" => format!(r#"{{"Public":{}}}"#, self.random.chance(40)),
            "Test::User" => self.keys(),
            _ => self.policy(),
        };
        let mut made = resource(account, region, of_type, id, &config);
        made.captured_ms = self.clock;
        made.tags = self.some_tags();
        if self.random.chance(10) {
            made.name = "renamed".into();
        }
        match self.random.below(20) {
            0 => made.arn.clear(),
            1 => made.arn = "arn:test:far".into(),
            _ => {}
        }
        if !self.plain && self.random.chance(10) {
            made.errors.insert("Encryption".into(), "AccessDenied: no".into());
        } else {
            made.supplementary = format!(r#"{{"Encryption":{}}}"#, self.random.chance(70));
        }
        made
    }

    fn keys(&mut self) -> String {
        let mut keys = Vec::new();
        for id in ["K1", "K2", "K2"] {
            if self.random.chance(60) {
                // Their 31st day begins within the scenario's hours, on a minute.
                let minutes = i64::try_from(self.random.below(400)).expect("small");
                let made = rfc3339(T0 - 31 * DAY + (minutes - 50) * MINUTE);
                let active = self.random.chance(80);
                keys.push(format!(r#"{{"Id":"{id}","Made":"{made}","Active":{active}}}"#));
            }
        }
        format!(r#"{{"Keys":[{}]}}"#, keys.join(","))
    }

    fn policy(&mut self) -> String {
        let mut named = Vec::new();
        for id in ACCOUNTS.iter().chain(&FOREIGN) {
            if self.random.chance(25) {
                named.push(format!(r#""arn:aws:iam::{id}:root""#));
            }
        }
        if self.random.chance(20) {
            named.push(r#""*""#.into());
        }
        let service =
            if self.random.chance(30) { r#","Service":["ec2.amazonaws.com"]"# } else { "" };
        // A condition narrows everyone for the rules, too, and tells who comes if it names them.
        let payer = self.random.pick(&["pay-1", "pay-2", "pay-9"]);
        let demand = match self.random.below(10) {
            0..2 => r#""Condition":{"StringEquals":{"sts:ExternalId":"7"}},"#.to_owned(),
            2..5 => format!(
                r#""Condition":{{"StringEquals":{{"aws:PrincipalOrgID":"{}"}}}},"#,
                organisation(payer)
            ),
            _ => String::new(),
        };
        format!(
            r#"{{"AssumeRolePolicyDocument":{{"Statement":[{{"Effect":"Allow",
                "Action":"sts:AssumeRole",{demand}"Principal":{{"AWS":[{}]{service}}}}}]}}}}"#,
            named.join(",")
        )
    }

    fn a_report(&mut self) -> Vec<Source> {
        self.scans += 1;
        let account = self.account();
        let id = format!("rep-{:05}", self.scans);
        let mut all = vec![report(account, &id, ReportEvent::Started {})];
        let findings: Vec<_> = (0..self.random.below(6)).map(|_| self.finding()).collect();
        for finding in findings.iter().cloned() {
            all.push(report(account, &id, ReportEvent::Found { finding }));
        }
        let complete = self.random.chance(70);
        let error = "Timeout: cut".to_owned();
        all.push(if self.random.chance(20) {
            report(account, &id, ReportEvent::Failed { error })
        } else {
            report(account, &id, ReportEvent::completed(&findings, complete))
        });
        let source = self.random.pick(&SCANNERS);
        all.into_iter().map(|one| of_source(source, one)).collect()
    }

    /// Draws an account, one of them as often as all others: what scanners and collectors say has
    /// to meet.
    fn account(&mut self) -> &'static str {
        if self.random.chance(50) { ACCOUNTS[0] } else { self.random.pick(&ACCOUNTS) }
    }

    fn a_change(&mut self) -> Source {
        let account = self.account();
        let finding = self.finding();
        let source = self.random.pick(&SCANNERS);
        of_source(source, report(account, "", ReportEvent::Changed { finding }))
    }

    fn finding(&mut self) -> Finding {
        use FindingStatus::{Fail, Pass, Unknown, Warn};
        use FindingSubject::{Account, Empty, Query, Summary};
        let check = self.random.pick(&["openSSH", "bucketPolicy", "unmapped"]);
        let id = self.random.pick(&["b-1", "b-2", "arn:test:far", "arn:test:b-1", "arn:test:b-2"]);
        let known = [Pass, Warn, Fail];
        let status =
            self.random.pick(if self.plain { &known } else { &[Pass, Warn, Fail, Unknown] });
        let mut made = finding(check, id, status);
        if !self.plain && self.random.chance(20) {
            made.subject = self.random.pick(&[Account, Empty, Query, Summary, Summary]);
        }
        if !self.plain && (made.subject == Summary || self.random.chance(10)) {
            // Outside counts need not agree with each other, nor with what the row says.
            let mut count = || i64::try_from(self.random.below(9)).expect("small") - 1;
            made.totals = Some(Totals { failing: count(), total: count() });
        }
        made
    }

    fn requirement(&mut self) {
        let id = self.random.pick(&["R1", "R2", "R3", "R4", "R5", "R6"]);
        let row = self.random.chance(85).then(|| self.some_requirement(id));
        self.write(Source::Requirement(id.into(), row));
    }

    fn exception(&mut self) {
        let id = self.random.pick(&["e1", "e2", "e/3", "e%4"]);
        let row = self.random.chance(80).then(|| self.some_exception(id));
        self.write(Source::Exception(id.into(), row));
    }

    fn some_exception(&mut self, id: &str) -> Exception {
        let minutes = i64::try_from(self.random.below(300)).expect("small") - 20;
        let expires = self.random.chance(70).then_some(self.clock + minutes * MINUTE);
        let patterns = ["*", "b-1", "b-?", "arn:test:*", "*name", "x/3", "renamed"];
        let texts = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        let requirements: [&[&str]; 6] =
            [&["*"], &["R1"], &["R1", "R5"], &["R2", "R3", "R4"], &["R4", "*"], &["R9"]];
        let accounts: [&[&str]; 8] = [
            &["*"],
            &["*"],
            &ACCOUNTS[..1],
            &ACCOUNTS[1..3],
            &["unit:prod"],
            &["unit:prod/shop", "tag:envy"],
            &["tag:env=dev"],
            &["unit:pro", ACCOUNTS[3]],
        ];
        let regions: [&[&str]; 6] = [&[], &[], &[], &["r1"], &["r?", "x"], &["global"]];
        let tags: [&[&str]; 6] = [&[], &[], &[], &["env"], &["env=dev"], &["envy", "env="]];
        let (state, starts_ms) = (self.a_state(), self.a_start());
        Exception {
            accounts: texts(self.random.pick(&accounts)),
            requirements: texts(self.random.pick(&requirements)),
            approved: self.random.chance(80),
            regions: texts(self.random.pick(&regions)),
            tags: texts(self.random.pick(&tags)),
            state,
            starts_ms,
            ..exception(id, "R1", self.random.pick(&patterns), expires)
        }
    }

    /// What was decided; none as old records have it.
    fn a_state(&mut self) -> Option<ExceptionState> {
        use ExceptionState::{Approved, Asked, Rejected, Withdrawn};
        self.random.chance(60).then(|| {
            let drawn = [Approved, Approved, Approved, Approved, Asked, Rejected, Withdrawn];
            self.random.pick(&drawn)
        })
    }

    fn a_start(&mut self) -> Option<i64> {
        let minutes = i64::try_from(self.random.below(120)).expect("small") - 20;
        self.random.chance(35).then_some(self.clock + minutes * MINUTE)
    }

    fn register(&mut self) {
        let foreign = self.random.chance(40);
        let id = self.random.pick(if foreign { &FOREIGN[..] } else { &ACCOUNTS[..] });
        let owner = self.random.pick(&[None, Some("ann"), Some("bob")]);
        let executive = self.random.pick(&[None, Some("eve"), Some("max")]);
        let row = AccountRegister {
            executive: executive.map(str::to_owned),
            name: self.random.chance(20).then(|| "named".into()),
            third_party: foreign,
            approved: self.random.chance(50),
            ..register(id, owner)
        };
        let row = self.random.chance(80).then_some(row);
        self.write(Source::Register(id.into(), row));
    }
}
