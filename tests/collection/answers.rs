//! Answers that are not what they seem: cut off, broken off, with pages that fail or never end.

use anyhow::{Result, ensure};
use kit::gateway::{Fault, Where};
use schemas::UnitStatus;

use crate::day::{Day, REGIONS};

/// A call of each protocol, as the gateway names it, with the type that its answer is about.
const LISTINGS: [(&str, &str, &str); 3] = [
    ("iam", "GetAccountAuthorizationDetails", "AWS::IAM::Role"),
    ("ec2", "DescribeSecurityGroups", "AWS::EC2::SecurityGroup"),
    ("s3", "GET /", "AWS::S3::Bucket"),
];

/// Half a list is no list: what it does not name is not gone.
#[test]
fn half_an_answer_is_none() -> Result<()> {
    let day = Day::begin()?;
    let unlucky = day.world.unlucky();
    for (fault, code) in [(Fault::Garbled, "UnreadableAnswer: "), (Fault::Torn, "BrokenAnswer: ")] {
        for (service, operation, _) in LISTINGS {
            let place = Where::operation(service, operation).account(unlucky);
            day.gateway.inject(fault, place);
        }
        let bad = day.bad(&[unlucky])?;
        for (service, _, resource_type) in LISTINGS {
            let scopes = if service == "ec2" { 2 } else { 1 };
            bad.says(unlucky, resource_type, scopes, &[code])?;
        }
        day.heals()?;
    }
    Ok(())
}

#[test]
fn a_page_that_fails_fails_the_whole_listing() -> Result<()> {
    let day = Day::begin()?;
    let unlucky = day.world.unlucky();
    for (service, operation, _) in LISTINGS {
        day.gateway.inject(Fault::BadPage, Where::operation(service, operation).account(unlucky));
    }
    let bad = day.bad(&[unlucky])?;
    let codes = ["ValidationError: ", "InvalidNextToken: ", "InvalidArgument: "];
    for ((service, _, resource_type), code) in LISTINGS.into_iter().zip(codes) {
        let scopes = if service == "ec2" { 2 } else { 1 };
        bad.says(unlucky, resource_type, scopes, &[code])?;
    }
    day.heals()
}

/// The time limit of the unit ends what has no end of its own; what was whole before counts.
#[test]
fn a_listing_without_end_is_ended() -> Result<()> {
    let day = Day::begin_within(15_000)?;
    let unlucky = day.world.unlucky();
    let place = Where::operation("ec2", "DescribeSecurityGroups").account(unlucky);
    let fault = day.gateway.inject(Fault::Endless, place.region(REGIONS[1]));
    let bad = day.bad(&[unlucky])?;
    ensure!(day.gateway.struck(fault) > 10, "it was asked for more pages");
    let unit = bad.unit(unlucky)?;
    ensure!(unit.status == UnitStatus::TimedOut && unit.failed >= 1, "{unit:?}");
    bad.says(unlucky, "AWS::EC2::SecurityGroup", 1, &[REGIONS[1]])?;
    let failed = bad.failed_types(unlucky);
    ensure!(!failed.contains("AWS::S3::Bucket"), "only what was open fails: {failed:?}");
    day.heals()
}
