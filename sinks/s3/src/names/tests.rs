//! Names are what is written here by hand; hostile ones are apart, short enough, and can be read.

use proptest::prelude::*;

use super::*;

fn key(resource_type: &str, id: &str) -> ResourceKey {
    ResourceKey::new("123456789012", "us-east-1", resource_type, id)
}

#[test]
fn folders_are_antiopes() {
    for (resource_type, id, name) in [
        ("AWS::S3::Bucket", "pay.open", "Resources/s3/bucket/pay.open"),
        ("AWS::EC2::SecurityGroup", "sg-0a1b", "Resources/ec2/securitygroup/sg-0a1b"),
        ("AWS::IAM::Role", "AROAEXAMPLEID", "Resources/iam/role/AROAEXAMPLEID"),
        // Ids with what paths, shells and terminals would act on.
        ("AWS::ES::Domain", "a/../b", "Resources/es/domain/a!2F..!2Fb"),
        ("AWS::ES::Domain", "!\n", "Resources/es/domain/!21!0A"),
        ("AWS::ES::Domain", "ü", "Resources/es/domain/!C3!BC"),
        ("AWS::ES::Domain", "", "Resources/es/domain/"),
        ("AWS::ES::Domain", "..", "Resources/es/domain/.."),
        // Types of another form.
        ("Microsoft.Compute/disks", "d", "Resources/_/Microsoft!2ECompute!2Fdisks/d"),
        ("AWS::S3", "d", "Resources/_/AWS!3A!3AS3/d"),
        ("AWS::::S3::Bucket", "d", "Resources/_/AWS!3A!3A!3A!3AS3!3A!3ABucket/d"),
        ("../x", "d", "Resources/_/!2E!2E!2Fx/d"),
    ] {
        let expected = format!("{name}.123456789012.us-east-1.json");
        assert_eq!(object(&key(resource_type, id)), expected, "{resource_type} {id:?}");
    }
}

#[test]
fn an_id_with_dots_is_no_other_account() {
    let a = ResourceKey::new("1", "r", "AWS::S3::Bucket", "b.2");
    let b = ResourceKey::new("2.1", "r", "AWS::S3::Bucket", "b");
    assert_eq!(object(&a), "Resources/s3/bucket/b.2.1.r.json");
    assert_eq!(object(&b), "Resources/s3/bucket/b.2!2E1.r.json");
    assert_eq!(account_of(&object(&b)).as_deref(), Some("2.1"));
}

#[test]
fn what_is_too_long_keeps_its_beginning_and_a_digest() {
    let name = object(&key("AWS::S3::Bucket", &"x".repeat(2_000)));
    // `printf 'x%.0s' $(seq 2000) | sha256sum` of GNU coreutils.
    let digest = "5c0e0ea421571c300b5df6aec0a118b5c3dc02e0683a546341d5efc689df2f58";
    let expected = format!("Resources/s3/bucket/{}!h{digest}.", "x".repeat(414));
    assert!(name.starts_with(&expected), "{name}");
    assert_ne!(name, object(&key("AWS::S3::Bucket", &"x".repeat(2_001))));
}

#[test]
fn days_and_their_files() {
    let folder = day("2026-11-28");
    let file = lake_file(&folder, "123456789012");
    let expected = "lake/resources/dt=2026-11-28/account=123456789012/resources.jsonl.gz";
    assert_eq!(file, expected);
    assert_eq!(account_of_file(&folder, &file).as_deref(), Some("123456789012"));
    let whole = whole(&folder, 3, 12);
    assert_eq!(whole, "lake/resources/dt=2026-11-28/_whole-3-of-12");
    assert_eq!(account_of_file(&folder, &whole), None);
    assert_eq!(account_of(&file), None);
}

/// Parts that hold what names are made of, and everything else.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c./!:_%A-F0-9-]{0,8}",
        any::<String>(),
        "[ü/.x!h]{0,400}",
        proptest::collection::vec(Just("ab/".to_owned()), 200..600).prop_map(|v| v.concat()),
    ]
}

/// Types by AWS's rule, which does not tell apart what differs in case alone, and any others.
fn kind() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("AWS::S3::Bucket".to_owned()),
        Just("AWS::EC2::SecurityGroup".to_owned()),
        part().prop_map(|part| format!("x{part}")),
    ]
}

fn any_key() -> impl Strategy<Value = ResourceKey> {
    (part(), part(), kind(), part())
        .prop_map(|(account, region, kind, id)| ResourceKey::new(account, region, kind, id))
}

proptest! {
    #[test]
    fn no_two_resources_share_an_object(one in any_key(), other in any_key()) {
        prop_assert_eq!(one == other, object(&one) == object(&other));
    }

    #[test]
    fn every_name_fits_and_is_safe(key in any_key()) {
        let name = object(&key);
        prop_assert!(name.len() + PREFIX_BYTES_MAX <= 1_024, "{} bytes", name.len());
        let safe = |c: char| c.is_ascii_alphanumeric() || "!-_./".contains(c);
        prop_assert!(name.chars().all(safe), "{name}");
        prop_assert!(name.split('/').all(|part| part != "." && part != ".."), "{name}");
    }

    #[test]
    fn a_name_tells_its_account(key in any_key()) {
        let account = account_of(&object(&key));
        if escape(&key.account, "-_").len() <= PLACE_BYTES_MAX {
            prop_assert_eq!(account, Some(key.account));
        } else {
            prop_assert_eq!(account, None);
        }
    }
}
