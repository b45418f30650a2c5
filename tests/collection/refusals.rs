//! AWS says no: to a listing, to a supplementary call, to a role, to a session that has ended.

use anyhow::{Result, ensure};
use kit::gateway::{Fault, Where};
use schemas::UnitStatus;

use crate::day::{Day, REGIONS};

#[test]
fn a_listing_that_is_denied_keeps_what_was_seen() -> Result<()> {
    let day = Day::begin()?;
    let unlucky = day.world.unlucky();
    let place = Where::operation("ec2", "DescribeSecurityGroups").account(unlucky);
    let fault = day.gateway.inject(Fault::Denied, place.region(REGIONS[0]));
    let bad = day.bad(&[unlucky])?;
    ensure!(day.gateway.struck(fault) > 0);
    bad.says(unlucky, "AWS::EC2::SecurityGroup", 1, &[REGIONS[0], "UnauthorizedOperation: "])?;
    let unit = bad.unit(unlucky)?;
    ensure!(unit.status == UnitStatus::Completed && unit.failed >= 1, "{unit:?}");
    let said = unit.error.clone().unwrap_or_default();
    ensure!(said.contains(REGIONS[0]) && said.contains("UnauthorizedOperation"), "{said}");
    day.heals()
}

/// A failing bucket whose encryption nobody may read is not encrypted now.
#[test]
fn a_supplementary_call_that_is_denied_is_no_good_news() -> Result<()> {
    let day = Day::begin()?;
    for operation in ["GET /bucket?encryption", "GET /bucket?publicAccessBlock"] {
        supplementary(&day, operation)?;
    }
    Ok(())
}

/// Who was let in by a policy that nobody may read now is still let in.
#[test]
fn a_policy_that_is_denied_keeps_the_trust_that_it_gave() -> Result<()> {
    supplementary(&Day::begin()?, "GET /bucket?policy")
}

fn supplementary(day: &Day, operation: &str) -> Result<()> {
    let unlucky = day.world.unlucky();
    let place = Where::operation("s3", operation).account(unlucky);
    let fault = day.gateway.inject(Fault::Denied, place);
    let bad = day.bad(&[unlucky])?;
    ensure!(day.gateway.struck(fault) > 0, "{operation} is not asked");
    let unit = bad.unit(unlucky)?;
    // The listing itself was whole.
    ensure!((unit.status, unit.failed) == (UnitStatus::Completed, 0), "{unit:?}");
    let errors = bad.document_errors(unlucky, "AWS::S3::Bucket");
    let named = errors.iter().filter(|error| error.starts_with("AccessDenied: User is not"));
    ensure!(named.count() > 0, "the documents say {errors:?}");
    day.heals()
}

#[test]
fn a_role_that_can_not_be_assumed_fails_its_account_alone() -> Result<()> {
    let day = Day::begin()?;
    let unlucky = day.world.unlucky();
    day.gateway.deny_account(unlucky);
    let bad = day.bad(&[unlucky])?;
    let unit = bad.unit(unlucky)?;
    let said = unit.error.clone().unwrap_or_default();
    ensure!(unit.status == UnitStatus::Failed && said.starts_with("AccessDenied: "), "{unit:?}");
    bad.says(unlucky, "AWS::S3::Bucket", 1, &["AccessDenied: "])?;
    bad.says(unlucky, "AWS::EC2::SecurityGroup", 2, &["AccessDenied: "])?;
    day.heals()
}

/// The session ends after some calls, and its renewal gives no better one.
#[test]
fn sessions_that_end_in_the_middle_fail_what_is_left() -> Result<()> {
    let day = Day::begin()?;
    let unlucky = day.world.unlucky();
    for (fault, codes) in [
        (Fault::Expired, &["ExpiredToken", "RequestExpired"][..]),
        (
            Fault::Revoked,
            &["InvalidClientTokenId", "AuthFailure", "InvalidAccessKeyId", "UnrecognizedClient"],
        ),
    ] {
        let sts = day.gateway.inject(Fault::Denied, Where::service("sts").account(unlucky).skip(1));
        let place = Where::anywhere().account(unlucky);
        let fault = day.gateway.inject(fault, place.skip(6));
        let bad = day.bad(&[unlucky])?;
        ensure!(day.gateway.struck(fault) > 0, "the unit ended before its session");
        let failed = bad.failed_types(unlucky);
        ensure!(failed.len() >= 3, "only {failed:?} failed");
        let unit = bad.unit(unlucky)?;
        ensure!(unit.failed > 0 && unit.failed < unit.scopes, "a part of it: {unit:?}");
        let said = unit.error.clone().unwrap_or_default();
        ensure!(codes.iter().any(|code| said.contains(code)), "{said}");
        day.gateway.lift(sts);
        day.heals()?;
    }
    Ok(())
}

/// Without its accounts' list an organisation has not lost its accounts.
#[test]
fn an_organisation_that_can_not_be_listed_keeps_its_accounts() -> Result<()> {
    let day = Day::begin()?;
    for (fault, code) in
        [(Fault::Denied, "AccessDeniedException"), (Fault::BadPage, "ValidationException")]
    {
        let place = Where::operation("organizations", "ListAccounts");
        let fault = day.gateway.inject(fault, place);
        let bad = day.bad(&[])?;
        ensure!(day.gateway.struck(fault) > 0);
        ensure!(!bad.run.status.success(), "nothing was scanned: that is no success");
        let said = format!("{}{}", bad.run.stdout, bad.run.stderr);
        ensure!(said.contains(day.world.payer()) && said.contains(code), "{said}");
        day.heals()?;
    }
    Ok(())
}
