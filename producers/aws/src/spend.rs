//! Spend: what each account is estimated to cost this month, as its payer's billing tells.
//!
//! Amounts are read as decimals, never through floating-point sums, and become whole hundredths,
//! rounded half up. All figures of a payer are in one currency: US dollars where any account has
//! them, else the first by alphabet; an account that is billed in another one only has no figure.
//! What is below zero (credits that outweigh the charges) counts as zero: it weighs in sums.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures::{StreamExt, TryStreamExt, stream};
use schemars::JsonSchema;
use schemas::Spend;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::Account;
use crate::api::Client;

/// What is called in payers for it: Cost Explorer's only where it is chosen.
pub(crate) const ACTIONS: &[(SpendSource, &[&str])] = &[
    (SpendSource::EstimatedCharges, &["cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics"]),
    (SpendSource::CostExplorer, &["ce:GetCostAndUsage"]),
];

/// Where an account's spend comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpendSource {
    /// CloudWatch's `EstimatedCharges`; the payer must have switched on billing alerts.
    #[default]
    EstimatedCharges,
    /// Cost Explorer, which charges 0.01 USD a call; one call tells hundreds of accounts.
    CostExplorer,
    /// Nowhere: no account has a figure.
    None,
}

/// Billing answers here alone.
const REGION: &str = "us-east-1";

/// The only partition whose billing tells these figures.
const PARTITION: &str = "aws";

/// CloudWatch gets the charges a few times a day.
const LOOK_BACK_MS: i64 = 36 * 3_600_000;

/// Seconds that one point of CloudWatch's answer stands for.
const PERIOD: i64 = 6 * 3_600;

const DAY_MS: i64 = 86_400_000;

/// Cost Explorer's pages beyond this are taken to be endless.
const PAGES_MAX: usize = 1_000;

/// What billing said of an account in a currency: hundredths.
type Figures = BTreeMap<String, BTreeMap<String, i64>>;

/// Gives the figures that a payer's billing has for its accounts, sorted by account.
///
/// An account that billing does not speak of has no figure. Units: hundredths of the currency.
///
/// # Errors
/// `Code: message` of a call that was refused or gave what can't be read: then nothing is known.
pub(crate) async fn charges(
    payer: &Account,
    accounts: &[String],
    now_ms: i64,
    source: SpendSource,
) -> Result<Vec<Spend>, String> {
    let source = if payer.partition() == PARTITION { source } else { SpendSource::None };
    let figures = match source {
        SpendSource::EstimatedCharges => estimated_charges(payer, accounts, now_ms).await?,
        SpendSource::CostExplorer => cost_explorer(payer, accounts, now_ms).await?,
        SpendSource::None => Figures::new(),
    };
    let Some(currency) = currency_of(figures.values().flat_map(BTreeMap::keys)) else {
        return Ok(Vec::new());
    };
    let spend = |(account, mut figures): (String, BTreeMap<String, i64>)| {
        let cents = figures.remove(&currency)?.max(0);
        Some(Spend { account, cents, currency: currency.clone(), captured_ms: now_ms })
    };
    Ok(figures.into_iter().filter_map(spend).collect())
}

/// Source: `cloudwatch:ListMetrics`, all pages, and `cloudwatch:GetMetricStatistics` for each
/// account that has the metric in the payer's currency.
async fn estimated_charges(
    payer: &Account,
    accounts: &[String],
    now_ms: i64,
) -> Result<Figures, String> {
    let client = payer.client("cloudwatch", REGION);
    let parameters = json!({"Namespace": "AWS/Billing", "MetricName": "EstimatedCharges",
        "Dimensions": [{"Name": "LinkedAccount"}]});
    let answer =
        client.call_all("ListMetrics", parameters).await.map_err(|error| error.summary())?;
    let metrics = answer["Metrics"].as_array().ok_or("UnreadableAnswer: Metrics is missing")?;
    let mut there: Vec<_> = metrics.iter().filter_map(account_and_currency).collect();
    there.retain(|(account, _)| accounts.contains(account));
    let currency = currency_of(there.iter().map(|(_, currency)| currency));
    there.retain(|(_, of)| Some(of) == currency.as_ref());
    let asked = there.into_iter().map(|(account, currency)| {
        let client = &client;
        async move {
            let cents = newest(client, &account, &currency, now_ms).await?;
            Ok::<_, String>(cents.map(|cents| (account, BTreeMap::from([(currency, cents)]))))
        }
    });
    let asked = stream::iter(asked).buffer_unordered(payer.calls_max());
    asked.try_filter_map(async |figure| Ok(figure)).try_collect().await
}

/// Reads the account and the currency of a metric; others, which stand for one service of an
/// account or for the whole organisation, have other dimensions.
fn account_and_currency(metric: &Value) -> Option<(String, String)> {
    let dimensions = metric["Dimensions"].as_array()?;
    let of = |name: &str| {
        let found = dimensions.iter().find(|dimension| dimension["Name"] == name)?;
        found["Value"].as_str().map(str::to_owned)
    };
    let pair = (of("LinkedAccount")?, of("Currency")?);
    (dimensions.len() == 2).then_some(pair)
}

