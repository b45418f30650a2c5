//! However servers and processes behave, a message arrives once, or once more where nobody knew.

use proptest::prelude::*;

use super::*;

fn key(id: &str, period: &str) -> MailKey {
    MailKey::new("owner", id, period, format!("{id}@example.com"))
}

fn due(keys: &[MailKey]) -> BTreeSet<Due> {
    keys.iter().map(|key| Due { key: key.clone(), may_begin: true }).collect()
}

fn take(outbox: &mut Outbox, changes: Vec<Change>) -> Vec<(String, Option<MailStatus>)> {
    let told = changes.iter().map(|(key, state)| {
        (format!("{} {}", key.id, key.period), state.as_ref().map(|state| state.status))
    });
    let told = told.collect();
    changes.into_iter().for_each(|(key, state)| outbox.apply(key, state));
    told
}

fn step(outbox: &mut Outbox, key: &MailKey, next: impl Fn(&MailState) -> MailState) {
    let state = next(&outbox.rows()[key]);
    outbox.apply(key.clone(), Some(state));
}

#[test]
fn what_is_due_is_planned_once() {
    let mut outbox = Outbox::default();
    let now = due(&[key("ann", "1"), key("bob", "1")]);
    let planned = Some(MailStatus::Planned);
    let changes = outbox.plan(&now, 5);
    assert_eq!(
        take(&mut outbox, changes),
        [("ann 1".to_owned(), planned), ("bob 1".to_owned(), planned)]
    );
    assert_eq!(outbox.plan(&now, 6), []);
    step(&mut outbox, &key("ann", "1"), |state| sent(state, "250", 7));
    step(&mut outbox, &key("bob", "1"), |state| failed(state, "550", 7));
    assert_eq!(outbox.plan(&now, 8), [], "nothing is sent again");
    assert_eq!(outbox.plan(&due(&[key("ann", "0"), key("bob", "0")]), 8), [], "nor goes back");
}

#[test]
fn only_the_newest_waits() {
    let mut outbox = Outbox::default();
    for hour in 10..34 {
        let changes = outbox.plan(&due(&[key("ann", &hour.to_string())]), hour);
        take(&mut outbox, changes);
        step(&mut outbox, &key("ann", &hour.to_string()), |s| put_off(s, "451 later", hour));
    }
    assert_eq!(outbox.waiting(), [&key("ann", "33")]);
    assert_eq!(outbox.rows().len(), KEPT);
    let before = &outbox.rows()[&key("ann", "32")];
    assert_eq!(before.status, MailStatus::Superseded);
    assert_eq!(before.answer.as_deref(), Some("a later one is due; before that: 451 later"));
}

#[test]
fn one_that_is_too_old_is_not_begun_but_goes_on() {
    let mut outbox = Outbox::default();
    let old = BTreeSet::from([Due { key: key("ann", "1"), may_begin: false }]);
    assert_eq!(outbox.plan(&old, 9), []);
    let changes = outbox.plan(&due(&[key("ann", "1")]), 2);
    take(&mut outbox, changes);
    assert_eq!(outbox.plan(&old, 9), []);
    assert_eq!(outbox.waiting(), [&key("ann", "1")]);
}

#[test]
fn what_nobody_gets_any_more_is_given_up() {
    let mut outbox = Outbox::default();
    let changes = outbox.plan(&due(&[key("ann", "1"), key("bob", "1")]), 1);
    take(&mut outbox, changes);
    let changes = outbox.plan(&due(&[key("bob", "1")]), 2);
    assert_eq!(take(&mut outbox, changes), [("ann 1".to_owned(), Some(MailStatus::Superseded))]);
    assert_eq!(outbox.plan(&due(&[key("bob", "1")]), 3), []);
}

