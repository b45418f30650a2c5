//! Addresses of every kind, and how long each takes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;
use sink_page::{Answer, Page, Request};

/// No address is asked for longer than this, but three times.
const ADDRESS_LIMIT: Duration = Duration::from_secs(8);

/// An address in one form.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) form: &'static str,
    pub(super) rounds: usize,
    pub(super) p50_ms: f64,
    pub(super) max_ms: f64,
    pub(super) bytes: usize,
}

/// Who asks: everybody's accounts are seen, or an owner's.
pub(super) struct Asker<'p> {
    pub(super) page: &'p Page,
    /// The bearer's token, where the page asks for one.
    pub(super) token: Option<&'p str>,
}

impl Asker<'_> {
    /// Asks once.
    pub(super) fn get(&self, target: &str) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.page.answer(&Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            host: Some("localhost".to_owned()),
            authorization: self.token.map(|token| format!("Bearer {token}")),
            ..Request::default()
        })
    }

    /// Asks a program's address once and reads the answer.
    pub(super) fn json(&self, target: &str) -> Result<Value> {
        let answer = self.get(&format!("/api/v1{target}"));
        ensure!(answer.status == 200, "{target} has status {}", answer.status);
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Asks for an address in a form until it is known how long that takes.
    pub(super) fn time(
        &self,
        name: &str,
        target: &str,
        form: &'static str,
        rounds: usize,
    ) -> Result<Asked> {
        let sign = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{sign}format={form}");
        let (began, mut took, mut bytes) = (Instant::now(), Vec::new(), 0);
        while took.len() < rounds && (took.len() < 3 || began.elapsed() < ADDRESS_LIMIT) {
            let start = Instant::now();
            let answer = self.get(&target);
            took.push(start.elapsed().as_secs_f64() * 1_000.0);
            ensure!(answer.status == 200, "{target} has status {}", answer.status);
            bytes = answer.body.len();
        }
        let rounds = took.len();
        let (p50_ms, max_ms) = middle(took);
        let asked = Asked { name: name.to_owned(), form, rounds, p50_ms, max_ms, bytes };
        eprintln!("{target}: {p50_ms:.1} ms, at most {max_ms:.1} ms, {bytes} bytes");
        Ok(asked)
    }
}

/// Gives the middle of some figures, at least one, and the largest.
pub(super) fn middle(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    (figures[figures.len() / 2], figures[figures.len() - 1])
}

/// What an address is made with: an account with many rows, and what is in it.
pub(super) struct Known {
    pub(super) account: String,
    requirement: String,
    resource: Value,
    arn: String,
}

impl Known {
    /// Asks the page for them.
    pub(super) fn of(asker: &Asker<'_>) -> Result<Self> {
        let text = |value: &Value, name: &str| -> Result<String> {
            let text = value[name].as_str().with_context(|| format!("no {name} in {value}"))?;
            Ok(text.to_owned())
        };
        let account = &asker.json("/accounts?sort=-open&rows=1")?["items"][0];
        let account = text(account, "account")?;
        let requirement = &asker.json(&format!("/account/{account}?sort=-open&rows=1"))?["items"];
        let requirement = text(&requirement[0], "requirement")?;
        let resource = asker.json("/search?q=10.0.0.7&rows=1")?["items"][0].clone();
        let key = ["type", "id", "region"].map(|name| text(&resource, name));
        let [kind, id, region] = key;
        let whose = text(&resource, "account")?;
        let whose = asker.json(&format!("/accounts?q={whose}&rows=1"))?;
        let whose = text(&whose["items"][0], "account")?;
        let path = format!("/resource/{whose}/{}/{}/{}", region?, kind?.replace(':', "%3A"), id?);
        let arn = text(&asker.json(&path)?, "arn")?;
        Ok(Self { account, requirement, resource: path.into(), arn })
    }

    /// Gives the addresses: a name, an address, and whether it is a table, which is a file too.
    pub(super) fn addresses(&self) -> Vec<(&'static str, String, bool)> {
        let Self { account, requirement, resource, arn } = self;
        let list = |name: &'static str| (name, name.to_owned(), true);
        let one = |name, address: String| (name, address, true);
        let id = arn.rsplit('/').next().unwrap_or_default();
        let mut all = vec![("/", "/".to_owned(), false)];
        all.extend(["/accounts", "/requirements", "/heat", "/movers", "/actions"].map(list));
        all.extend(["/executives", "/exceptions", "/days", "/trust"].map(list));
        all.extend([
            one("/accounts, sorted", "/accounts?sort=name".to_owned()),
            one("/accounts, filtered", "/accounts?q=ledger-prod".to_owned()),
            one("/heat, sorted", format!("/heat?sort={requirement}")),
            one("/heat, filtered", "/heat?q=ledger-prod".to_owned()),
            one("/heat, last page", "/heat?page=1000000".to_owned()),
            one("/account/ID", format!("/account/{account}")),
            one("/account/ID/REQUIREMENT", format!("/account/{account}/{requirement}")),
            one("/failing/ID", format!("/failing/{account}")),
            one("/changes/ID", format!("/changes/{account}")),
            one("/days/ID", format!("/days/{account}")),
            one("/requirement/ID", format!("/requirement/{requirement}")),
            ("/explain/ID", format!("/explain/{account}"), false),
            ("/explain/ID/REQUIREMENT", format!("/explain/{account}/{requirement}"), false),
            ("/resource/...", resource.as_str().unwrap_or_default().to_owned(), false),
            one("/search by id", format!("/search?q={id}")),
            one("/search by IP address", "/search?q=10.0.0.7".to_owned()),
            one("/search by ARN", format!("/search?q={}", arn.replace(':', "%3A"))),
            one("/search by tag", "/search?q=team%3Dledger".to_owned()),
            one("/search, one letter", "/search?q=e".to_owned()),
            one("/search, nothing found", "/search?q=no-such-thing".to_owned()),
        ]);
        all
    }
}

/// Asks for every address in every form that it has.
pub(super) fn all(asker: &Asker<'_>, known: &Known, rounds: usize) -> Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for (name, address, is_table) in known.addresses() {
        let forms: &[&str] =
            if is_table { &["html", "json", "csv", "xlsx"] } else { &["html", "json"] };
        // Every list of resources makes its files alike.
        let forms = if name.starts_with("/search") { &forms[..2] } else { forms };
        for form in forms {
            asked.push(asker.time(name, &address, form, rounds)?);
        }
    }
    Ok(asked)
}
