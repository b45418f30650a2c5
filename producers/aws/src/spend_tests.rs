//! Billing's answers, good and ugly, and what becomes of them.

use std::sync::Arc;

use kit::moto::Moto;

use super::*;
use crate::api::{Budget, Limit, Model, Partition};
use crate::collectors::{payer_actions, session_policy};
use crate::config::Config;
use crate::session::Sessions;
use crate::testing::{FakeAws, Sent};

/// 2026-11-28T16:40:00Z.
const NOW_MS: i64 = 1_795_884_000_000;

const ONE: &str = "111111111111";
const TWO: &str = "222222222222";

fn ask(sent: &Sent) -> (String, Value) {
    let target = sent.headers.get("x-amz-target").expect("calls name their operation");
    let body = serde_json::from_str(&sent.body).expect("calls carry JSON");
    (target.split_once('.').expect("a version and an operation").1.to_owned(), body)
}

/// A metric of an account and a currency, with more dimensions.
fn metric(account: &str, currency: &str, more: &[&str]) -> Value {
    let mut dimensions = vec![
        json!({"Name": "LinkedAccount", "Value": account}),
        json!({"Name": "Currency", "Value": currency}),
    ];
    dimensions.extend(more.iter().map(|name| json!({"Name": name, "Value": "x"})));
    json!({"Namespace": "AWS/Billing", "MetricName": "EstimatedCharges", "Dimensions": dimensions})
}

/// CloudWatch with these metrics, which answers each with these points.
fn cloudwatch(metrics: Vec<Value>, points: fn(&str) -> Value) -> FakeAws {
    FakeAws::new(move |sent| {
        let (operation, body) = ask(sent);
        let answer = if operation == "ListMetrics" {
            json!({"Metrics": metrics})
        } else {
            let dimensions = body["Dimensions"].as_array().expect("a question has dimensions");
            let texts = dimensions.iter().filter_map(|dimension| dimension["Value"].as_str());
            json!({"Datapoints": points(&texts.collect::<Vec<_>>().join(" "))})
        };
        (200, vec![], answer.to_string())
    })
}

async fn told(fake: &FakeAws, source: SpendSource) -> Result<Vec<String>, String> {
    let accounts = [ONE.to_owned(), TWO.to_owned()];
    let spends = charges(&fake.account(), &accounts, NOW_MS, source).await?;
    assert!(spends.iter().all(|spend| spend.captured_ms == NOW_MS));
    let tell = |one: Spend| format!("{} {} {}", one.account, one.cents, one.currency);
    Ok(spends.into_iter().map(tell).collect())
}

#[test]
fn amounts_become_hundredths() {
    let cases = [
        ("12.345", Some(1235)),
        ("12.344999999999999", Some(1234)),
        ("0.285", Some(29)),
        ("1.005", Some(101)),
        ("1e3", Some(100_000)),
        ("1.5E-1", Some(15)),
        ("2.5e-3", Some(0)),
        ("5e-3", Some(1)),
        ("1e-400", Some(0)),
        ("0e400", Some(0)),
        ("-3.456", Some(-346)),
        ("+7", Some(700)),
        ("0", Some(0)),
        ("0.0000000000123456789", Some(0)),
        ("123456789012.34", Some(12_345_678_901_234)),
        ("92233720368547758.07", Some(i64::MAX)),
        ("92233720368547758.08", None),
        ("1e400", None),
        ("", None),
        ("-", None),
        (".5", None),
        ("1,000.00", None),
        ("NaN", None),
        ("1.2.3", None),
        ("12 USD", None),
        ("--1", None),
        ("1e", None),
    ];
    for (text, expected) in cases {
        assert_eq!(cents(text), expected, "{text:?}");
    }
}

#[tokio::test]
async fn the_newest_point_of_each_account_counts() {
    let mut metrics = vec![metric(ONE, "USD", &[]), metric(TWO, "USD", &[])];
    metrics.push(metric(ONE, "USD", &["ServiceName"]));
    metrics.push(metric("333333333333", "USD", &[]));
    metrics.push(json!({"Dimensions": [{"Name": "Currency", "Value": "USD"}]}));
    let fake = cloudwatch(metrics, |of| match of {
        "111111111111 USD" => json!([
            {"Timestamp": 1_795_860_000, "Maximum": 12.345},
            {"Timestamp": 1_795_881_600, "Maximum": 13.005},
            {"Timestamp": 1_795_838_400, "Maximum": 99.0}]),
        "222222222222 USD" => json!([]),
        other => panic!("nobody asks for {other}"),
    });
    let told = told(&fake, SpendSource::EstimatedCharges).await;
    assert_eq!(told.as_deref(), Ok(&["111111111111 1301 USD".to_owned()][..]), "none is not zero");
    let (_, body) = ask(&fake.sent()[1]);
    assert_eq!((&body["Period"], &body["Statistics"]), (&json!(21_600), &json!(["Maximum"])));
    assert!(fake.sent().iter().all(|sent| sent.uri.contains("monitoring.us-east-1.")));
}

