//! Apache Kafka with a lock on every door: one KRaft node that takes TLS only, wants a name and
//! denies everybody whatever no access control list allows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::process::{self, Child};
use crate::{java, node, ports};

/// Limit for a start; a loaded machine with two cores needed 40 s.
const START_LIMIT: Duration = Duration::from_secs(180);

/// The super user, who is known by password and by certificate.
pub const ADMIN: &str = "admin";

/// The admin's password. It opens nothing but a node that a test made for itself.
pub const ADMIN_PASSWORD: &str = "admin-0-only-for-tests";

/// Password of the key stores.
pub const STORE_PASSWORD: &str = "store-0-only-for-tests";

/// One Kafka node that asks who is there. It is killed on drop.
#[derive(Debug)]
pub struct Secured {
    folder: TempDir,
    sasl_port: u16,
    tls_port: u16,
    _server: Child,
}

impl Secured {
    /// Makes keys and starts a node that knows [`ADMIN`] and `users` (name and password), each by
    /// PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512; returns when it serves clients.
    ///
    /// Only the admin may do anything before [`Secured::allow`].
    ///
    /// # Errors
    /// When a tool of the JDK or Kafka fails; the message shows what it said.
    pub fn start(users: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("scorecard-secured-")
            .tempdir()
            .context("making a folder for Kafka")?;
        let path = folder.path();
        for (alias, name) in [("broker", "broker"), ("client", ADMIN)] {
            make_key(path, alias, name)?;
        }
        let authorities =
            ["broker.pem", "client.pem"].map(|name| fs::read_to_string(path.join(name)));
        let [broker, client] = authorities;
        let authorities = broker.context("reading broker.pem")? + &client.context("client.pem")?;
        write(path, "authorities.pem", &authorities)?;
        let users: Vec<_> = [(ADMIN, ADMIN_PASSWORD)].iter().chain(users).copied().collect();
        let (sasl_port, tls_port) = (ports::free(), ports::free());
        write(path, "server.properties", &properties(path, sasl_port, tls_port, &users)?)?;
        node::format(path, &scram(&users), START_LIMIT)?;
        let server = node::launch(path, "server", START_LIMIT)?;
        let secured = Self { folder, sasl_port, tls_port, _server: server };
        write(secured.folder.path(), "admin.properties", &secured.admin_properties())?;
        Ok(secured)
    }

    /// The address of the listener that wants a name and a password (SASL_SSL).
    pub fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.sasl_port)
    }

    /// The address of the listener that wants a certificate (SSL).
    pub fn tls(&self) -> String {
        format!("127.0.0.1:{}", self.tls_port)
    }

    /// The certificate that proves the node, in PEM.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("broker.pem")
    }

    /// A certificate in PEM that does not prove the node.
    pub fn stranger(&self) -> PathBuf {
        self.folder.path().join("client.pem")
    }

    /// The admin's certificate and key in a PKCS#12 store under [`STORE_PASSWORD`].
    pub fn client_store(&self) -> PathBuf {
        self.folder.path().join("client.p12")
    }

    /// Gives a user rights, by arguments of `kafka-acls.sh`.
    ///
    /// # Errors
    /// When Kafka's tool fails.
    pub fn allow(&self, user: &str, rights: &[String]) -> Result<()> {
        self.acls(&["--add", "--allow-principal", &format!("User:{user}")], rights)
    }

    /// Takes rights from a user.
    ///
    /// # Errors
    /// As [`Secured::allow`].
    pub fn withdraw(&self, user: &str, rights: &[String]) -> Result<()> {
        let whose = format!("User:{user}");
        self.acls(&["--remove", "--force", "--allow-principal", &whose], rights)
    }

    fn acls(&self, what: &[&str], rights: &[String]) -> Result<()> {
        let config = self.folder.path().join("admin.properties");
        let config = config.to_str().context("the folder's name is no UTF-8")?;
        let sasl = self.sasl();
        let mut args = vec!["--bootstrap-server", &sasl, "--command-config", config];
        args.extend(what);
        args.extend(rights.iter().map(String::as_str));
        java::run("org.apache.kafka.tools.AclCommand", &args, "")?;
        Ok(())
    }

    fn admin_properties(&self) -> String {
        format!(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n\
             ssl.truststore.type=PEM\nssl.truststore.location={}\n\
             sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
             username=\"{ADMIN}\" password=\"{ADMIN_PASSWORD}\";\n",
            self.authority().display()
        )
    }
}

/// Makes a key with a certificate that it signs itself: `ALIAS.p12`, and `ALIAS.pem` without it.
fn make_key(folder: &Path, alias: &str, name: &str) -> Result<()> {
    let store = folder.join(format!("{alias}.p12"));
    let keytool = |args: &[&str]| {
        let mut command = Command::new("keytool");
        command.args(args).args(["-alias", alias, "-storetype", "PKCS12", "-keystore"]);
        command.arg(&store).args(["-storepass", STORE_PASSWORD]);
        process::run(command, START_LIMIT).with_context(|| format!("making the key of {alias}"))
    };
    let subject = format!("CN={name}");
    let names = "SAN=dns:localhost,ip:127.0.0.1";
    keytool(&[
        "-genkeypair",
        "-keyalg",
        "EC",
        "-groupname",
        "secp256r1",
        "-dname",
        &subject,
        "-ext",
        names,
        "-validity",
        "30",
    ])?;
    write(folder, &format!("{alias}.pem"), &keytool(&["-exportcert", "-rfc"])?)
}

/// The usual node's settings; of two lines with one name the last counts.
fn properties(
    folder: &Path,
    sasl_port: u16,
    tls_port: u16,
    users: &[(&str, &str)],
) -> Result<String> {
    let folder = folder.to_str().context("the folder's name is no UTF-8")?;
    let known = users.iter().map(|(name, password)| format!(" user_{name}=\"{password}\""));
    let text =
        [include_str!("../kafka/server.properties"), include_str!("../kafka/secured.properties")]
            .concat()
            .replace("{port}", &ports::free().to_string())
            .replace("{sasl_port}", &sasl_port.to_string())
            .replace("{tls_port}", &tls_port.to_string())
            .replace("{controller_port}", &ports::free().to_string())
            .replace("{data}", &format!("{folder}/data"))
            .replace("{folder}", folder)
            .replace("{admin}", ADMIN)
            .replace("{store_password}", STORE_PASSWORD)
            .replace("{users}", &known.collect::<String>());
    if text.contains(['{', '}']) {
        bail!("a word in braces was not filled in: {text}");
    }
    Ok(text)
}

/// The arguments by which a formatted data folder knows the users.
fn scram(users: &[(&str, &str)]) -> Vec<String> {
    let of_user = |(name, password): &(&str, &str)| {
        ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(|mechanism| {
            ["--add-scram".to_owned(), format!("{mechanism}=[name={name},password={password}]")]
        })
    };
    users.iter().flat_map(of_user).flatten().collect()
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}