/// Gives the newest point; none when there was none for more than a day.
async fn newest(
    client: &Client,
    account: &str,
    currency: &str,
    now_ms: i64,
) -> Result<Option<i64>, String> {
    let parameters = json!({"Namespace": "AWS/Billing", "MetricName": "EstimatedCharges",
        "Dimensions": [{"Name": "LinkedAccount", "Value": account},
            {"Name": "Currency", "Value": currency}],
        "StartTime": (now_ms - LOOK_BACK_MS) / 1_000, "EndTime": now_ms / 1_000,
        "Period": PERIOD, "Statistics": ["Maximum"]});
    let answer =
        client.call("GetMetricStatistics", parameters).await.map_err(|error| error.summary())?;
    let points = answer["Datapoints"].as_array();
    let points = points.ok_or("UnreadableAnswer: Datapoints is missing")?;
    // Timestamps have one form, which sorts by time.
    let newest = points.iter().max_by_key(|point| point["Timestamp"].as_str());
    newest.map(|point| amount(account, &point["Maximum"])).transpose()
}

/// Source: `ce:GetCostAndUsage` of the running month, all pages.
async fn cost_explorer(
    payer: &Account,
    accounts: &[String],
    now_ms: i64,
) -> Result<Figures, String> {
    let client = payer.client("ce", REGION);
    let (today, tomorrow) = (time(now_ms), time(now_ms + DAY_MS));
    let mut parameters = json!({
        "TimePeriod": {"Start": format!("{}-01", &today[..7]), "End": &tomorrow[..10]},
        "Granularity": "MONTHLY", "Metrics": ["UnblendedCost"],
        "GroupBy": [{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}]});
    let mut figures = Figures::new();
    for _ in 0..PAGES_MAX {
        let answer = client
            .call("GetCostAndUsage", parameters.clone())
            .await
            .map_err(|error| error.summary())?;
        let results = answer["ResultsByTime"].as_array();
        let results = results.ok_or("UnreadableAnswer: ResultsByTime is missing")?;
        for group in results.iter().filter_map(|result| result["Groups"].as_array()).flatten() {
            add_group(&mut figures, accounts, group)?;
        }
        match answer["NextPageToken"].as_str() {
            Some(token) if !token.is_empty() => parameters["NextPageToken"] = json!(token),
            _ => return Ok(figures),
        }
    }
    Err("UnreadableAnswer: the pages of GetCostAndUsage do not end".to_owned())
}

fn add_group(figures: &mut Figures, accounts: &[String], group: &Value) -> Result<(), String> {
    let account = group["Keys"][0].as_str().ok_or("UnreadableAnswer: a group without a key")?;
    if !accounts.iter().any(|known| known == account) {
        return Ok(());
    }
    let cost = &group["Metrics"]["UnblendedCost"];
    let currency = cost["Unit"].as_str().ok_or("UnreadableAnswer: a cost without a unit")?;
    let of_account = figures.entry(account.to_owned()).or_default();
    let sum = of_account.entry(currency.to_owned()).or_default();
    *sum = sum.saturating_add(amount(account, &cost["Amount"])?);
    Ok(())
}

/// Gives the currency of a payer's figures; none when there are none.
fn currency_of<'a>(currencies: impl Iterator<Item = &'a String>) -> Option<String> {
    currencies.min_by_key(|currency| (*currency != "USD", *currency)).cloned()
}

fn amount(account: &str, amount: &Value) -> Result<i64, String> {
    let cents = match amount {
        Value::String(text) => cents(text),
        // A number prints as the shortest decimal that reads back as itself.
        Value::Number(number) => cents(&number.to_string()),
        _ => None,
    };
    cents.ok_or_else(|| format!("UnreadableAnswer: {account} costs {amount}, which is no amount"))
}

/// Reads a decimal number as hundredths, rounded half away from zero; none when it is no such
/// number or too large.
fn cents(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = digits.parse().ok()?;
    // How many places the digits' end lies from the hundredths: left of them when positive.
    let places = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?.checked_add(2)?;
    let power = 10_i128.checked_pow(places.unsigned_abs());
    let cents = match (power, places >= 0) {
        (Some(power), true) => digits.checked_mul(power)?,
        (Some(power), false) => (digits + power / 2) / power,
        // Less than any fraction of a hundredth, or more than there is money.
        (None, false) => 0,
        (None, true) if digits == 0 => 0,
        (None, true) => return None,
    };
    let cents = i64::try_from(cents).ok()?;
    Some(if mantissa.starts_with('-') { -cents } else { cents })
}

/// Gives `2026-01-02T03:04:05Z`.
fn time(at_ms: i64) -> String {
    let time = DateTime::from_secs(at_ms.div_euclid(1_000));
    time.fmt(Format::DateTime).expect("a clock's time lies between the years 0 and 9999")
}

#[cfg(test)]
#[path = "spend_tests.rs"]
mod tests;