#[tokio::test]
async fn all_figures_are_in_one_currency() {
    let metrics = |currencies: &[(&str, &str)]| {
        currencies.iter().map(|(account, currency)| metric(account, currency, &[])).collect()
    };
    let points = |of: &str| {
        let maximum = if of.ends_with("USD") { 1.0 } else { 7.0 };
        json!([{"Timestamp": 1_795_881_600, "Maximum": maximum}])
    };
    let both = cloudwatch(metrics(&[(ONE, "CNY"), (ONE, "USD"), (TWO, "CNY")]), points);
    let told_of = told(&both, SpendSource::EstimatedCharges).await;
    assert_eq!(told_of.as_deref(), Ok(&["111111111111 100 USD".to_owned()][..]));
    let none = cloudwatch(metrics(&[(ONE, "EUR"), (TWO, "CNY"), (ONE, "CNY")]), points);
    let told_of = told(&none, SpendSource::EstimatedCharges).await.expect("figures");
    assert_eq!(told_of, ["111111111111 700 CNY", "222222222222 700 CNY"]);
}

/// Cost Explorer with one page for each list of (account, amount, unit).
fn explorer(pages: Vec<Vec<(&'static str, &'static str, &'static str)>>) -> FakeAws {
    FakeAws::new(move |sent| {
        let (_, body) = ask(sent);
        let at: usize = body["NextPageToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let groups = pages[at].iter().map(|(account, amount, unit)| {
            json!({"Keys": [account],
                "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": unit}}})
        });
        let mut answer = json!({"ResultsByTime": [{"Groups": groups.collect::<Vec<_>>()}]});
        if at + 1 < pages.len() {
            answer["NextPageToken"] = json!((at + 1).to_string());
        }
        (200, vec![], answer.to_string())
    })
}

#[tokio::test]
async fn cost_explorer_tells_the_running_month() {
    let pages = vec![
        vec![(ONE, "12.345", "USD"), ("333333333333", "5", "USD")],
        vec![],
        vec![(TWO, "-4.2", "USD")],
    ];
    let fake = explorer(pages);
    let told = told(&fake, SpendSource::CostExplorer).await.expect("figures");
    assert_eq!(told, ["111111111111 1235 USD", "222222222222 0 USD"], "a credit weighs nothing");
    let (operation, body) = ask(&fake.sent()[0]);
    assert_eq!(operation, "GetCostAndUsage");
    assert_eq!(body["TimePeriod"], json!({"Start": "2026-11-01", "End": "2026-11-29"}));
    assert_eq!(fake.sent().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_or_is_refused_is_an_error() {
    let ugly = explorer(vec![vec![(ONE, "1.00", "USD"), (TWO, "a lot", "USD")]]);
    let error = told(&ugly, SpendSource::CostExplorer).await.expect_err("no amount");
    assert_eq!(error, "UnreadableAnswer: 222222222222 costs \"a lot\", which is no amount");
    let denied = FakeAws::new(|_| {
        (400, vec![], r#"{"__type": "AccessDeniedException", "message": "no"}"#.to_owned())
    });
    for source in [SpendSource::EstimatedCharges, SpendSource::CostExplorer] {
        let error = told(&denied, source).await.expect_err("it is refused");
        assert_eq!(error, "AccessDeniedException: no");
    }
    let endless = FakeAws::new(|_| {
        (200, vec![], r#"{"ResultsByTime": [], "NextPageToken": "again"}"#.to_owned())
    });
    let error = told(&endless, SpendSource::CostExplorer).await.expect_err("it never ends");
    assert_eq!(error, "UnreadableAnswer: the pages of GetCostAndUsage do not end");
    for body in ["{}", r#"{"Metrics": null}"#] {
        let empty = FakeAws::new(|_| (200, vec![], body.to_owned()));
        assert!(told(&empty, SpendSource::CostExplorer).await.is_err());
    }
}

#[tokio::test]
async fn nothing_is_asked_where_nothing_is_wanted() {
    let fake = FakeAws::new(|_| panic!("nothing may be asked"));
    assert_eq!(told(&fake, SpendSource::None).await, Ok(vec![]));
}

/// The same questions to a server that boto3 has filled: `spend.py` says with what.
#[tokio::test]
async fn a_server_tells_its_newest_figures() {
    let moto = Moto::start().expect("the server starts");
    let arguments = [&*moto.endpoint(), &(NOW_MS / 1_000).to_string()];
    kit::python("producers/aws/tests/spend.py", &arguments).expect("the server is filled");
    let config = json!({"role": "Audit", "payers": [{"account": "999999999999"}],
        "endpoint": moto.endpoint()});
    let config: Config = serde_json::from_value(config).expect("it is valid");
    let keys = FakeAws::new(|_| unreachable!()).config().credentials_provider();
    let sessions = Sessions::prepare(&config, keys).await;
    let (payer, role) = (&config.payers[0].account, config.audit_role(&config.payers[0]));
    let policy = session_policy(&payer_actions(SpendSource::default()));
    let session =
        sessions.assume(&role, payer, &policy).await.expect("the server lets everyone in");
    let model = Arc::new(Model::embedded().expect("the embedded model is whole"));
    let limit = Arc::new(Limit::new(4, 1_000, &Budget::new(u64::MAX)));
    let (id, arn) = (payer.clone(), role.arn(payer));
    let endpoints = sessions.endpoints();
    let payer = Account::new(id, Partition::Aws, arn, session, &model, endpoints, &limit);
    let accounts = [ONE, TWO, "333333333333"].map(str::to_owned);
    let spends = charges(&payer, &accounts, NOW_MS, SpendSource::default()).await;
    let spends = spends.expect("nothing is refused");
    let found: Vec<_> = spends.iter().map(|one| (&*one.account, one.cents)).collect();
    assert_eq!(found, [(ONE, 1_235), (TWO, 100_000)]);
}
