//! `scorecard doctor`: tries every connection and permission that the configuration will need.

use anyhow::{Result, bail};
use schemas::headers::rfc3339;
use serde::Serialize;
use sink_alert::Hook;
use sink_clickhouse::Database;
use sink_elasticsearch::{Cluster, Setup};
use sink_mail::Post;
use sink_s3::Bucket;
use stream::{TopicPlan, chain, registry::HttpRegistry};

use crate::{
    config::{Config, ConfigFile},
    output::{Form, plain, say},
    progress::Teller,
    site::{Site, now_ms},
    sources, telemetry,
};

/// Without a tick for so long time stands still: nothing expires and no hour is cut.
const TICK_AGE_MAX_MS: i64 = 5 * 60_000;

/// Tries every connection and permission that the configuration will need; writes nothing
///
/// The log and its topics, the schema registry, the audit role in each payer and in one account of
/// it, the files that are named, and what sinks write to. Each line says what was tried and what
/// came of it; below what failed stands what to do. Ends with an error when anything failed.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    form: Form,
}

/// What was tried, and what came of it.
#[derive(Debug, PartialEq, Serialize)]
struct Check {
    /// The part of the configuration.
    part: &'static str,
    /// What was tried.
    tried: String,
    is_well: bool,
    /// What was found, or what was said instead.
    found: String,
    /// What to do; nothing where all is well.
    advice: Option<&'static str>,
}

/// The checks so far.
struct Doctor<'a> {
    config: &'a Config,
    teller: Teller,
    checks: Vec<Check>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let mut doctor = Doctor { config: &config, teller: Teller::new(), checks: Vec::new() };
    doctor.sources();
    doctor.log();
    doctor.registry();
    doctor.aws();
    doctor.s3();
    doctor.elasticsearch();
    doctor.clickhouse();
    doctor.mail();
    doctor.webhook();
    doctor.telemetry();
    let Doctor { checks, teller, .. } = doctor;
    teller.done(&format!("{} checks made", checks.len()));
    for check in &checks {
        if args.form.is_json() {
            say!("{}", serde_json::to_string(check)?)?;
        } else {
            say!("{}", check.words())?;
        }
    }
    match checks.iter().filter(|check| !check.is_well).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} checks failed", checks.len()),
    }
}

