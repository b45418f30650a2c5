//! Tables of many accounts and requirements: every page of them, and what is said of the rest.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    AccountKey, AccountState, RequirementKey, Resource, ResourceKey, ResourceState, SCORE_ONE,
    ScoreKey, ScoreState, ScoreStatus, Severity, TypeCoverage,
};
use serde_json::Value as Json;

use super::*;
use crate::sample::{AT_MS, requirement};
use crate::tables::Row;

const ACCOUNTS: usize = 120;
const REQUIREMENTS: usize = 40;

/// Resources that each requirement judges in each account.
const TOTAL: i64 = 8;

fn failing(account: usize, requirement: usize) -> i64 {
    (account * 7 + requirement * 3) as i64 % (TOTAL + 1)
}

fn weight(requirement: usize) -> i64 {
    1 + requirement as i64 % 10
}

fn account_id(account: usize) -> String {
    format!("{:012}", 100 + account)
}

fn title(requirement: usize) -> String {
    format!("Requirement {requirement}")
}

/// Percent as the page writes it: rounded down to a tenth, in whole numbers.
fn percent_of(account: usize, requirement: usize) -> String {
    let tenths = (TOTAL - failing(account, requirement)) * 1_000 / TOTAL;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn large() -> Tables {
    let mut tables = Tables::default();
    tables.take(Row::Tick(AT_MS));
    tables.reading.is_loaded = true;
    for at in 0..REQUIREMENTS {
        let id = format!("r{at}");
        let one = requirement(&id, &title(at), Severity::High, weight(at));
        tables.take(Row::Requirement(RequirementKey::new(&*id), Some(one)));
    }
    for at in 0..ACCOUNTS {
        account(&mut tables, at);
    }
    tables
}

fn account(tables: &mut Tables, at: usize) {
    let id = account_id(at);
    let coverage = TypeCoverage {
        resource_type: "T".into(),
        scopes: 1,
        collected: 1,
        failed: 0,
        oldest_ms: Some(AT_MS),
        error: None,
        resources: TOTAL,
    };
    let state = AccountState {
        account: id.clone(),
        name: format!("account {at}"),
        listed: true,
        coverage: vec![coverage],
        ..AccountState::default()
    };
    tables.take(Row::Account(AccountKey::new(&*id), Some(state)));
    let mut whole = ScoreState { status: ScoreStatus::Scored, ..ScoreState::default() };
    for one in 0..REQUIREMENTS {
        let share = (TOTAL - failing(at, one)) * SCORE_ONE / TOTAL;
        let score = ScoreState {
            status: ScoreStatus::Scored,
            score: Some(share),
            weight: weight(one),
            weighted_score: weight(one) * share,
            total: TOTAL,
            noncompliant: failing(at, one),
            ..ScoreState::default()
        };
        whole.weight += score.weight;
        whole.weighted_score += score.weighted_score;
        tables.take(Row::Score(ScoreKey::new(&*id, format!("r{one}")), Some(score)));
    }
    tables.take(Row::Score(ScoreKey::new(&*id, "*"), Some(whole)));
}

fn ask(tables: &Tables, target: &str) -> String {
    let request = Request::of(target);
    let document = Ok(None);
    let made = Answered { tables, scope: &Scope::All, asks: false, document }.answer(&request);
    let answer = Answer::from(made);
    assert_eq!(answer.status, 200, "{target}");
    String::from_utf8(answer.body).unwrap()
}

fn json(tables: &Tables, target: &str) -> Json {
    serde_json::from_str(&ask(tables, &format!("/api/v1{target}"))).unwrap()
}

/// Gives what stands between tags.
fn text_of(markup: &str) -> String {
    let mut text = String::new();
    for part in markup.split('<') {
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
    }
    text.trim().to_owned()
}

/// Gives the heading and the fields of a page's table.
fn fields(page: &str) -> Vec<Vec<String>> {
    let table = page.split("<table").nth(1).unwrap().split("</table>").next().unwrap();
    let rows = table.split("<tr>").skip(1);
    let cells = |row: &str| {
        let row = row.replace("<th ", "<td ");
        row.split("<td ").skip(1).map(|cell| text_of(&format!("<{cell}"))).collect()
    };
    rows.map(cells).collect()
}

/// Gives where a link of some words leads.
fn link(page: &str, words: &str) -> Option<String> {
    let before = page.split_once(&format!(">{words}</a>"))?.0;
    Some(before.rsplit_once("href=\"")?.1.split('"').next()?.replace("&amp;", "&"))
}

/// Every page that links lead to, down and across, from the first one.
fn pages(tables: &Tables, first: &str) -> Vec<String> {
    let (mut pages, mut down) = (Vec::new(), Some(first.to_owned()));
    while let Some(address) = down {
        let mut across = Some(address.clone());
        while let Some(address) = across {
            let page = ask(tables, &address);
            across = link(&page, "Next columns");
            pages.push(page);
            assert!(pages.len() < 100, "{address} leads in circles");
        }
        down = link(&ask(tables, &address), "Next");
    }
    pages
}

#[test]
fn the_pages_of_the_heat_map_are_the_whole_of_it() {
    let tables = large();
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let pages = pages(&tables, "/heat");
    assert_eq!(pages.len(), 3 * 3, "50 accounts and 18 requirements on each");
    for page in &pages {
        let fields = fields(page);
        let (heading, rows) = fields.split_first().unwrap();
        assert!(heading.len() <= 20 && rows.len() <= 50);
        for row in rows {
            for (column, field) in heading.iter().zip(row).skip(2) {
                let value = field.trim_start_matches(['✗', '!', '✓', ' ']).to_owned();
                let twice = found.insert((row[0].clone(), column.clone()), value);
                assert_eq!(twice, None, "{} {column} is on two pages", row[0]);
            }
        }
    }
    assert_eq!(found.len(), ACCOUNTS * REQUIREMENTS);
    for account in 0..ACCOUNTS {
        for requirement in 0..REQUIREMENTS {
            let key = (format!("account {account}"), title(requirement));
            assert_eq!(found[&key], percent_of(account, requirement), "{key:?}");
        }
    }
    // Files and programs have all columns at once.
    let file = ask(&tables, "/heat?columns=2&page=2&format=csv");
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!((lines.len(), lines[0].split(',').count()), (1 + ACCOUNTS, 2 + REQUIREMENTS));
    let items = &json(&tables, "/heat?columns=2&rows=200")["items"];
    assert_eq!(items.as_array().map(Vec::len), Some(ACCOUNTS));
    assert_eq!(items[0].as_object().map(serde_json::Map::len), Some(2 + REQUIREMENTS));
}

#[test]
fn the_state_of_the_heat_map_is_in_its_address() {
    let tables = large();
    let page = ask(&tables, "/heat?sort=-r24&q=account+1&rows=10&columns=2");
    assert!(page.contains("Columns 19 to 36 of 40"), "{page}");
    let all = fields(&page);
    assert_eq!(all[0].len(), 20);
    let at = all[0].iter().position(|label| label.starts_with(&title(24))).unwrap();
    let shares = all[1..].iter().map(|row| {
        assert!(row[0].contains("account 1"), "{row:?}");
        row[at].trim_start_matches(['✗', '!', '✓', ' ']).trim_end_matches(" %").parse::<f64>()
    });
    let shares: Vec<f64> = shares.map(Result::unwrap).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b) && shares.len() == 10, "{shares:?}");
    let next = link(&page, "Next").unwrap();
    assert_eq!(next, "/heat?q=account%201&sort=-r24&rows=10&page=2&columns=2");
    let across = link(&page, "Next columns").unwrap();
    assert_eq!(across, "/heat?q=account%201&sort=-r24&rows=10&columns=3");
    assert!(ask(&tables, &across).contains("Columns 37 to 40 of 40"));
    let csv = link(&page, "CSV").unwrap();
    assert_eq!(csv, "/heat?q=account%201&sort=-r24&rows=10&format=csv");
    assert!(page.contains("<input type=\"hidden\" name=\"columns\" value=\"2\">"), "{page}");
    // A page that is not there is the last one.
    assert!(ask(&tables, "/heat?columns=99").contains("Columns 37 to 40 of 40"));
}

