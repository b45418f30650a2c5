//! Accounts: who they count for, and who is known.

use schemas::{
    AccountKey, AccountListing, AccountRegister, AccountState, AccountStatus, KnownBy,
    PrincipalKind, RollupKey, TrustKey, Verdict,
};

use crate::{
    build::{Source, listing, organisation, register, requirement, resource, spend},
    world::{BUCKET, ME, World, bucket},
};

const FOREIGN: &str = "999988887777";

fn listed(w: &mut World, account: &str, payer: &str) {
    w.take(Source::Listing(account.into(), Some(listing(account, payer))));
}

fn owned(w: &mut World, account: &str, owner: Option<&str>) {
    w.take(Source::Register(account.into(), Some(register(account, owner))));
}

fn sums(w: &World) -> Vec<String> {
    let sums = w.tables().sums;
    sums.iter().map(|(key, s)| format!("{}/{} {}", key.kind, key.id, s.noncompliant)).collect()
}

#[test]
fn an_owner_that_moves_takes_the_shares_along() {
    let mut w = World::new();
    listed(&mut w, ME, "pay-1");
    owned(&mut w, ME, Some("ann"));
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true)]);
    assert_eq!(sums(&w), ["enterprise/all 1", "owner/ann 1", "payer/pay-1 1"]);
    owned(&mut w, ME, Some("bob"));
    assert_eq!(sums(&w), ["enterprise/all 1", "owner/bob 1", "payer/pay-1 1"]);
    listed(&mut w, ME, "pay-2");
    owned(&mut w, ME, None);
    assert_eq!(sums(&w), ["enterprise/all 1", "payer/pay-2 1"]);
    assert_eq!(w.tables().shares.len(), 2);
    // Scores that move after that go to the new sums only.
    w.scan(&[bucket("b1", true), bucket("b2", true)]);
    assert_eq!(sums(&w), ["enterprise/all 2", "payer/pay-2 2"]);
    w.take(Source::Listing(ME.into(), None));
    assert_eq!(sums(&w), [""; 0]);
    assert!(!w.account().listed);
}

#[test]
fn an_account_that_leaves_or_is_suspended_is_kept_but_not_scored() {
    let mut w = World::new();
    listed(&mut w, ME, "pay-1");
    owned(&mut w, ME, Some("ann"));
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true), bucket("b2", false)]);
    let scored = w.tables();
    let suspended = AccountListing { status: AccountStatus::Suspended, ..listing(ME, "pay-1") };
    for (row, status, payer) in
        [(Some(suspended), AccountStatus::Suspended, "pay-1"), (None, AccountStatus::Left, "")]
    {
        w.take(Source::Listing(ME.into(), row));
        let (since_ms, state) = (w.now_ms, w.account());
        assert_eq!((state.status, state.status_since_ms), (status, Some(since_ms)));
        assert_eq!((&*state.payer, &*state.name), (payer, "111111111111-listed"));
        let t = w.tables();
        assert!(t.scores.is_empty() && t.shares.is_empty() && t.sums.is_empty());
        assert_eq!((&t.resources, &t.verdicts), (&scored.resources, &scored.verdicts));
        assert_eq!(state.coverage, scored.accounts[&AccountKey::new(ME)].coverage);
    }
    // What comes meanwhile is kept and judged, and moves no sum and not the time.
    let since_ms = w.account().status_since_ms;
    w.scan(&[bucket("b1", false), bucket("b2", false)]);
    owned(&mut w, ME, Some("bob"));
    w.requirement(requirement("R2", BUCKET, "r.Public"));
    assert_eq!(w.verdict("R1", "b1"), Some(Verdict::Pass));
    assert!(w.tables().scores.is_empty() && w.tables().sums.is_empty());
    assert_eq!(w.account().status_since_ms, since_ms);
    // It comes back, and is scored with what is known.
    listed(&mut w, ME, "pay-2");
    assert_eq!((w.score("R1").score, w.score("R2").score), (Some(1_000_000_000), Some(0)));
    assert_eq!(sums(&w), ["enterprise/all 2", "owner/bob 2", "payer/pay-2 2"]);
    assert_eq!(w.account().status_since_ms, Some(w.now_ms));
}

#[test]
fn a_closing_account_is_scored_until_it_is_closed() {
    let mut w = World::new();
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    let closing = AccountListing { status: AccountStatus::Closing, ..listing(ME, "pay-1") };
    w.take(Source::Listing(ME.into(), Some(closing)));
    w.scan(&[bucket("b1", true)]);
    assert_eq!((w.account().status, w.score("*").score), (AccountStatus::Closing, Some(0)));
}

#[test]
fn who_was_never_listed_cannot_leave() {
    let mut w = World::new();
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true)]);
    w.take(Source::Listing(ME.into(), None));
    let row = w.account();
    assert_eq!((row.status, row.status_since_ms), (AccountStatus::Unknown, None));
    assert_eq!(w.score("*").score, Some(0));
}

#[test]
fn register_and_listing_come_in_any_order() {
    let run = |first: bool| {
        let mut w = World::new();
        if first {
            owned(&mut w, ME, Some("ann"));
        }
        listed(&mut w, ME, "pay-1");
        let listed_ms = w.now_ms;
        if !first {
            owned(&mut w, ME, Some("ann"));
        }
        let row = w.account();
        assert_eq!(row.status_since_ms, Some(listed_ms), "the listing's time");
        AccountState { status_since_ms: None, ..row }
    };
    let row = run(true);
    assert_eq!(row, run(false));
    assert_eq!((row.owner.as_deref(), &*row.payer, row.listed), (Some("ann"), "pay-1", true));
    assert_eq!((&*row.name, row.status), ("111111111111-listed", AccountStatus::Active));
}

