//! `scorecard sink alert`: what can't wait for the next report, told together.

use anyhow::{Context, Result};
use sink_alert::{Alerts, LIMITS, ROLE, Settings};
use sink_frame::Progress;

use super::{Run, left};

/// Tells what is due until it is stopped, or once.
pub(super) fn sink(run: &Run<'_>) -> Result<()> {
    let config = run.config.alerts.as_ref();
    let config = config.context("the configuration has no `alerts`: there is nobody to tell")?;
    let (site, mail) = (run.site, run.config.mail.as_ref());
    let (log, codec, prefix) = (&*site.log, &site.codec, &*site.prefix);
    let mut target = Alerts::new(Settings { log, codec, prefix, config, mail })?;
    run.follow(&ROLE, LIMITS, &told, &mut target)
}

/// Says in words what was told.
fn told(progress: &Progress) -> String {
    let mut text = format!("alerts: {} told", progress.effect("told"));
    for word in ["mailed", "posted", "refused"] {
        let count = progress.effect(word);
        if count > 0 {
            text += &format!(", {count} {word}");
        }
    }
    text + &left(progress)
}
