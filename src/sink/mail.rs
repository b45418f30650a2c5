//! `scorecard sink mail`: reports to who is to read them, on schedule and once.

use anyhow::{Context, Result};
use sink_frame::Progress;
use sink_mail::{LIMITS, Mail, ROLE, Settings};

use super::{Run, left};

/// Sends what is due until it is stopped, or once.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let config = run.config.mail.as_ref();
    let config = config.context("the configuration has no `mail`: there is nobody to write to")?;
    let site = run.site;
    let mut target =
        Mail::new(Settings { log: &*site.log, codec: &site.codec, prefix: &site.prefix, config });
    run.follow(&ROLE, LIMITS, &told, &mut target)
}

/// Says in words what was sent.
fn told(progress: &Progress) -> String {
    let mut text = format!("mail: {} sent", progress.effect("sent"));
    for word in ["failed", "lost", "put off"] {
        let count = progress.effect(word);
        if count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    text + &left(progress)
}