#[test]
fn the_overview_says_what_it_leaves_out() {
    let page = ask(&large(), "/");
    assert!(page.contains("These are 12 of 120 accounts and 18 of 40 requirements."), "{page}");
    assert!(page.len() < 100_000, "{} bytes", page.len());
    let rows = page.split("table class=\"heat\"").nth(1).unwrap().matches("<tr>").count();
    assert_eq!(rows, 1 + 12);
}

#[test]
fn the_best_actions_are_the_best_of_all() {
    // What an action brings for each resource is its weight, since all judge the same number.
    let mut expected: Vec<i64> = (0..ACCOUNTS)
        .flat_map(|account| (0..REQUIREMENTS).map(move |one| (failing(account, one), weight(one))))
        .filter(|(failing, _)| *failing > 0)
        .map(|(_, weight)| weight)
        .collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let tables = large();
    let weights: i64 = (0..REQUIREMENTS).map(weight).sum::<i64>() * ACCOUNTS as i64;
    let answer = json(&tables, "/actions?rows=1000");
    let items = answer["items"].as_array().unwrap();
    assert!(items.len() == 500 && expected.len() > 4_000);
    let mut before = (i64::MAX, f64::INFINITY);
    for (item, expected) in items.iter().zip(expected) {
        let points = item["points"].as_f64().unwrap();
        let each = points / 100.0 * weights as f64 / item["resources"].as_f64().unwrap();
        assert!((each * TOTAL as f64 - expected as f64).abs() < 1e-6, "{item}");
        assert!(before.0 > expected || before.1 >= points - 1e-9, "{item}");
        before = (expected, points);
    }
}