#[test]
fn after_a_crash_it_is_repeated_once_with_the_same_id() {
    let mut outbox = Outbox::default();
    let key = key("ann", "1");
    let changes = outbox.plan(&due(std::slice::from_ref(&key)), 1);
    take(&mut outbox, changes);
    assert_eq!(outbox.interrupted(1), []);
    step(&mut outbox, &key, |state| sending(state, "first", "a", 2));
    let changes = outbox.interrupted(3);
    assert_eq!(take(&mut outbox, changes), [("ann 1".to_owned(), Some(MailStatus::Planned))]);
    step(&mut outbox, &key, |state| sending(state, "second", "b", 4));
    let row = &outbox.rows()[&key];
    assert_eq!((row.message_id.as_str(), row.attempts, row.uncertain), ("first", 2, 1));
    let changes = outbox.interrupted(5);
    assert_eq!(take(&mut outbox, changes), [("ann 1".to_owned(), Some(MailStatus::Failed))]);
    assert_eq!((outbox.interrupted(6), outbox.waiting()), (vec![], vec![]));
}

#[test]
fn what_was_told_last_is_of_the_last_that_was_sent() {
    let mut outbox = Outbox::default();
    for (period, content, arrives) in [("1", "a", true), ("2", "b", true), ("3", "c", false)] {
        let key = key("ann", period);
        let changes = outbox.plan(&due(std::slice::from_ref(&key)), 1);
        take(&mut outbox, changes);
        step(&mut outbox, &key, |state| sending(state, "id", content, 2));
        if arrives {
            step(&mut outbox, &key, |state| sent(state, "250", 3));
        }
    }
    assert_eq!(outbox.last_told(&key("ann", "4")), Some("b"));
    assert_eq!(outbox.last_told(&key("bob", "4")), None);
}

/// What may happen to a message, or to the process, between two looks.
#[derive(Clone, Copy, Debug)]
enum Event {
    NextSlot,
    Takes,
    PutsOff,
    Refuses,
    Loses,
    Dies,
}

fn event() -> impl Strategy<Value = Event> {
    let all = [Event::NextSlot, Event::Takes, Event::PutsOff, Event::Refuses, Event::Loses];
    prop::sample::select([&all[..], &[Event::Dies]].concat())
}

proptest! {
    /// However a server and a process behave: a message arrives once, or at most once more where
    /// nobody could know; and none after a later one.
    #[test]
    fn a_message_arrives_once(events in prop::collection::vec((event(), any::<bool>()), 1..60)) {
        let (mut outbox, mut slot) = (Outbox::default(), 10);
        let mut arrived: BTreeMap<String, i64> = BTreeMap::new();
        for (event, reaches) in events {
            let now = slot;
            if matches!(event, Event::NextSlot) {
                slot += 1;
                continue;
            }
            let changes = outbox.plan(&due(&[key("ann", &now.to_string())]), now);
            take(&mut outbox, changes);
            let changes = outbox.interrupted(now);
            take(&mut outbox, changes);
            let Some(next) = outbox.waiting().first().map(|key| (*key).clone()) else { continue };
            let last = arrived.keys().last();
            prop_assert!(last.is_none_or(|last| *last <= next.period), "it goes back");
            step(&mut outbox, &next, |state| sending(state, "id", "", now));
            let may_arrive = matches!(event, Event::Takes) || reaches;
            match event {
                Event::Takes => step(&mut outbox, &next, |state| sent(state, "250", now)),
                Event::PutsOff => step(&mut outbox, &next, |state| put_off(state, "451", now)),
                Event::Refuses => step(&mut outbox, &next, |state| failed(state, "550", now)),
                Event::Loses => step(&mut outbox, &next, |state| lost(state, "", now)),
                Event::Dies | Event::NextSlot => {}
            }
            let known_not_to = matches!(event, Event::PutsOff | Event::Refuses);
            if may_arrive && !known_not_to {
                *arrived.entry(next.period).or_default() += 1;
            }
        }
        prop_assert!(arrived.values().all(|count| *count <= 2), "{arrived:?}");
        for (period, count) in arrived {
            let row = outbox.rows().get(&key("ann", &period));
            prop_assert!(count == 1 || row.is_none_or(|row| row.uncertain > 0), "{period}");
        }
    }
}
