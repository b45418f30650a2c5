//! Everything that the manual's pages connect to, and a configuration that names it.

use std::fs;

use anyhow::{Result, ensure};
use kit::clickhouse::ClickHouse;
use kit::elasticsearch::Elasticsearch;
use kit::hook::Hook;
use kit::kafka::Kafka;
use kit::mailpit::Mailpit;
use kit::organisation::{Organisation, PAYERS};

use crate::shell::Shell;

/// Anyone may do anything that no list speaks of: pages can make lists, and nobody is shut out.
const KAFKA_WITH_LISTS: &str = "\
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
allow.everyone.if.no.acl.found=true\n\
super.users=User:ANONYMOUS\n";

const BUCKET: &str = "inventory";

/// The servers of one company.
pub(crate) struct Servers {
    world: Organisation,
    kafka: Kafka,
    elasticsearch: Elasticsearch,
    clickhouse: ClickHouse,
    mail: Mailpit,
    hook: Hook,
}

impl Servers {
    pub(crate) fn start() -> Result<Self> {
        let world = Organisation::start()?;
        kit::python("sinks/s3/tests/bucket.py", &["make", &world.moto.endpoint(), BUCKET])?;
        Ok(Self {
            world,
            kafka: Kafka::start_with(KAFKA_WITH_LISTS)?,
            elasticsearch: Elasticsearch::start()?,
            clickhouse: ClickHouse::start()?,
            mail: Mailpit::start()?,
            hook: Hook::start()?,
        })
    }

    /// Makes a shell in a folder with a configuration of all that is there.
    pub(crate) fn shell(&self) -> Result<Shell> {
        let mut shell = Shell::new()?;
        let file = |name: &str| shell.folder().join(name);
        self.world.write_sources(shell.folder())?;
        let (scan, sinks) = (self.scan("scorecard", 2), self.sinks());
        fs::write(file("scan.yaml"), &scan)?;
        fs::write(file("scorecard.yaml"), scan + &sinks)?;
        fs::write(file("new.yaml"), self.scan("elsewhere", 24))?;
        // What the printed commands of `kafka-acls.sh` name: nobody has to log in here.
        fs::write(file("admin.properties"), "")?;
        let account = self.world.id("payments");
        for theirs in ["111122223333", "123456789012"] {
            shell.call(theirs, &account);
        }
        shell.call("999988887777", PAYERS[0]);
        shell.call("lee@example.com", "ann@example.com");
        shell.call("kafka:9092", &self.kafka.bootstrap());
        shell.call("$BOOTSTRAP", &self.kafka.bootstrap());
        Ok(shell)
    }

    /// A configuration that reads accounts and registers, and writes workbooks.
    fn scan(&self, prefix: &str, partitions: u32) -> String {
        let payers = PAYERS.map(|payer| format!("{{account: \"{payer}\"}}")).join(", ");
        format!(
            "prefix: {prefix}\npartitions: {partitions}\n\
             log: {{kafka: {{bootstrap: \"{kafka}\", replication_factor: 1}}}}\n\
             aws: {{payers: [{payers}], role: audit, regions: [us-east-1], endpoint: {moto}}}\n\
             register: {{accounts: accounts.csv, risks: risks.json}}\n\
             findings: [{{source: cloudsploit, path: cloudsploit}}]\n",
            kafka = self.kafka.bootstrap(),
            moto = self.world.moto.endpoint(),
        )
    }

    /// The rest of a configuration that tells everyone; mail is due each minute.
    fn sinks(&self) -> String {
        format!(
            "s3: {{bucket: {BUCKET}, endpoint: {moto}}}\nsiem: {{}}\npage: {{}}\n\
             elasticsearch: {{url: \"{elasticsearch}\"}}\nclickhouse: {{url: \"{clickhouse}\"}}\n\
             mail: {{server: \"smtp://127.0.0.1:{smtp}\", from: scores@example.com, \
             owners: {{cron: \"* * * * *\"}}}}\n\
             alerts: {{webhook: {{url: \"{hook}\"}}}}\n",
            moto = self.world.moto.endpoint(),
            elasticsearch = self.elasticsearch.url(),
            clickhouse = self.clickhouse.url(),
            smtp = self.mail.smtp_port(),
            hook = self.hook.url(),
        )
    }

    /// Each of the servers that are written to holds what it should by now.
    pub(crate) fn hold_what_was_sent(&self) -> Result<()> {
        let moto = self.world.moto.endpoint();
        let objects = kit::python("sinks/s3/tests/bucket.py", &["keys", &moto, BUCKET])?;
        ensure!(objects.contains("Resources/"), "the bucket: {objects}");
        let query = serde_json::json!({"match_all": {}});
        let documents = self.elasticsearch.documents("scorecard-resources", &query)?;
        ensure!(documents.len() > 50, "Elasticsearch: {} documents", documents.len());
        let rows = self.clickhouse.query("SELECT count() AS rows FROM scorecard.compliance")?;
        ensure!(rows[0]["rows"].as_u64() > Some(50), "ClickHouse: {rows:?}");
        let mails = self.mail.messages()?;
        ensure!(!mails.is_empty(), "nobody got mail");
        ensure!(!self.hook.take().is_empty(), "the webhook was not told");
        Ok(())
    }
}