impl Doctor<'_> {
    /// Notes a check; `advice` is for when it failed.
    fn note(
        &mut self,
        part: &'static str,
        tried: &str,
        found: Result<String, String>,
        advice: &'static str,
    ) {
        let is_well = found.is_ok();
        let (Ok(found) | Err(found)) = found;
        let advice = (!is_well).then_some(advice);
        self.checks.push(Check { part, tried: tried.to_owned(), is_well, found, advice });
    }

    /// Says what is tried now, for what may take long.
    fn trying(&self, part: &str) {
        self.teller.step(&format!("trying {part}"));
    }

    fn sources(&mut self) {
        let problems = sources::check(self.config, now_ms());
        let found = match problems.is_empty() {
            true => Ok("in order".to_owned()),
            false => Err(problems.join("; ")),
        };
        let advice = "mend the files: `scorecard validate` tells each fault in a line of its own";
        self.note("files", "reading the standard, the registers and the findings", found, advice);
    }

    fn log(&mut self) {
        self.trying("the log");
        let local = self.config.log.local.as_ref();
        if let Some(dir) = local.filter(|dir| !dir.is_dir()) {
            let found = Ok(format!("{} is not there yet: the first run makes it", dir.display()));
            return self.note("log", "opening it", found, "");
        }
        let advice = "is the address right, does the broker run, and may we in? For a local log: \
                      does another process have it open?";
        let site = match Site::connect(self.config) {
            Ok(site) => site,
            Err(error) => return self.note("log", "opening it", Err(told(error)), advice),
        };
        let plan = match site.log.plan() {
            Ok(plan) => plan,
            Err(error) => {
                return self.note("log", "asking for its topics", Err(told(error)), advice);
            }
        };
        let wrong: Vec<_> = plan.iter().filter(|one| !matches!(one, TopicPlan::Keep(_))).collect();
        let found = match wrong.first() {
            None => Ok(format!("{} topics as they must be", plan.len())),
            Some(first) => {
                let first = crate::topics::describe(first, &site.prefix);
                Err(format!("{} of {} are not: {first}", wrong.len(), plan.len()))
            }
        };
        let is_well = found.is_ok();
        let advice = "`scorecard topics plan` shows them all, `scorecard topics apply` makes them";
        self.note("log", "looking at its topics", found, advice);
        if is_well {
            self.clock(&site);
        }
    }

    fn clock(&mut self, site: &Site) {
        let advice = "a process of `scorecard run` or `scorecard clock` must run";
        let found = match producer_clock::last_minute(&*site.log) {
            Err(error) => Err(told(error)),
            Ok(None) => Ok("none yet: the first run writes one".to_owned()),
            Ok(Some(at_ms)) if now_ms() - at_ms > TICK_AGE_MAX_MS => Err(format!(
                "the last is of {}: nothing has expired since, and no hour was cut",
                rfc3339(at_ms)
            )),
            Ok(Some(at_ms)) => Ok(format!("the last is of {}", rfc3339(at_ms))),
        };
        self.note("clock", "looking for the last tick", found, advice);
    }

    fn registry(&mut self) {
        let Some(config) = &self.config.schema_registry else { return };
        self.trying("the schema registry");
        let found = HttpRegistry::new(config)
            .map_err(told)
            .and_then(|registry| registry.check().map_err(told))
            .map(|()| "it answers".to_owned());
        let advice = "are schema_registry.url, username, password and ca_file right?";
        self.note("schema_registry", "asking for its types", found, advice);
    }

    fn aws(&mut self) {
        let Some(config) = &self.config.aws else { return };
        self.trying("the payers");
        let advice = "where no credentials are found: give this process some, by environment, \
                      profile or the machine's role; else deploy the audit role (`scorecard \
                      aws-role` prints it) there, let it trust our credentials, and give it \
                      organizations:ListAccounts in payers";
        match producer_aws::look(config, None) {
            Err(error) => self.note("aws", "preparing calls", Err(told(error)), advice),
            Ok(looks) => {
                for look in looks {
                    self.note("aws", &look.what, look.found, advice);
                }
            }
        }
    }

    fn s3(&mut self) {
        let Some(config) = &self.config.s3 else { return };
        self.trying("the bucket");
        let found = Bucket::prepare(config, None).and_then(|bucket| bucket.check());
        let found = found.map(|()| "it can be listed".to_owned()).map_err(told);
        let advice = "our credentials need s3:ListBucket on it, and s3:PutObject, s3:GetObject and \
                      s3:DeleteObject below the prefix";
        self.note("s3", &format!("listing bucket {}", config.bucket), found, advice);
    }

    fn elasticsearch(&mut self) {
        let Some(config) = &self.config.elasticsearch else { return };
        self.trying("Elasticsearch");
        let looked = Cluster::prepare(config).and_then(|cluster| {
            let tell = |_: &str| {};
            Setup::begin(&cluster, config, true, &tell)?.run()
        });
        let found = match looked {
            Err(error) => Err(told(error)),
            Ok(0) => Ok("everything is as it must be".to_owned()),
            Ok(parts) => Err(format!("it answers, and {parts} parts are missing")),
        };
        let advice = "where it does not answer: url, user, ca_file; where parts are missing: \
                      `scorecard setup elasticsearch`";
        self.note("elasticsearch", &format!("looking at {}", config.url), found, advice);
    }

    fn clickhouse(&mut self) {
        let Some(config) = &self.config.clickhouse else { return };
        self.trying("ClickHouse");
        let looked = Database::prepare(config).and_then(|database| database.check());
        let found = looked.map(|()| "its tables are new enough".to_owned());
        let advice = "where it does not answer: url, user, password, ca_file; where tables are \
                      missing: `scorecard setup clickhouse`";
        let found = found.map_err(told);
        self.note("clickhouse", &format!("looking at {}", config.url), found, advice);
    }

    fn mail(&mut self) {
        let Some(config) = &self.config.mail else { return };
        self.trying("the mail server");
        let mut post = Post::new(config);
        let found = post.connect().map_err(told).map(|size_max| match size_max {
            Some(bytes) => format!("it takes messages of up to {bytes} bytes"),
            None => "it lets us in".to_owned(),
        });
        post.hang_up();
        let advice = "are mail.server, username, password and ca_file right, and may this machine \
                      connect there?";
        self.note("mail", &format!("greeting {}", config.server), found, advice);
    }

    fn webhook(&mut self) {
        let alerts = self.config.alerts.as_ref();
        let Some(webhook) = alerts.and_then(|alerts| alerts.webhook.as_ref()) else { return };
        self.trying("the webhook");
        let hook = Hook::new(webhook).map_err(told);
        let found = hook.and_then(|hook| hook.reach().map_err(told));
        let found = found.map(|status| format!("it answers, with status {status}"));
        let advice = "are alerts.webhook.url and ca_file right, and may this machine connect \
                      there? The token is not tried: that would post something";
        self.note("alerts", "asking the webhook what it takes", found, advice);
    }

    fn telemetry(&mut self) {
        let Some(config) = &self.config.telemetry else { return };
        self.trying("the collector of spans");
        let found = telemetry::try_out(config).map_err(told);
        let found = found.map(|status| format!("it takes spans, with status {status}"));
        let advice = "are telemetry.url, headers and ca_file right, and does the collector take \
                      OTLP over HTTP there (usually port 4318)?";
        self.note("telemetry", &format!("sending no spans to {}", config.url), found, advice);
    }
}

impl Check {
    fn words(&self) -> String {
        let Self { part, tried, is_well, found, advice } = self;
        let mark = if *is_well { "ok   " } else { "WRONG" };
        let advice = advice.map(|advice| format!("\n      -> {advice}")).unwrap_or_default();
        format!("{mark} {part}: {}: {}{advice}", plain(tried), plain(found))
    }
}

/// Tells an error with its causes in one line.
fn told(error: impl Into<anyhow::Error>) -> String {
    chain(&*error.into())
}
