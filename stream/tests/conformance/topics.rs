//! Topics are made and checked, never by accident.

use std::collections::BTreeSet;

use schemas::topic::{ALL, TICK};
use stream::{Log, LogError, Membership, TopicPlan};

use crate::harness::{PARTITIONS, Subject, at, record};

pub(crate) fn topics_are_planned_applied_and_checked(subject: &Subject) {
    let log = &*subject.bare;
    assert_eq!(log.partitions(), PARTITIONS);
    let create: Vec<_> = ALL.iter().map(|spec| TopicPlan::Create(spec)).collect();
    let keep: Vec<_> = ALL.iter().map(|spec| TopicPlan::Keep(spec)).collect();
    assert_eq!(log.plan().unwrap(), create);
    let error = log.check().unwrap_err();
    assert!(error.to_string().contains("scorecard topics apply"), "{error}");
    assert_eq!(log.plan().unwrap(), create, "a plan and a check change nothing");

    assert_eq!(log.apply().unwrap(), create);
    assert_eq!(log.plan().unwrap(), keep);
    log.check().unwrap();
    assert_eq!(log.apply().unwrap(), keep);

    let ends = log.ends(ALL).unwrap();
    assert_eq!(ends.len(), ALL.len() * PARTITIONS as usize);
    assert!(ends.iter().all(|end| end.offset == 0));
}

pub(crate) fn an_incarnation_names_one_topic(subject: &Subject) {
    let names = |log: &dyn Log| -> Vec<_> {
        ALL.iter().map(|topic| log.incarnation(topic).unwrap()).collect()
    };
    let log = &*subject.log;
    let first = names(log);
    assert!(first.iter().all(|name| !name.is_empty()));
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), ALL.len());
    assert_eq!(names(log), first);
    log.apply().unwrap();
    assert_eq!(names(log), first, "what is there is not made anew");
    subject.bare.apply().unwrap();
    assert!(names(&*subject.bare).iter().all(|name| !first.contains(name)), "another log");
}

pub(crate) fn what_is_not_there_is_an_error(subject: &Subject) {
    let log = &*subject.bare;
    let missing = |error: LogError| assert!(matches!(error, LogError::Topic { .. }), "{error:?}");
    missing(log.reader(&[at(TICK.spec, 0, 0)]).err().unwrap());
    missing(log.ends(&[TICK.spec]).unwrap_err());
    missing(log.incarnation(TICK.spec).unwrap_err());
    missing(log.committed("g", &[TICK.spec]).unwrap_err());
    let membership =
        Membership { group: "g".to_owned(), slot: "s".to_owned(), inputs: vec![TICK.spec] };
    missing(log.join(&membership).err().unwrap());
    let mut writer = log.writer("suite").unwrap();
    let appended = writer.append(vec![record(TICK.spec, 0, "k", "v")]);
    assert!(appended.and_then(|()| writer.flush()).is_err());

    let log = &*subject.log;
    missing(log.reader(&[at(TICK.spec, PARTITIONS, 0)]).err().unwrap());
    let mut writer = log.writer("suite").unwrap();
    let appended = writer.append(vec![record(TICK.spec, PARTITIONS, "k", "v")]);
    assert!(appended.and_then(|()| writer.flush()).is_err());
}
