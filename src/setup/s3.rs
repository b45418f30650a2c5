//! `scorecard setup s3`: whether the bucket is there; making it is its owner's.

use anyhow::{Context, Result};
use sink_s3::Bucket;

use crate::{config::Config, output::say};

/// Says what `sink s3` will keep in the bucket, and looks whether it can be reached.
pub(super) fn setup(config: &Config, dry_run: bool) -> Result<()> {
    let settings = config.s3.as_ref();
    let settings = settings.context("the configuration has no `s3`: there is no bucket")?;
    let (bucket, prefix) = (&settings.bucket, &settings.prefix);
    let key = match &settings.kms_key_id {
        Some(id) => format!("KMS key {id}"),
        None => "S3's own keys".to_owned(),
    };
    say!("bucket {bucket}: `sink s3` needs nothing but the bucket, and will")?;
    say!("- keep an object a resource below {prefix}Resources/, encrypted with {key}")?;
    if settings.lake {
        say!("- write a partition a day below {prefix}lake/")?;
    }
    if settings.workbooks {
        say!("- keep the files of {} below {prefix}workbooks/", config.workbooks.display())?;
    }
    if dry_run {
        return say!("nothing was asked of it: this was a dry run");
    }
    Bucket::prepare(settings, None)?.check()?;
    say!("bucket {bucket} can be reached and listed")
}
