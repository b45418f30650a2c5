//! Drawings: lines of scores and the graph of trust, as SVG without style or script.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use schemas::headers::rfc3339;
use schemas::percent;

use crate::links;
use crate::tables::DAY_MS;
use crate::view::View;

/// A point of a drawing, in its own units.
type Point = (f64, f64);

/// Draws a small line for a table's cell.
pub(crate) fn line(values: &[Option<f64>]) -> Markup {
    const WIDTH: f64 = 120.0;
    const HEIGHT: f64 = 24.0;
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return html! { span.faint { "no past" } };
    };
    let words = format!("from {} to {}", percent(*first), percent(*last));
    let scale = Scale::of(&known, 0.02);
    let at = |(index, value): (usize, f64)| {
        let x = index as f64 / (values.len().max(2) - 1) as f64 * (WIDTH - 4.0) + 2.0;
        (x, scale.y(value, HEIGHT - 4.0) + 2.0)
    };
    html! {
        svg.spark viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } width=(WIDTH) height=(HEIGHT) role="img"
            aria-label=(words) {
            @for part in parts(values, at) { (path(&part)) }
        }
    }
}

/// An event on a chart: when, whether the score rose by it, and what it was.
pub(crate) struct Mark {
    pub(crate) at_ms: i64,
    pub(crate) is_better: bool,
    pub(crate) words: String,
}

/// Draws scores by day with what moved them.
pub(crate) fn chart(days: &[(i64, Option<f64>)], marks: &[Mark], what: &str) -> Markup {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 190.0;
    const LEFT: f64 = 92.0;
    const RIGHT: f64 = 12.0;
    const TOP: f64 = 18.0;
    const BOTTOM: f64 = 34.0;
    let known: Vec<f64> = days.iter().filter_map(|(_, score)| *score).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return html! { p.empty { "No score of the last 90 days is known yet." } };
    };
    let scale = Scale::of(&known, 0.05);
    let (start, count) = (days[0].0, days.len().max(2) as f64 - 1.0);
    let x = |day: f64| LEFT + (day - start as f64) / count * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| TOP + scale.y(value, HEIGHT - TOP - BOTTOM);
    let values: Vec<Option<f64>> = days.iter().map(|(_, score)| *score).collect();
    let at = |(index, value): (usize, f64)| (x((start + index as i64) as f64), y(value));
    let words = format!("{what}: from {} to {}", percent(*first), percent(*last));
    let base = HEIGHT - BOTTOM;
    html! {
        svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(words) {
            @for level in scale.levels() {
                line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y(level)) y2=(y(level)) {}
                text.label x=(LEFT - 6.0) y=(y(level) + 4.0) text-anchor="end" {
                    (level_of(level))
                }
            }
            @for day in [days[0].0, days[days.len() / 2].0, days[days.len() - 1].0] {
                text.label x=(x(day as f64)) y=(HEIGHT - 8.0)
                    text-anchor=(anchor(day, start, days.len() as i64)) { (date(day)) }
            }
            @for mark in marks {
                @let day = mark.at_ms as f64 / DAY_MS as f64;
                @if day >= start as f64 {
                    line class=(if mark.is_better { "event better" } else { "event worse" })
                        x1=(x(day.min(start as f64 + count))) x2=(x(day.min(start as f64 + count)))
                        y1=(base - 8.0) y2=(base) { title { (mark.words) } }
                }
            }
            @for part in parts(&values, at) { (path(&part)) }
        }
    }
}

/// Writes a level; one between whole points has its decimal, or steps would look uneven.
fn level_of(level: f64) -> String {
    let tenths = (level * 1_000.0).round() as i64;
    if tenths % 10 == 0 {
        format!("{} %", tenths / 10)
    } else {
        format!("{}.{} %", tenths / 10, tenths % 10)
    }
}

fn anchor(day: i64, start: i64, count: i64) -> &'static str {
    match day - start {
        0 => "start",
        one if one + 1 == count => "end",
        _ => "middle",
    }
}

fn date(day: i64) -> String {
    rfc3339(day * DAY_MS).split('T').next().unwrap_or_default().to_owned()
}

/// From scores to heights: from the lowest that is shown up to at most 1.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Holds all values, with some room and whole steps.
    fn of(values: &[f64], step: f64) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let low = ((low / step).floor() * step).max(0.0);
        let high = ((high / step).ceil() * step).min(1.0);
        if high - low >= step {
            return Self { low, high };
        }
        let low = (high - step).max(0.0);
        Self { low, high: high.max(low + step) }
    }

    fn y(&self, value: f64, height: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low).max(1e-9);
        // A tenth of a unit is as fine as a screen is.
        ((1.0 - share) * height * 10.0).round() / 10.0
    }

    fn levels(&self) -> Vec<f64> {
        [0.0, 0.5, 1.0].map(|part| self.low + part * (self.high - self.low)).into()
    }
}

