//! AWS is overrun or broken: throttling in bursts and without end, and nothing but errors.

use anyhow::{Result, ensure};
use kit::gateway::{Fault, Where};
use schemas::UnitStatus;
use serde_json::json;

use crate::day::Day;
use crate::site::summary;

/// Each protocol has its own code for it; whoever waits and asks again gets everything.
#[test]
fn bursts_of_throttling_and_errors_are_outlasted() -> Result<()> {
    let day = Day::begin()?;
    for fault in [Fault::Throttled, Fault::Broken] {
        let services =
            ["sts", "organizations", "iam", "ec2", "s3", "secretsmanager", "ecs", "es", "route53"];
        let bursts = services.map(|service| {
            let burst = day.gateway.inject(fault, Where::service(service).times(2));
            (service, burst)
        });
        let bad = day.bad(&[])?;
        for (service, burst) in bursts {
            let struck = day.gateway.struck(burst);
            ensure!(struck == 2, "{service} met {fault:?} {struck} times");
        }
        ensure!(summary(&bad.run)?["problems"] == json!([]), "{}", bad.run.stdout);
        day.heals()?;
    }
    Ok(())
}

#[test]
fn an_account_without_any_good_answer_fails_in_words() -> Result<()> {
    let day = Day::begin()?;
    let unlucky = day.world.unlucky();
    for (fault, codes) in [
        (Fault::Throttled, ["Throttling: Rate exceeded", "SlowDown: "]),
        (Fault::Broken, ["InternalFailure: ", "InternalError: "]),
    ] {
        // Two services, so that the retries' pauses don't take all day.
        for service in ["iam", "s3"] {
            day.gateway.inject(fault, Where::service(service).account(unlucky));
        }
        let bad = day.bad(&[unlucky])?;
        let unit = bad.unit(unlucky)?;
        ensure!(unit.status == UnitStatus::Completed && unit.failed >= 3, "{unit:?}");
        bad.says(unlucky, "AWS::IAM::User", 1, &codes[..1])?;
        bad.says(unlucky, "AWS::IAM::Role", 1, &codes[..1])?;
        bad.says(unlucky, "AWS::S3::Bucket", 1, &codes[1..])?;
        let failed = bad.failed_types(unlucky);
        ensure!(!failed.contains("AWS::EC2::SecurityGroup"), "EC2 was well: {failed:?}");
        day.heals()?;
    }
    Ok(())
}
