//! What every Kafka node of the kit needs: a formatted data folder, and a JVM that serves it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::java;
use crate::process::{self, Child};

/// A fixed cluster id: 16 bytes in URL-safe base64. Nodes of different tests never meet.
const CLUSTER_ID: &str = "c2NvcmVjYXJkLXRlc3RzMQ";

/// What the node logs when it serves clients and is no longer fenced.
const STARTED: &str = "Kafka Server started";

/// Makes the data folder that `server.properties` in `folder` names, as `kafka-storage.sh format`
/// does; `more` are further arguments of that tool.
pub(crate) fn format(folder: &Path, more: &[String], limit: Duration) -> Result<()> {
    let mut command = jvm("128m")?;
    command.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]);
    command.arg(folder.join("server.properties")).args(more).current_dir(folder);
    process::run(command, limit).context("formatting Kafka's data folder")?;
    Ok(())
}

/// Starts the node of `server.properties` in `folder`; returns when it serves clients. Its output
/// goes to files that begin with `name`.
pub(crate) fn launch(folder: &Path, name: &str, limit: Duration) -> Result<Child> {
    let mut command = jvm("512m")?;
    command.arg("kafka.Kafka").arg(folder.join("server.properties")).current_dir(folder);
    let mut server = Child::spawn_in_own_folder(command, folder, name)?;
    server.wait_for_output(STARTED, limit).context("starting Kafka")?;
    Ok(server)
}

fn jvm(heap: &str) -> Result<Command> {
    let mut command = Command::new("java");
    command.args(java::options(heap, "log4j2.properties")?);
    Ok(command)
}
