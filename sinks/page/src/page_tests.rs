//! Answers to every address: what they show, to whom, and in which form.

use super::*;
use crate::links;
use crate::sample::{self, ACCOUNTS, HOSTILE};
use serde_json::Value as Json;

const OWNER: &str = "ann";

fn ask(scope: &Scope, target: &str) -> Answer {
    let tables = sample::tables();
    let request = Request::of(target);
    let document = Ok(place(&tables, scope, &request).map(|place| {
        assert_eq!(place, (0, 7), "where the index says that it lies");
        sample::document()
    }));
    Answered { tables: &tables, scope, asks: false, document }.answer(&request).into()
}

fn get(target: &str) -> (u16, String) {
    let answer = ask(&Scope::All, target);
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn json(target: &str) -> Json {
    let (status, body) = get(target);
    assert_eq!(status, 200, "{target}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Every address with its parts filled in.
fn targets() -> Vec<String> {
    let filled = |pattern: &str| {
        let resource = sample::resource_key();
        pattern
            .replace("{account}", ACCOUNTS[0].0)
            .replace("{requirement}", "s3-public")
            .replace("{region}", &resource.region)
            .replace("{type}", &links::escaped(&resource.resource_type))
            .replace("{id}", &links::escaped(&resource.id))
    };
    routes::ROUTES.iter().map(|route| filled(route.pattern)).collect()
}

#[test]
fn every_address_answers_and_nothing_from_outside_becomes_markup() {
    for target in targets() {
        let (status, body) = get(&target);
        assert_eq!(status, 200, "{target}");
        assert!(body.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{target}");
        for wrong in ["<script>alert", "<b>checkout", "style=", "onclick", "javascript:"] {
            assert!(!body.contains(wrong), "{target} holds {wrong}");
        }
        assert_eq!(body.matches("<script").count(), 1, "{target}: the page's own alone");
    }
    let (_, body) = get(&format!("/account/{}/s3-public", ACCOUNTS[0].0));
    assert!(body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "it is shown as it is called");
}

#[test]
fn every_link_leads_somewhere() {
    let mut seen = std::collections::BTreeSet::new();
    let mut left = vec!["/".to_owned()];
    while let Some(target) = left.pop() {
        let decoded = target.replace("&amp;", "&");
        let (status, body) = get(&decoded);
        assert_eq!(status, 200, "{decoded}");
        let links = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.filter(|link| link.starts_with('/')) {
            let is_page = !link.contains("format=") && asset(link).is_none();
            if is_page && seen.len() < 400 && seen.insert(link.to_owned()) {
                left.push(link.to_owned());
            }
        }
    }
    assert!(seen.len() > 60, "only {} links were found", seen.len());
}

#[test]
fn an_owner_sees_his_accounts_alone() {
    let scope = Scope::Owner(OWNER.to_owned());
    let others = [ACCOUNTS[2].0, "ledger", ACCOUNTS[3].0, "acquired", "bob"];
    for target in targets() {
        for target in [target.clone(), format!("/api/v1{target}")] {
            let answer = ask(&scope, &target);
            let body = String::from_utf8(answer.body).unwrap();
            let expected = if target.ends_with("/executives") { 404 } else { 200 };
            assert_eq!(answer.status, expected, "{target}");
            for other in others {
                assert!(!body.contains(other), "{target} tells of {other}");
            }
        }
    }
    for target in ["/account/305060708090", "/api/v1/failing/305060708090", "/search?q=ledger"] {
        let answer = ask(&scope, target);
        let body = String::from_utf8(answer.body).unwrap();
        let is_search = target.starts_with("/search");
        assert_eq!(answer.status, if is_search { 200 } else { 404 }, "{target}");
        assert!(!body.contains("/account/305060708090"), "{target}");
    }
}

#[test]
fn figures_are_those_of_the_sample() {
    // (10 * 3/4 + 2 * 2/4) / 12, as the sample's comment says; three accounts fail three each.
    let expected = 8.5 / 12.0;
    let overview = json("/api/v1/");
    assert!((overview["score"].as_f64().unwrap() - expected).abs() < 1e-9, "{overview}");
    assert_eq!((&overview["open"], &overview["accounts"]), (&json!(9), &json!(4)));
    assert_eq!(overview["not_collected"], 1);
    let (_, page) = get("/");
    assert!(page.contains("70.8 %") && page.contains("■ poor"), "rounded, with its word");
    assert!(page.contains("1 account</strong> never collected"));

    let accounts = json("/api/v1/accounts?sort=-account");
    assert_eq!(accounts["total"], 4);
    assert_eq!(accounts["items"][0]["account"], ACCOUNTS[3].0);
    assert_eq!(accounts["items"][0]["score"], Json::Null);
    // Half the score until six days ago.
    let movers = json("/api/v1/movers");
    let points = movers["items"][0]["points"].as_f64().unwrap();
    assert!((points - expected * 50.0).abs() < 1e-6, "{movers}");
    // One of four buckets is worth 10/4 of 36: 6.94 points.
    let actions = json("/api/v1/actions");
    assert_eq!(actions["items"][0]["requirement"], "No bucket is public");
    let points = actions["items"][0]["points"].as_f64().unwrap();
    assert!((points - 100.0 * 10.0 / 4.0 / 36.0).abs() < 1e-9, "{actions}");
    let exceptions = json("/api/v1/exceptions");
    assert_eq!(
        (&exceptions["items"][0]["days_left"], &exceptions["items"][0]["credited"]),
        (&json!(3), &json!(3))
    );
    let failing = json(&format!("/api/v1/failing/{}", ACCOUNTS[0].0));
    let order: Vec<_> = failing["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["✗ fails", "✗ fails", "◇ accepted", "? unknown"]);
}

#[test]
fn what_moved_a_score_is_told_with_its_cause() {
    let changes = json(&format!("/api/v1/changes/{}", ACCOUNTS[0].0));
    assert_eq!(changes["total"], 1);
    assert_eq!(changes["items"][0]["cause"], "observation/2/41");
    let target = format!("/explain/{}/s3-public?resource=bucket%2F1", ACCOUNTS[0].0);
    let (_, page) = get(&target);
    assert!(page.contains("observation/2/41") && page.contains("It passed until"), "{page}");
    let explained = json(&format!("/api/v1{target}"));
    let requirement = &explained["requirements"][0];
    // A quarter of weight 10 of 12 is lost.
    assert!((requirement["costs"].as_f64().unwrap() - 2.5 / 12.0).abs() < 1e-9, "{requirement}");
    assert_eq!(requirement["verdicts"][0]["last"]["cause"]["offset"], 41);
}

#[test]
fn an_accounts_score_is_explained_by_what_each_requirement_costs() {
    let target = format!("/explain/{}", ACCOUNTS[0].0);
    let explained = json(&format!("/api/v1{target}"));
    let score = explained["score"]["score"].as_f64().unwrap();
    let requirements = explained["requirements"].as_array().unwrap();
    let costs: Vec<f64> = requirements.iter().map(|one| one["costs"].as_f64().unwrap()).collect();
    assert!(costs.is_sorted_by(|a, b| a >= b) && costs.len() > 1, "{costs:?}");
    assert!((1.0 - costs.iter().sum::<f64>() - score).abs() < 1e-9, "{explained}");
    let (status, page) = get(&target);
    assert_eq!(status, 200);
    assert!(page.contains(&format!("href=\"{target}/s3-public\"")), "{page}");
    assert!(get(&links::account(ACCOUNTS[0].0)).1.contains(&format!("href=\"{target}\"")));
}

#[test]
fn a_resource_that_passes_by_now_is_explained_too() {
    let target = format!("/explain/{}/s3-public?resource=bucket%2F9", ACCOUNTS[0].0);
    let (status, page) = get(&target);
    assert_eq!(status, 200);
    assert!(page.contains("if it is not here, it passes or is gone"), "{page}");
    let explained = json(&format!("/api/v1{target}"));
    assert_eq!(explained["requirements"][0]["verdicts"], json!([]));
    let other = json(&format!("/api/v1/explain/{}/s3-logs?resource=two", ACCOUNTS[0].0));
    assert_eq!(other["requirements"][0]["verdicts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn resources_are_found_and_shown() {
    for wanted in ["10.0.0.7", "bucket/1", "team=%3Cscript", "ALERT"] {
        let found = json(&format!("/api/v1/search?q={wanted}"));
        assert_eq!(found["total"], 1, "{wanted}");
        assert_eq!(found["items"][0]["name"], HOSTILE);
    }
    assert_eq!(json("/api/v1/search?q=10.0.0.8")["total"], 0);
    assert_eq!(json("/api/v1/search")["total"], 0);
    let target = links::resource(&sample::resource_key());
    assert_eq!(json(&format!("/api/v1{target}"))["configuration"]["address"], "10.0.0.7");
    let (status, _) = get("/resource/111111111111/eu-west-1/x/none");
    assert_eq!(status, 404);
}

#[test]
fn lists_are_files_too() {
    let answer = ask(&Scope::All, "/accounts?format=csv&q=payments");
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"accounts-2026-03-02.csv\"")
    );
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.starts_with("\u{feff}name,account,score,"), "{text}");
    assert_eq!(text.lines().count(), 2, "the filter holds for files too");
    let answer = ask(&Scope::All, "/heat?format=xlsx");
    assert!(answer.body.starts_with(b"PK"));
    assert_eq!(get("/accounts?format=json").1, get("/api/v1/accounts").1);
}

#[test]
fn what_is_wrong_is_said() {
    for (target, status) in [
        ("/nothing", 404),
        ("/api/v1/nothing", 404),
        ("/account/9", 404),
        ("/requirement/none", 404),
        ("/explain/111111111111/none", 404),
        ("/explain/9", 404),
        ("/accounts?page=x", 400),
        ("/api/v1/accounts?sort=none", 400),
        ("/?format=csv", 400),
    ] {
        let answer = ask(&Scope::All, target);
        assert_eq!(answer.status, status, "{target}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"));
        let is_problem = answer.header("content-type") == Some("application/problem+json");
        assert_eq!(is_problem, target.starts_with("/api") || target == "/?format=csv", "{target}");
    }
}

#[test]
fn the_interface_is_described_as_it_answers() {
    let document = openapi::document();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), routes::ROUTES.len());
    for (route, target) in routes::ROUTES.iter().zip(targets()) {
        let schema = &paths[route.pattern]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        let answer = json(&format!("/api/v1{target}"));
        for name in schema["required"].as_array().unwrap() {
            assert!(answer.get(name.as_str().unwrap()).is_some(), "{target} lacks {name}");
        }
        let columns = &schema["properties"]["items"]["items"];
        let Some(item) = answer["items"].get(0).and_then(Json::as_object) else { continue };
        for name in columns["required"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let kinds = &columns["properties"][name]["type"];
            let value = &item[name];
            let kind = match value {
                Json::Null => "null",
                Json::String(_) => "string",
                Json::Array(_) => "array",
                Json::Number(number) if number.is_i64() => "integer",
                _ => "number",
            };
            let fits = kinds == kind
                || kinds.as_array().is_some_and(|kinds| {
                    kinds.iter().any(|one| one == kind || (one == "number" && kind == "integer"))
                });
            assert!(fits, "{target}: {name} is {value}, not {kinds}");
        }
        if route.pattern != "/heat" {
            assert_eq!(item.len(), columns["required"].as_array().unwrap().len(), "{target}");
        }
    }
}

#[test]
fn colours_are_those_of_the_workbooks() {
    let workbooks = include_str!("../../workbook/src/format.rs");
    let classes = [".h0, .high", ".h3", ".h6", ".medium", ".low", ".critical"];
    for class in classes {
        let rule = STYLE.split(&format!("\n{class} {{ background: #")).nth(1).unwrap();
        let [red, green, blue] = [0, 2, 4].map(|at| rule[at..at + 2].to_uppercase());
        let colour = format!("0x{red}_{green}_{blue}");
        assert!(workbooks.contains(&colour), "{class} is {colour}");
    }
}