#[test]
fn a_search_says_how_many_it_leaves_out() {
    let mut tables = large();
    let names = |at: usize| match at % 3 {
        0 => format!("db-{at}"),
        1 => format!("old db-{at}"),
        _ => "db".to_owned(),
    };
    for at in 0..1_500 {
        let id = format!("id{at}");
        let resource = Resource {
            provider: "aws".into(),
            account: account_id(at % ACCOUNTS),
            region: "r".into(),
            resource_type: "T".into(),
            id,
            name: names(at),
            arn: String::new(),
            tags: Default::default(),
            configuration: "{}".into(),
            supplementary: "{}".into(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: AT_MS,
        };
        let key: ResourceKey = resource.key();
        let state = ResourceState { resource, scope_region: "r".into(), first_seen_ms: AT_MS };
        tables.take(Row::Resource(key, Some(Box::new(state)), (0, at as i64)));
    }
    let page = ask(&tables, "/search?q=db");
    let words = "The best 1\u{202f}000 of 1\u{202f}500 resources that answer; ask more closely for";
    assert!(page.contains(words), "{page}");
    let answer = json(&tables, "/search?q=db&rows=1000");
    assert_eq!(answer["total"], 1_000);
    let found: Vec<&str> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    // A whole name, then beginnings, and nothing else: there are 500 of each.
    assert!(found[..500].iter().all(|name| *name == "db"), "{found:?}");
    assert!(found[500..].iter().all(|name| name.starts_with("db-")), "{found:?}");
    let ids: BTreeSet<String> =
        answer["items"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect();
    assert_eq!(ids.len(), 1_000, "each once");
    assert!(!ask(&tables, "/search?q=id7").contains("ask more closely for the others"));
}