#[test]
fn an_account_that_nobody_listed_is_scored_all_the_same() {
    let mut w = World::new();
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w.scan(&[bucket("b1", true), bucket("b2", false)]);
    let row = w.account();
    assert_eq!((row.listed, &*row.name, row.status), (false, ME, AccountStatus::Unknown));
    assert_eq!(w.score("*").score, Some(500_000_000));
    assert_eq!(sums(&w), ["enterprise/all 1"]);
}

#[test]
fn the_registers_name_wins_and_spend_is_kept() {
    let mut w = World::new();
    listed(&mut w, ME, "pay-1");
    let row = AccountRegister {
        name: Some("shop".into()),
        executive: Some("eve".into()),
        ..register(ME, Some("ann"))
    };
    w.take(Source::Register(ME.into(), Some(row)));
    w.take(Source::Spend(ME.into(), Some(spend(ME, 4200))));
    let row = w.account();
    assert_eq!((&*row.name, row.executive.as_deref()), ("shop", Some("eve")));
    assert_eq!(row.spend_cents, Some(4200));
    w.take(Source::Spend(ME.into(), None));
    w.take(Source::Register(ME.into(), None));
    assert_eq!((w.account().spend_cents, &*w.account().name), (None, "111111111111-listed"));
}

#[test]
fn an_approved_third_party_changes_trust_and_verdicts_without_a_scan() {
    let mut w = World::new();
    listed(&mut w, ME, "pay-1");
    let pass = "size(unknown_accounts(r.AssumeRolePolicyDocument)) == 0";
    w.requirement(requirement("R1", "AWS::IAM::Role", pass));
    let policy = |principals: &str| {
        let policy = format!(
            r#"{{"AssumeRolePolicyDocument":{{"Statement":[{{"Effect":"Allow",
                "Action":"sts:AssumeRole","Principal":{{"AWS":[{principals}]}}}}]}}}}"#
        );
        resource(ME, "r1", "AWS::IAM::Role", "role", &policy)
    };
    let root = format!("arn:aws:iam::{FOREIGN}:root");
    w.scan(&[policy(&format!(r#""{root}""#))]);
    let trust = |w: &World| w.tables().trust.get(&TrustKey::new(ME, &*root)).cloned();
    let row = trust(&w).expect("a principal");
    assert_eq!((row.kind, row.known), (PrincipalKind::Account, false));
    assert_eq!(row.through, ["111111111111/r1/AWS::IAM::Role/role"]);
    assert_eq!(w.verdict("R1", "role"), Some(Verdict::Fail));
    let third =
        |approved| AccountRegister { third_party: true, approved, ..register(FOREIGN, None) };
    for (row, known, verdict) in [
        (Some(third(false)), false, Verdict::Fail),
        (Some(third(true)), true, Verdict::Pass),
        (None, false, Verdict::Fail),
        (Some(third(true)), true, Verdict::Pass),
    ] {
        w.take(Source::Register(FOREIGN.into(), row));
        assert_eq!(trust(&w).unwrap().known, known);
        assert_eq!(w.verdict("R1", "role"), Some(verdict));
    }
    let foreign = AccountKey::new(FOREIGN);
    assert!(!w.tables().accounts.contains_key(&foreign), "a third party is none of ours");
    w.scan(&[policy("")]);
    assert_eq!(trust(&w), None);
    // A listing makes it known too.
    w.scan(&[policy(&format!(r#""{root}""#))]);
    w.take(Source::Register(FOREIGN.into(), None));
    assert_eq!(w.verdict("R1", "role"), Some(Verdict::Fail));
    listed(&mut w, FOREIGN, "pay-2");
    assert_eq!(w.verdict("R1", "role"), Some(Verdict::Pass));
    assert!(w.tables().sums.contains_key(&RollupKey::new("payer", "pay-2")));
}

#[test]
fn an_organisation_is_ours_as_long_as_one_of_its_accounts_is_listed() {
    let mut w = World::new();
    listed(&mut w, ME, "pay-1");
    let policy = format!(
        r#"{{"AssumeRolePolicyDocument":{{"Statement":[{{"Effect":"Allow","Principal":"*",
            "Action":"sts:AssumeRole",
            "Condition":{{"StringEquals":{{"aws:PrincipalOrgID":"{}"}}}}}}]}}}}"#,
        organisation("pay-2")
    );
    w.scan(&[resource(ME, "r1", "AWS::IAM::Role", "role", &policy)]);
    let known_by = |w: &World| {
        let row = &w.tables().trust[&TrustKey::new(ME, organisation("pay-2"))];
        assert_eq!(row.kind, PrincipalKind::Organisation);
        row.known_by
    };
    assert_eq!(known_by(&w), KnownBy::Nobody);
    let others = ["333333333333", "444444444444"];
    for id in others {
        listed(&mut w, id, "pay-2");
        assert_eq!(known_by(&w), KnownBy::Organisation);
    }
    listed(&mut w, others[0], "pay-1");
    assert_eq!(known_by(&w), KnownBy::Organisation, "the other one is still there");
    w.take(Source::Listing(others[1].into(), None));
    assert_eq!(known_by(&w), KnownBy::Nobody);
}