/// Cuts a line where values are missing.
fn parts(values: &[Option<f64>], at: impl Fn((usize, f64)) -> Point) -> Vec<Vec<Point>> {
    let mut parts: Vec<Vec<Point>> = vec![Vec::new()];
    for (index, value) in values.iter().enumerate() {
        match (value, parts.last_mut()) {
            (Some(value), Some(part)) => part.push(at((index, *value))),
            _ => parts.push(Vec::new()),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn path(points: &[Point]) -> Markup {
    let short = |one: f64| (one * 10.0).round() / 10.0;
    let text: Vec<String> =
        points.iter().map(|(x, y)| format!("{},{}", short(*x), short(*y))).collect();
    html! {
        @if let [(x, y)] = points {
            circle.dot cx=(short(*x)) cy=(short(*y)) r="2" {}
        } @else {
            polyline.score points=(text.join(" ")) fill="none" {}
        }
    }
}

/// Foreign accounts and accounts on the graph; the table below has all of them.
const NODES_MAX: usize = 24;

/// Draws which foreign accounts which of the accounts trust.
pub(crate) fn trust(view: View<'_>) -> Markup {
    let edges = edges(view);
    if edges.is_empty() {
        return html! { p.empty { "No account trusts a foreign one." } };
    }
    let Nodes { foreign, ours, all_foreign, all_ours } = nodes(&edges);
    let height = 24.0 * foreign.len().max(ours.len()) as f64 + 16.0;
    let place = |names: &[&str], one: &str| {
        let at = names.iter().position(|name| *name == one)?;
        Some(20.0 + 24.0 * at as f64 + (height - 16.0 - 24.0 * names.len() as f64) / 2.0)
    };
    html! {
        div.scroll role="region" aria-label="Who is trusted by whom" tabindex="0" {
            svg.graph viewBox={ "0 0 720 " (height) } role="group"
                aria-label="Foreign accounts on the left, accounts that trust them on the right" {
                @for edge in &edges {
                    @if let (Some(from), Some(to)) =
                        (place(&foreign, &edge.foreign), place(&ours, &edge.account)) {
                        line class=(if edge.is_known { "edge known" } else { "edge unknown" })
                            x1="270" y1=(from) x2="450" y2=(to) {}
                    }
                }
                @for one in &foreign {
                    @let edge = edges.iter().find(|edge| edge.foreign == *one);
                    text.node x="262" y=(place(&foreign, one).unwrap_or_default() + 4.0)
                        text-anchor="end" { (edge.map_or("", |edge| edge.mark())) " " (short(one)) }
                }
                @for one in &ours {
                    a href=(links::account(one)) {
                        text.node x="458" y=(place(&ours, one).unwrap_or_default() + 4.0) {
                            (short(view.account(one).map_or(one, |account| &account.state.name)))
                        }
                    }
                }
            }
        }
        @if all_foreign > NODES_MAX || all_ours > NODES_MAX {
            p {
                (foreign.len()) " of " (all_foreign) " foreign accounts and " (ours.len()) " of "
                (all_ours) " that trust one are drawn: unknown ones first, then those whom most \
                trust. The table has all."
            }
        }
    }
}

/// Who is drawn, from above.
struct Nodes<'e> {
    foreign: Vec<&'e str>,
    ours: Vec<&'e str>,
    all_foreign: usize,
    all_ours: usize,
}

/// Chooses who is drawn: unknown foreign accounts first, then those whom most accounts trust.
fn nodes(edges: &[Edge]) -> Nodes<'_> {
    let mut trusted: BTreeMap<&str, (bool, BTreeSet<&str>)> = BTreeMap::new();
    let mut trusting: BTreeSet<&str> = BTreeSet::new();
    for edge in edges {
        let (is_known, accounts) =
            trusted.entry(&edge.foreign).or_insert_with(|| (true, BTreeSet::new()));
        *is_known &= edge.is_known;
        accounts.insert(&edge.account);
        trusting.insert(&edge.account);
    }
    let mut foreign: Vec<_> = trusted.iter().collect();
    foreign.sort_by_key(|(name, (is_known, by))| (*is_known, Reverse(by.len()), **name));
    foreign.truncate(NODES_MAX);
    // An account of each in turn, so that nobody is drawn without a line.
    let mut left: Vec<_> = foreign.iter().map(|(_, (_, accounts))| accounts.iter()).collect();
    let mut ours = BTreeSet::new();
    while ours.len() < NODES_MAX && !left.is_empty() {
        left.retain_mut(|accounts| {
            let next = accounts.next().filter(|_| ours.len() < NODES_MAX);
            ours.extend(next.copied());
            next.is_some()
        });
    }
    Nodes {
        foreign: foreign.into_iter().map(|(name, _)| *name).collect(),
        ours: ours.into_iter().collect(),
        all_foreign: trusted.len(),
        all_ours: trusting.len(),
    }
}

struct Edge {
    foreign: String,
    account: String,
    is_known: bool,
}

impl Edge {
    fn mark(&self) -> &'static str {
        if self.is_known { "●" } else { "■" }
    }
}

