//! Resources: what an account holds at a time, in the shape of the AWS collectors' documents.

mod bucket;
mod credential_report;
mod role;
mod security_group;
mod user;

use std::collections::BTreeMap;

use schemas::{Resource, headers::rfc3339};
use serde_json::{Value, json};

use crate::{
    Config,
    organisation::{Organisation, about},
};

const DAY_MS: i64 = 86_400_000;
const GLOBAL: &str = "global";

/// The regions of regional services.
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// The scopes of an account: resource type and region.
pub(crate) const SCOPES: [(&str, &str); 6] = [
    ("AWS::S3::Bucket", GLOBAL),
    ("AWS::EC2::SecurityGroup", REGIONS[0]),
    ("AWS::EC2::SecurityGroup", REGIONS[1]),
    ("AWS::IAM::User", GLOBAL),
    ("AWS::IAM::Role", GLOBAL),
    ("AWS::IAM::CredentialReport", GLOBAL),
];

const BUCKETS: usize = 0;
const USERS: usize = 3;

/// The number for what is in no scope, but in an outside scanner's reports.
pub(crate) const OUTSIDE: usize = SCOPES.len();

/// One account at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    pub(crate) organisation: Organisation,
    pub(crate) account: usize,
    /// Resources of the most frequent type, about.
    pub(crate) size: usize,
    pub(crate) start_ms: i64,
    /// Half days since the start: when things change.
    pub(crate) half_day: u64,
    /// When it is looked at.
    pub(crate) at_ms: i64,
    /// In a steady load, how often each scope has changed; each time one resource flips.
    pub(crate) turn: Option<u64>,
}

/// One resource, by its number in its scope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    snapshot: Snapshot,
    scope: usize,
    number: usize,
}

impl Snapshot {
    /// Gives an account at the start of half a day.
    pub(crate) fn new(
        config: &Config,
        organisation: Organisation,
        account: usize,
        half_day: u64,
    ) -> Self {
        let start_ms = config.start_ms;
        let at_ms = start_ms + half_day as i64 * DAY_MS / 2;
        Self { organisation, account, size: config.size, start_ms, half_day, at_ms, turn: None }
    }

    /// Lists the resources of a scope.
    pub(crate) fn scope(self, scope: usize) -> Vec<Resource> {
        self.items(scope).map(Item::resource).collect()
    }

    /// Names what has the fault of a scope's first aspect now, the first by number.
    pub(crate) fn first_open_bucket(self) -> Option<String> {
        self.items(BUCKETS).find(|item| item.is_faulty(1)).map(Item::bucket_name)
    }

    pub(crate) fn item(self, scope: usize, number: usize) -> Item {
        Item { snapshot: self, scope, number }
    }

    fn items(self, scope: usize) -> impl Iterator<Item = Item> {
        let all = (0..self.count(scope)).map(move |number| self.item(scope, number));
        all.filter(|item| item.lives())
    }

    /// Gives how many resources a scope has over the days; not all of them live at a time.
    fn count(self, scope: usize) -> usize {
        let draw = |below| {
            let parts = [about::COUNT, scope as u64, self.account as u64];
            self.organisation.chance.below(below as u64, &parts) as usize
        };
        match SCOPES.get(scope).map_or("", |(resource_type, _)| resource_type) {
            "AWS::S3::Bucket" => self.size / 2 + 1 + draw(self.size),
            "AWS::EC2::SecurityGroup" => self.size / 4 + 1 + draw(self.size / 2),
            "AWS::IAM::User" => self.size / 3 + 1 + draw(self.size / 3),
            "AWS::IAM::Role" => self.size / 3 + 2 + draw(self.size / 3),
            "AWS::IAM::CredentialReport" => 1,
            _ => 0,
        }
    }

    /// Gives a day before or after the start as the AWS CLI writes times.
    fn date(self, day: i64, second: u64) -> String {
        let ms = self.start_ms + day * DAY_MS + (second % 86_400) as i64 * 1_000;
        rfc3339(ms).replace(".000Z", "+00:00")
    }
}

impl Item {
    fn resource(self) -> Resource {
        match SCOPES[self.scope].0 {
            "AWS::S3::Bucket" => self.bucket(),
            "AWS::EC2::SecurityGroup" => self.security_group(),
            "AWS::IAM::User" => self.user(),
            "AWS::IAM::Role" => self.role(),
            _ => self.credential_report(),
        }
    }

    /// Tells whether something is at fault now, as likely as its account's quality has it.
    pub(crate) fn is_faulty(self, aspect: u64) -> bool {
        let percent = self.snapshot.organisation.fault_percent(self.snapshot.account);
        let prone = self.happens(percent, about::FAULT, aspect);
        (prone && self.is_in_faulty_time(aspect)) != self.is_flipped(aspect)
    }

