//! What the standard would say of the simulated history: some of everything.

use std::collections::{BTreeMap, BTreeSet};

use super::{judge::Says, *};

/// Requirements and their weights, as the standard that ships has them.
const WEIGHTS: [(&str, u64); 9] = [
    ("cloudtrail-enabled", 6),
    ("ec2-admin-ports", 8),
    ("iam-access-key-age", 5),
    ("iam-console-mfa", 8),
    ("iam-role-trust", 8),
    ("iam-root", 10),
    ("rds-encryption", 6),
    ("s3-encryption", 4),
    ("s3-public-access", 10),
];

/// Verdicts by account, requirement and what they are about: the latest ones.
type Latest = BTreeMap<(String, &'static str, String), Says>;

/// Judges everything that an organisation's history says, and keeps the latest verdicts.
fn judged(config: &Config, each: &mut dyn FnMut(&'static str, Says)) -> Latest {
    let mut latest = Latest::new();
    for event in simulate(config) {
        let (account, about, verdicts) = match (&event.source, observed(&event)) {
            (_, Some(resource)) => {
                let verdicts = judge::resource(resource, event.at_ms);
                (resource.account.clone(), format!("{:?}", resource.key()), verdicts)
            }
            (Source::Reported(report), _) => {
                let ReportEvent::Found { finding } = &report.event else { continue };
                let verdict = judge::finding(finding).into_iter().collect();
                (report.account.clone(), String::new(), verdict)
            }
            _ => continue,
        };
        for (requirement, part, says) in verdicts {
            each(requirement, says);
            latest.insert((account.clone(), requirement, format!("{about}{part}")), says);
        }
    }
    latest
}

#[test]
fn the_standard_finds_everything_and_most_accounts_end_between_60_and_97_percent() {
    for seed in 1..=2 {
        let mut said = BTreeSet::new();
        let latest = judged(&config(seed), &mut |requirement, says| {
            said.insert((requirement, says));
        });
        for (requirement, _) in WEIGHTS {
            for says in [Says::Pass, Says::Fail] {
                assert!(said.contains(&(requirement, says)), "seed {seed}: {requirement} {says:?}");
            }
        }
        let unknown = said.iter().filter(|(_, says)| *says == Says::Unknown).count();
        assert!(unknown >= 5, "seed {seed}: {said:?}");
        let scores = scores(&latest);
        let most = scores.iter().filter(|score| (0.60..=0.97).contains(*score)).count();
        assert_eq!(scores.len(), 24, "of one account nothing is known");
        assert!(most >= 20, "seed {seed}: {scores:.2?}");
    }
}

/// Gives each account's score, without exceptions and counting rows.
fn scores(latest: &Latest) -> Vec<f64> {
    let mut counts: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for ((account, requirement, _), says) in latest {
        let (pass, all) = counts.entry((account, requirement)).or_default();
        *pass += u64::from(*says == Says::Pass);
        *all += u64::from(*says != Says::Unknown);
    }
    let mut scores: BTreeMap<&str, (f64, u64)> = BTreeMap::new();
    for ((account, requirement), (pass, all)) in counts {
        let weight = WEIGHTS.iter().find(|(id, _)| *id == requirement).expect("a known one").1;
        if all > 0 {
            let (sum, weights) = scores.entry(account).or_default();
            *sum += weight as f64 * pass as f64 / all as f64;
            *weights += weight;
        }
    }
    scores.values().map(|(sum, all)| sum / *all as f64).collect()
}

#[test]
fn keys_grow_too_old_without_a_change_that_a_scan_could_see() {
    let mut seen: BTreeMap<String, (Resource, Says)> = BTreeMap::new();
    let mut aged = BTreeSet::new();
    for event in simulate(&config(1)) {
        let Some(resource) = observed(&event).filter(|r| r.resource_type == "AWS::IAM::User")
        else {
            continue;
        };
        let same = |one: &Resource| {
            (&one.configuration, &one.supplementary)
                == (&resource.configuration, &resource.supplementary)
        };
        for (requirement, key, says) in judge::resource(resource, event.at_ms) {
            if requirement != "iam-access-key-age" || key.is_empty() {
                continue;
            }
            let before = seen.insert(key.clone(), (resource.clone(), says));
            if before
                .is_some_and(|(one, was)| was == Says::Pass && says == Says::Fail && same(&one))
            {
                aged.insert(key);
            }
        }
    }
    assert!(aged.len() > 5, "{}", aged.len());
}

#[test]
fn resources_are_made_changed_and_deleted_and_no_two_share_a_key() {
    let mut history: BTreeMap<_, (BTreeSet<(String, String)>, usize)> = BTreeMap::new();
    let mut once = BTreeSet::new();
    let mut arns: BTreeMap<String, schemas::ResourceKey> = BTreeMap::new();
    for event in simulate(&config(4)) {
        let Source::Observed(row) = &event.source else { continue };
        let Some(resource) = observed(&event) else { continue };
        let scan = (row.scan.clone(), row.attempt, resource.key());
        assert!(once.insert(scan), "{:?} is seen twice", resource.key());
        assert_eq!(resource.captured_ms, event.at_ms);
        if !resource.arn.is_empty() {
            let key = arns.entry(resource.arn.clone()).or_insert_with(|| resource.key());
            assert_eq!(*key, resource.key(), "an ARN is one resource's");
        }
        let (documents, last) = history.entry(resource.key()).or_default();
        documents.insert((resource.configuration.clone(), resource.supplementary.clone()));
        *last = (event.at_ms - START_MS) as usize / 86_400_000;
    }
    let changed = history.values().filter(|(documents, _)| documents.len() > 1).count();
    let gone = history.values().filter(|(_, last)| *last < 28).count();
    assert!(changed > 100 && changed < history.len() * 2 / 3, "{changed} of {}", history.len());
    assert!(gone > 20, "{gone}");
}
