//! `scorecard validate`: what is wrong with the configuration and the files it names.

use anyhow::{Result, bail};

use crate::{
    config::ConfigFile,
    output::{Form, say},
    site::now_ms,
    sources,
};

/// Checks the configuration and every file that it names; reads only, connects to nothing
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    form: Form,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (file, form) = (args.config.path.display(), args.form);
    let problems = match problems(&args.config) {
        // Told as any other error is, but where a program reads what was found.
        Err(error) if form.is_json() => vec![format!("{error:#}")],
        found => found?,
    };
    if form.is_json() {
        say!("{}", serde_json::json!({"file": file.to_string(), "problems": problems}))?;
    } else {
        problems.iter().for_each(|problem| eprintln!("{problem}"));
    }
    match problems.len() {
        0 if form.is_json() => Ok(()),
        0 => say!("{file} and the files it names are in order"),
        1 => bail!("1 problem"),
        count => bail!("{count} problems"),
    }
}

fn problems(file: &ConfigFile) -> Result<Vec<String>> {
    let config = file.read()?;
    let mut problems = sources::check(&config, now_ms());
    // A layer that can't be listed is told already.
    if let Ok(report) = producer_standard::run_tests(&config.standard)
        && report.problems.is_empty()
        && !report.is_ok()
    {
        problems.push(format!("test cases of the standard fail:\n{report}"));
    }
    Ok(problems)
}
