//! One day: which source speaks in which hour, and the clock's ticks between their records.

use schemas::{Spend, Tick, headers::rfc3339};

use crate::{
    Config, Event, Source,
    organisation::{Organisation, THIRD_PARTIES, Trust, about},
    report,
    resources::Snapshot,
    risks, scan,
};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const HOURS: i64 = 24;

/// Gives a day's events in the order of their times.
pub(crate) fn events(config: Config, day: usize) -> impl Iterator<Item = Event> + use<> {
    let organisation = Organisation::new(&config);
    (0..HOURS).flat_map(move |hour| {
        let from_ms = config.start_ms + (day as i64 * HOURS + hour) * HOUR_MS;
        let registers = (hour == 0).then(|| registers(config, organisation, day, from_ms + 1));
        let speaks = matches!(hour, 2 | 3 | 6 | 7 | 14 | 15);
        let accounts = if speaks { 0..config.accounts } else { 0..0 };
        let accounts = accounts.flat_map(move |account| {
            // Accounts follow one another within the hour.
            let at_ms = from_ms + 1 + account as i64 * (HOUR_MS - 2) / config.accounts as i64;
            let sources = of_account(&config, organisation, day, hour, account, at_ms);
            sources.into_iter().map(move |source| Event { at_ms, source })
        });
        // Ticks come between the accounts as the clock goes.
        let ticks = ticks(from_ms, from_ms + HOUR_MS, config.tick_minutes);
        merge(ticks, registers.into_iter().flatten().chain(accounts))
    })
}

/// Gives the ticks from a time on and before another.
pub(crate) fn ticks(
    from_ms: i64,
    to_ms: i64,
    tick_minutes: usize,
) -> impl Iterator<Item = Event> + use<> {
    let step = tick_minutes.max(1) as i64;
    let first = from_ms.div_euclid(MINUTE_MS) + i64::from(from_ms.rem_euclid(MINUTE_MS) > 0);
    let minutes = first..to_ms.div_euclid(MINUTE_MS) + i64::from(to_ms.rem_euclid(MINUTE_MS) > 0);
    minutes.filter(move |minute| minute % step == 0).map(|minute| {
        let minute_ms = minute * MINUTE_MS;
        Event { at_ms: minute_ms, source: Source::Ticked(Tick { minute_ms }) }
    })
}

/// Merges two orders into one; at the same time the first goes first.
fn merge(
    first: impl Iterator<Item = Event>,
    second: impl Iterator<Item = Event>,
) -> impl Iterator<Item = Event> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some(a), Some(b)) if a.at_ms > b.at_ms => second.next(),
        (Some(_), _) => first.next(),
        (None, _) => second.next(),
    })
}

/// Gives what the organisations' listing, the register and the risk register say anew on a day.
pub(crate) fn registers(
    config: Config,
    organisation: Organisation,
    day: usize,
    at_ms: i64,
) -> impl Iterator<Item = Event> + use<> {
    let accounts = (0..config.accounts).flat_map(move |account| {
        let known = day == 0 || organisation.moves_on(account) == Some(day);
        let listing = (day == 0).then(|| Source::Listing(organisation.listing(account)));
        let register = known.then(|| Source::Register(organisation.register(account, day)));
        listing.into_iter().chain(register)
    });
    let parties = THIRD_PARTIES.iter().filter(move |party| {
        let approved = party.trust == Trust::ApprovedLater && day == organisation.half_time();
        day == 0 || approved
    });
    let parties = parties.map(move |party| Source::Register(organisation.third_party(party, day)));
    let risks = risks::changes(config, organisation, day);
    accounts.chain(parties).chain(risks).map(move |source| Event { at_ms, source })
}

/// Gives what is said of an account in an hour: two scans with their second attempts, a report of
/// an outside scanner, the spend.
fn of_account(
    config: &Config,
    organisation: Organisation,
    day: usize,
    hour: i64,
    account: usize,
    at_ms: i64,
) -> Vec<Source> {
    let half_day = day as u64 * 2 + u64::from(hour >= 12);
    let snapshot = Snapshot { at_ms, ..Snapshot::new(config, organisation, account, half_day) };
    match hour {
        2 | 14 => scan::first(snapshot),
        3 | 15 => scan::again(snapshot),
        6 => report::cloudsploit(snapshot),
        7 => spend(organisation, account, at_ms).into_iter().map(Source::Spent).collect(),
        _ => Vec::new(),
    }
}

/// Gives an account's charges of the running month; of some accounts they are not known.
pub(crate) fn spend(organisation: Organisation, account: usize, at_ms: i64) -> Option<Spend> {
    if organisation.is_turn(account, about::SPEND, 19) {
        return None;
    }
    let of_day = 500 + organisation.chance.below(90_000, &[about::SPEND, account as u64]) as i64;
    // Charges of a month run up from its first day.
    let day_of_month: i64 = rfc3339(at_ms)[8..10].parse().expect("RFC 3339 has the day there");
    Some(Spend {
        account: organisation.id(account),
        cents: of_day * day_of_month,
        currency: "USD".to_owned(),
        captured_ms: at_ms,
    })
}