    /// Tells whether a fault of what is prone to it shows now: of some always, of some until it is
    /// mended, of some from a time on.
    pub(crate) fn is_in_faulty_time(self, aspect: u64) -> bool {
        let now = self.snapshot.half_day;
        let ends = self.snapshot.organisation.days as u64 * 2;
        match self.draw(10, about::FAULT, aspect + 100) {
            0..=4 => true,
            5..=7 => now <= self.draw(ends, about::FAULT, aspect + 200),
            _ => now >= self.draw(ends, about::FAULT, aspect + 300),
        }
    }

    /// In a steady load, tells whether the first aspect is the other way round now.
    pub(crate) fn is_flipped(self, aspect: u64) -> bool {
        let count = self.snapshot.count(self.scope) as u64;
        let Some(turn) = self.snapshot.turn.filter(|_| aspect == 1 && count > 0) else {
            return false;
        };
        // Turn t flips resource t mod count; turn 0 is the inventory and flips none.
        let number = self.number as u64;
        let flips = (turn + count - number) / count - u64::from(number == 0);
        flips % 2 == 1
    }

    /// Most resources are always there; some come, some go.
    fn lives(self) -> bool {
        let now = self.snapshot.half_day;
        let ends = self.snapshot.organisation.days as u64 * 2;
        match self.draw(100, about::LIFE, 0) {
            _ if self.snapshot.turn.is_some() || self.count_is_one() => true,
            0..=79 => true,
            80..=89 => now >= self.draw(ends, about::LIFE, 1),
            _ => now <= self.draw(ends, about::LIFE, 2),
        }
    }

    fn count_is_one(self) -> bool {
        self.snapshot.count(self.scope) == 1
    }

    /// Tells which trouble of a kind the collector has with this resource, if any: one number a
    /// hundredth. Half of them have it for good, half for two days. In a steady load there is none.
    fn trouble(self) -> Option<u64> {
        let two_days = self.snapshot.half_day / 4;
        let time = if self.number.is_multiple_of(2) { 0 } else { two_days };
        self.snapshot.turn.is_none().then(|| self.draw(100, about::OUTAGE, 1 + time))
    }

    /// Draws a number below `end`, for good.
    fn draw(self, end: u64, what: u64, aspect: u64) -> u64 {
        self.bits(what, aspect) % end.max(1)
    }

    fn happens(self, percent: u64, what: u64, aspect: u64) -> bool {
        self.draw(100, what, aspect) < percent
    }

    fn bits(self, what: u64, aspect: u64) -> u64 {
        let (account, scope) = (self.snapshot.account as u64, self.scope as u64);
        let parts = [what, account, scope, self.number as u64, aspect];
        self.snapshot.organisation.chance.bits(&parts)
    }

    /// Gives an id as IAM writes them: a prefix of four and seventeen letters and digits.
    fn iam_id(self, prefix: &str, aspect: u64) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let words =
            [self.bits(about::IDENTITY, aspect), self.bits(about::IDENTITY, aspect + 1_000)];
        let letters = words.iter().flat_map(|word| (0..12).map(move |n| word >> (5 * n) & 31));
        let letters = letters.take(17).map(|n| char::from(ALPHABET[n as usize]));
        prefix.chars().chain(letters).collect()
    }

    fn account_id(self) -> String {
        self.snapshot.organisation.id(self.snapshot.account)
    }

    fn date(self, day: i64, aspect: u64) -> String {
        self.snapshot.date(day, self.bits(about::DETAIL, aspect))
    }

    /// Wraps a document in its envelope.
    fn envelope(self, region: &str, id: &str, configuration: &Value) -> Resource {
        Resource {
            provider: "aws".to_owned(),
            account: self.account_id(),
            region: region.to_owned(),
            resource_type: SCOPES[self.scope].0.to_owned(),
            id: id.to_owned(),
            name: id.to_owned(),
            arn: String::new(),
            tags: BTreeMap::new(),
            configuration: configuration.to_string(),
            supplementary: "{}".to_owned(),
            errors: BTreeMap::new(),
            truncated: Vec::new(),
            captured_ms: self.snapshot.at_ms,
        }
    }

    /// Gives tags; some things are without, and now and then somebody changes one.
    fn tags(self) -> BTreeMap<String, String> {
        if self.happens(20, about::DETAIL, 90) {
            return BTreeMap::new();
        }
        let ends = self.snapshot.organisation.days as u64 * 8;
        let changed = self.snapshot.half_day > self.draw(ends, about::DETAIL, 91);
        let stage = if changed { "reviewed" } else { "new" };
        let owner = self.snapshot.organisation.name(self.snapshot.account);
        [("project", &*owner), ("stage", stage)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    /// Notes that a further call was denied: what it would have said is not in the document.
    fn deny(self, resource: &mut Resource, supplementary: &mut Value, name: &str) {
        let message = "AccessDenied: Access Denied".to_owned();
        resource.errors.insert(name.to_owned(), message);
        if let Value::Object(members) = supplementary {
            members.remove(name);
        }
    }
}

/// Writes tags as AWS lists them.
fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}
