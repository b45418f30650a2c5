//! Notes beside committed positions: who resumes a partition gets them back.

use schemas::{
    TopicSpec,
    topic::{OBSERVATION, REPORT, RESOURCE_STATE},
};
use stream::{LogError, NOTE_BYTES_MAX, Noted, Outcome};

use crate::harness::{Joined, PARTITIONS, Subject, append, at, join, record};

fn noted(partition: i32, offset: i64, note: &str) -> Noted {
    Noted { position: at(OBSERVATION.spec, partition, offset), note: note.to_owned() }
}

/// The notes beside the positions of a topic.
fn notes_of(joined: &Joined, topic: &TopicSpec) -> Vec<String> {
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let committed = joined.member.committed(&partitions).unwrap();
    let mine = committed.into_iter().filter(|one| one.position.topic.name == topic.name);
    mine.map(|one| one.note).collect()
}

fn notes(joined: &Joined) -> Vec<String> {
    notes_of(joined, OBSERVATION.spec)
}

pub(crate) fn a_note_comes_back_to_whoever_resumes(subject: &Subject) {
    let log = &*subject.log;
    let inputs = [OBSERVATION.spec, REPORT.spec];
    append(log, vec![record(inputs[0], 0, "a", "1"), record(inputs[0], 0, "a", "2")]);
    let mut member = join(log, "g", "a", &inputs);
    member.until_owns(&[0, 1, 2]);
    assert_eq!(notes(&member), [""; 3]);

    let text = "{\"to\": 7} – schräg, with  spaces ";
    let outcome = member.member.commit_noted(Vec::new(), &[noted(0, 1, text), noted(2, 0, "x")]);
    assert_eq!(outcome.unwrap(), Outcome::Committed);
    assert_eq!(notes(&member), [text, "", "x"]);
    assert_eq!(log.committed("g", &[inputs[0]]).unwrap()[0], at(inputs[0], 0, 1));

    // The same member, the same slot after its end, another slot.
    member.resume(&[0, 1, 2]);
    assert_eq!(notes(&member), [text, "", "x"]);
    drop(member);
    for slot in ["a", "b"] {
        let mut member = join(log, "g", slot, &inputs);
        member.until_owns(&[0, 1, 2]);
        assert_eq!(notes(&member), [text, "", "x"], "slot {slot}");
        assert_eq!(member.next[&(inputs[0].name, 0)], at(inputs[0], 0, 1));
        assert_eq!(notes_of(&member, REPORT.spec), [""; 3], "it is beside the other topic");
    }
    let mut other = join(log, "h", "a", &inputs);
    other.until_owns(&[0, 1, 2]);
    assert_eq!(notes(&other), [""; 3], "another group");
}

pub(crate) fn a_note_lasts_until_the_next_commit_of_its_position(subject: &Subject) {
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    append(log, vec![record(input, 0, "a", "1"), record(input, 1, "b", "2")]);
    let mut member = join(log, "g", "s", &[input]);
    member.until_owns(&[0, 1, 2]);
    let all = [noted(0, 0, "zero"), noted(1, 0, "one"), noted(2, 0, "two")];
    member.member.commit_noted(Vec::new(), &all).unwrap();

    // Commits of records alone, then of other positions, leave it.
    let output = || vec![record(RESOURCE_STATE.spec, 1, "k", "v")];
    assert_eq!(member.member.commit(output(), &[]).unwrap(), Outcome::Committed);
    member.resume(&[0, 1, 2]);
    assert_eq!(notes(&member), ["zero", "one", "two"]);
    // A position without a note clears it, another note replaces it.
    assert_eq!(member.member.commit(output(), &[at(input, 0, 1)]).unwrap(), Outcome::Committed);
    let replaced = member.member.commit_noted(output(), &[noted(1, 1, "uno")]).unwrap();
    assert_eq!(replaced, Outcome::Committed);
    let expected = ["", "uno", "two"];
    assert_eq!(notes(&member), expected);
    drop(member);

    let mut member = join(log, "g", "s", &[input]);
    member.until_owns(&[0, 1, 2]);
    assert_eq!(notes(&member), expected);
    assert_eq!(log.committed("g", &[input]).unwrap()[1], at(input, 1, 1));
}

pub(crate) fn notes_have_a_limit(subject: &Subject) {
    let log = &*subject.log;
    let mut member = join(log, "g", "s", &[OBSERVATION.spec]);
    member.until_owns(&[0, 1, 2]);
    let longest = "n".repeat(NOTE_BYTES_MAX);
    let refused = member.member.commit_noted(
        vec![record(RESOURCE_STATE.spec, 0, "k", "v")],
        &[noted(0, 0, "fits"), noted(1, 0, &format!("{longest}n"))],
    );
    let error = refused.unwrap_err();
    assert!(matches!(error, LogError::NoteTooLarge { bytes, .. } if bytes > NOTE_BYTES_MAX));
    member.resume(&[0, 1, 2]);
    assert_eq!(notes(&member), [""; 3]);
    assert_eq!(log.ends(&[RESOURCE_STATE.spec]).unwrap()[0], at(RESOURCE_STATE.spec, 0, 0));

    member.member.commit_noted(Vec::new(), &[noted(1, 0, &longest)]).unwrap();
    member.resume(&[0, 1, 2]);
    assert_eq!(notes(&member), ["", &longest, ""]);
}
