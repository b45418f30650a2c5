//! Prowler's mutelists as people write them.

use std::{collections::BTreeMap, path::Path};

use schemas::{CheckMapping, Exception, ExceptionState, Requirement, Scoring, Severity};

use crate::{
    Days, ExceptionOptions, Longest, Register,
    mutelist::{Mutelist, parse},
};

fn requirement(id: &str, checks: &[&str]) -> Requirement {
    let mapping = |check: &&str| CheckMapping {
        source: if check.starts_with("cs") { "cloudsploit" } else { "prowler" }.to_owned(),
        check: (*check).to_owned(),
        warn_passes: false,
    };
    Requirement {
        id: id.to_owned(),
        title: String::new(),
        why: String::new(),
        severity: Severity::High,
        weight: 1,
        resource_type: "T".to_owned(),
        scoring: Scoring::Resources,
        rule: None,
        checks: checks.iter().map(mapping).collect(),
        remediation: String::new(),
        controls: Vec::new(),
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

fn read_with(content: &str, options: &ExceptionOptions) -> Register<Exception> {
    let list = Mutelist {
        path: "mutelist.yaml".into(),
        expires: "2026-12-31".into(),
        approved: None,
        owner: "ana".into(),
        approver: Some("eve".into()),
    };
    let requirements = [
        requirement("s3-public", &["s3_bucket_public_access", "s3_account_public", "csOther"]),
        requirement("s3-acl", &["s3_bucket_public_access"]),
        requirement("iam-key", &["iam_rotate_access_key_90_days"]),
    ];
    let path = Path::new("mutelist.yaml");
    parse(path, content, &list, &requirements, options).expect("a list")
}

fn read(checks: &str) -> Register<Exception> {
    let indented = checks.lines().map(|line| format!("        {line}\n")).collect::<String>();
    let content = format!("Mutelist:\n  Accounts:\n    '*':\n      Checks:\n{indented}");
    read_with(&content, &ExceptionOptions::default())
}

fn said(register: &Register<Exception>) -> Vec<&str> {
    register.problems.iter().map(|problem| &*problem.message).collect()
}

#[test]
fn a_rule_becomes_exceptions_with_an_end_and_an_owner() {
    let content = r"
Mutelist:
  Accounts:
    123456789012:
      Checks:
        s3_bucket_public_access:
          Regions: [eu-west-1]
          Resources: ['^site-.*', '^www$']
          Tags: ['env=dev|env=test', 'team=*']
          Description: public web sites
";
    let register = read_with(content, &ExceptionOptions::default());
    assert_eq!(register.problems, []);
    let first = Exception {
        id: "mutelist/123456789012/s3_bucket_public_access/site-*/env=dev/team".into(),
        accounts: vec!["123456789012".into()],
        requirements: vec!["s3-acl".into(), "s3-public".into()],
        resource: "site-*".into(),
        approved: true,
        reason: "public web sites".into(),
        owner: "ana".into(),
        // date -u -d 2027-01-01 +%s
        expires_ms: Some(1_798_761_600_000),
        regions: vec!["eu-west-1".into()],
        tags: vec!["env=dev".into(), "team".into()],
        state: Some(ExceptionState::Approved),
        approver: Some("eve".into()),
        ..Exception::default()
    };
    assert_eq!(register.entries[0], first);
    let rest: Vec<_> = register.entries[1..]
        .iter()
        .map(|one| format!("{} {}", one.resource, one.tags.join(",")))
        .collect();
    assert_eq!(rest, ["site-* env=test,team", "www env=dev,team", "www env=test,team"]);
}

#[test]
fn checks_are_those_of_the_standard() {
    let nothing = "no requirement is fed by such a check: the rule is not taken";
    for (check, ids, told) in [
        ("'*'", &["iam-key", "s3-acl", "s3-public"][..], None),
        ("'s3_*'", &["s3-acl", "s3-public"], None),
        ("s3_account_public", &["s3-public"], None),
        ("s3_account", &[], Some(nothing)),
        ("csOther", &[], Some(nothing)),
    ] {
        let register = read(&format!("{check}: {{Regions: ['*'], Resources: ['*']}}"));
        let got: Vec<_> = register.entries.iter().flat_map(|one| &one.requirements).collect();
        assert_eq!(got, ids, "{check}");
        assert_eq!(said(&register), Vec::from_iter(told), "{check}");
    }
}

#[test]
fn what_has_no_place_here_is_told_and_stops_nothing_else() {
    let register = read(
        "iam_rotate_access_key_90_days: {Regions: ['*'], Resources: [logs]}\n\
         s3_account_public: {Regions: ['*'], Resources: ['*'], Exceptions: {Accounts: ['1']}}\n\
         s3_bucket_public_access: {Regions: ['*'], Resources: ['[ab]+'], Expires: x}\n\
         's3_*': {Regions: ['*'], Resources: ['*'], Expires: 2027-01-01}\n\
         'iam_*': {Regions: ['*'], Tags: [a=b], Exceptions: {Regions: [], Tags: }}\n\
         'iam_rotate*': {Regions: ['*'], Resources: ['*'], Tags: ['env=d*v']}\n\
         's3_account*': 7\n",
    );
    assert_eq!(
        said(&register),
        [
            "\"logs\" stand for whole names here; Prowler mutes what holds them, too",
            "it has `Exceptions`, which have no place here: the rule is not taken",
            "\"[ab]+\" is a regular expression that `*` can't say: the rule is not taken",
            "`Expires` is not known: the rule is not taken",
            "it names no `Resources` or no `Regions`: the rule is not taken",
            "tag \"env=d*v\" is not one in full: the rule is not taken",
            "it is no rule: the rule is not taken",
        ]
    );
    let taken: Vec<_> = register.entries.iter().map(|one| &*one.resource).collect();
    assert_eq!(taken, ["logs"], "a whole name");
    assert!(!register.anonymous && register.broken.is_empty(), "what is gone is withdrawn");
    let place = &register.problems[1].place;
    assert_eq!(place, "account \"*\", check \"s3_account_public\"");
}

#[test]
fn a_repeated_key_is_told_and_replaces_nothing() {
    let rule = |name: &str| format!("{{Regions: ['*'], Resources: [{name}, '^{name}$']}}");
    let register = read_with(
        &format!(
            "Mutelist:\n  Accounts:\n    '*':\n      Checks: {{s3_account_public: {}}}\n    \
             '*':\n      Checks: {{s3_account_public: {}}}\n      More: 1\n    x: {{}}\n  Z: 1\n",
            rule("a"),
            rule("b")
        ),
        &ExceptionOptions::default(),
    );
    let taken: Vec<_> = register.entries.iter().map(|one| &*one.resource).collect();
    assert_eq!(taken, ["a", "b"]);
    let told: Vec<_> = said(&register).into_iter().filter(|one| !one.contains("whole")).collect();
    assert_eq!(
        told,
        [
            "\"*\" is there more than once; each is read",
            "\"More\" is not known and was ignored",
            "it is no id of twelve digits: nothing of it is taken",
            "\"Z\" is not known and was ignored",
        ]
    );
}

#[test]
fn a_longest_duration_holds_here_too() {
    let content =
        "Mutelist: {Accounts: {'*': {Checks: {'*': {Regions: ['*'], Resources: ['*']}}}}}";
    let longest = Longest { high: Some(Days(30)), ..Longest::default() };
    let severities = BTreeMap::from([("iam-key".to_owned(), Severity::High)]);
    let options = ExceptionOptions { longest, severities, ..ExceptionOptions::default() };
    let register = read_with(content, &options);
    assert_eq!(register.entries[0].decided(), ExceptionState::Asked, "nothing says since when");
    assert_eq!(register.problems.len(), 1);
}

#[test]
fn what_is_no_mutelist_is_refused_as_a_whole() {
    let list = |expires: &str| Mutelist {
        path: "m".into(),
        expires: expires.into(),
        approved: None,
        owner: String::new(),
        approver: None,
    };
    let options = ExceptionOptions::default();
    for (content, expires) in [
        ("{}", "2026-12-31"),
        ("- 1", "2026-12-31"),
        ("a: b: c", "2026-12-31"),
        ("Mutelist: {}", ""),
        ("Mutelist: {}", "soon"),
    ] {
        let read = parse(Path::new("m"), content, &list(expires), &[], &options);
        assert!(read.is_err(), "{content} {expires}");
    }
}

#[test]
fn what_each_exception_of_a_rule_has_is_bounded() {
    let rule = |regions: usize, tags: usize, description: usize| {
        let list = |count: usize, one: &dyn Fn(usize) -> String| {
            (0..count).map(one).collect::<Vec<_>>().join(", ")
        };
        let regions = list(regions, &|at| format!("r{at}"));
        let tags = list(tags, &|at| format!("t{at}=x"));
        let words = "w".repeat(description);
        format!(
            "iam_rotate_access_key_90_days:\n  Regions: [{regions}]\n  Resources: [a]\n  \
             Tags: [{tags}]\n  Description: {words}\n"
        )
    };
    assert_eq!(read(&rule(100, 50, 2_000)).entries.len(), 1);
    for (regions, tags, description, reason) in [
        (101, 1, 1, "it names more than 100 regions: the rule is not taken"),
        (1, 51, 1, "it names more than 50 tags: the rule is not taken"),
        (1, 1, 2_001, "its description has more than 2000 bytes: the rule is not taken"),
    ] {
        assert_eq!(said(&read(&rule(regions, tags, description))), [reason]);
    }
    let long = "x".repeat(2_049);
    let named =
        read(&format!("iam_rotate_access_key_90_days: {{Regions: ['*'], Resources: [{long}]}}"));
    assert_eq!(said(&named), ["a name has more than 2048 bytes: the rule is not taken"]);
    // A choice of two is twice as many, ten times: none of them is made.
    let pairs = (0..11).map(|at| format!("a{at}=x|b{at}=x")).collect::<Vec<_>>().join(", ");
    let many = format!(
        "iam_rotate_access_key_90_days: {{Regions: ['*'], Resources: [a], Tags: [{pairs}]}}"
    );
    let reason = "its tags would be more than 1000 exceptions: the rule is not taken";
    assert_eq!(said(&read(&many)), [reason]);
}

#[test]
fn a_list_is_so_many_exceptions_and_no_more() {
    let resources = (0..1_000).map(|at| format!("a{at}")).collect::<Vec<_>>().join(", ");
    let check =
        format!("iam_rotate_access_key_90_days: {{Regions: ['*'], Resources: [{resources}]}}");
    let accounts = (0..21).map(|at| format!("    '{at:012}':\n      Checks:\n        {check}\n"));
    let content = format!("Mutelist:\n  Accounts:\n{}", accounts.collect::<String>());
    let register = read_with(&content, &ExceptionOptions::default());
    assert_eq!(register.entries.len(), 20_000);
    let told = "the list would be more than 20000 exceptions: the rule is not taken";
    assert_eq!(said(&register).into_iter().filter(|one| *one == told).count(), 1);
}