/// Gives who trusts which foreign account, unknown ones first.
fn edges(view: View<'_>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for account in view.accounts() {
        for (_, state) in view.trust(&account.state.account) {
            let foreign = state.principal_account.as_ref().filter(|_| state.resources > 0);
            let Some(foreign) = foreign.filter(|id| {
                view.tables
                    .accounts
                    .get(&schemas::AccountKey::new(&***id))
                    .is_none_or(|one| !one.listed)
            }) else {
                continue;
            };
            let name = match &state.vendor {
                Some(vendor) => format!("{vendor} {foreign}"),
                None => foreign.clone(),
            };
            let account = account.state.account.clone();
            edges.push(Edge { foreign: name, account, is_known: state.known });
        }
    }
    edges.sort_by(|a, b| (a.is_known, &a.foreign).cmp(&(b.is_known, &b.foreign)));
    edges
}

fn short(text: &str) -> String {
    if text.chars().count() <= 34 {
        return text.to_owned();
    }
    text.chars().take(33).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_gaps_where_values_are_missing() {
        let values = [Some(0.5), Some(0.6), None, Some(0.7)];
        let cut = parts(&values, |(index, value)| (index as f64, value));
        assert_eq!(cut, [vec![(0.0, 0.5), (1.0, 0.6)], vec![(3.0, 0.7)]]);
        let drawn = line(&values).into_string();
        assert!(drawn.contains("from 50.0 % to 70.0 %"), "{drawn}");
        assert_eq!((drawn.matches("<polyline").count(), drawn.matches("<circle").count()), (1, 1));
        assert!(!drawn.contains("style="), "the page's policy forbids it");
        assert!(line(&[None]).into_string().contains("no past"));
    }

    #[test]
    fn of_many_who_are_trusted_the_unknown_are_drawn_and_all_have_a_line() {
        // The nth foreign account is trusted by n accounts; every fifth is unknown.
        let edge = |foreign: usize, account: usize| Edge {
            foreign: format!("f{foreign:02}"),
            account: format!("a{account:03}"),
            is_known: !foreign.is_multiple_of(5),
        };
        let edges: Vec<Edge> = (1..=60)
            .flat_map(|foreign| (0..foreign).map(move |n| edge(foreign, foreign * 3 + n)))
            .collect();
        let Nodes { foreign, ours, all_foreign, all_ours } = nodes(&edges);
        assert_eq!((all_foreign, foreign.len(), ours.len()), (60, NODES_MAX, NODES_MAX));
        assert!(all_ours > 200 && ours.is_sorted());
        // Twelve are unknown; the best known one is whom 59 trust.
        assert_eq!(&foreign[..3], ["f60", "f55", "f50"]);
        assert_eq!(&foreign[11..14], ["f05", "f59", "f58"]);
        for one in &foreign {
            let mut lines = edges.iter().filter(|edge| edge.foreign == *one);
            assert!(lines.any(|edge| ours.contains(&&*edge.account)), "{one} has no line");
        }
        let few: Vec<Edge> = (1..=3).map(|n| edge(n, n)).collect();
        assert_eq!((nodes(&few).foreign.len(), nodes(&few).ours.len()), (3, 3), "all are drawn");
    }

    #[test]
    fn levels_between_whole_points_are_told() {
        assert_eq!([0.75, 0.775, 0.8, 1.0].map(level_of), ["75 %", "77.5 %", "80 %", "100 %"]);
    }

    #[test]
    fn a_scale_holds_its_values() {
        for values in [&[0.5, 0.93][..], &[1.0], &[0.0], &[0.999]] {
            let scale = Scale::of(values, 0.05);
            for value in values {
                let y = scale.y(*value, 100.0);
                assert!((0.0..=100.0).contains(&y), "{values:?}: {y}");
            }
            assert!(scale.high <= 1.0 && scale.low >= 0.0 && scale.high > scale.low);
        }
    }
}
