//! An endless steady load: after a first inventory, small scopes in which one resource changed.

use crate::{
    Config, Event, Source,
    day::{registers, spend, ticks},
    organisation::Organisation,
    resources::{SCOPES, Snapshot},
    scan,
};

/// Gives an endless load.
///
/// Shape: what the registers say, one complete scan of each account, then one change after the
/// other, [`Config::load_step_ms`] apart, the accounts in turn: a scope that starts, all its
/// resources (one of them flips between in order and at fault, the others are as they were) and
/// its end; ticks as the time goes. Nothing fails in it, and `days` says nothing.
pub fn load(config: &Config) -> impl Iterator<Item = Event> + use<> {
    let config = *config;
    let organisation = Organisation::new(&config);
    let first = registers(config, organisation, 0, config.start_ms).chain(
        (0..config.accounts).flat_map(move |account| inventory(config, organisation, account)),
    );
    let step_ms = config.load_step_ms.max(1);
    let accounts = config.accounts.max(1) as u64;
    let turns = if config.accounts == 0 { 0..0 } else { 0..u64::MAX };
    let changes = turns.flat_map(move |turn| {
        let at_ms = config.start_ms + (turn as i64 + 1) * step_ms;
        let (account, round) = ((turn % accounts) as usize, turn / accounts);
        let scope = (round % SCOPES.len() as u64) as usize;
        let version = 1 + round / SCOPES.len() as u64;
        let snapshot = snapshot(config, organisation, account, version, at_ms);
        let sources = scan::attempt(snapshot, scope, 1, snapshot.scope(scope), Ok(()));
        let changed = sources.into_iter().map(move |source| Event { at_ms, source });
        ticks(at_ms - step_ms + 1, at_ms + 1, config.tick_minutes).chain(changed)
    });
    ticks(config.start_ms, config.start_ms + 1, config.tick_minutes).chain(first).chain(changes)
}

fn inventory(
    config: Config,
    organisation: Organisation,
    account: usize,
) -> impl Iterator<Item = Event> + use<> {
    let at_ms = config.start_ms;
    let snapshot = snapshot(config, organisation, account, 0, at_ms);
    let scopes = (0..SCOPES.len())
        .flat_map(move |scope| scan::attempt(snapshot, scope, 1, snapshot.scope(scope), Ok(())));
    let spent = spend(organisation, account, at_ms).map(Source::Spent);
    scopes.chain(spent).map(move |source| Event { at_ms, source })
}

fn snapshot(
    config: Config,
    organisation: Organisation,
    account: usize,
    version: u64,
    at_ms: i64,
) -> Snapshot {
    let snapshot = Snapshot::new(&config, organisation, account, 0);
    Snapshot { at_ms, turn: Some(version), ..snapshot }
}
