//! The connection to the mail server: where it is, who we are there, and how a letter is given.

use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, response::Response};

use crate::{Config, MailError};

/// Limit of each step. A server may look at a text for long before it answers, and who gives up too
/// soon sends twice; but the group of the log waits meanwhile.
const STEP_LIMIT: Duration = Duration::from_secs(120);

/// Limit of connecting.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// The answer with which a server ends a connection, whatever was asked. Source: RFC 5321, 3.8.
const CLOSING: &str = "421";

/// What a server says of one message.
#[derive(Debug)]
pub enum Answer {
    /// It took it.
    Taken(String),
    /// It did not, this time.
    PutOff(String),
    /// It never will.
    Refused(String),
    /// Nobody knows: the connection was lost after the text began.
    Lost(String),
}

/// A connection that is made when it is needed.
pub struct Post<'a> {
    config: &'a Config,
    connection: Option<Connection>,
}

struct Connection {
    smtp: SmtpConnection,
    /// The largest message that the server takes; none when it does not say.
    size_max: Option<usize>,
}

impl<'a> Post<'a> {
    /// Prepares a connection; makes none.
    pub fn new(config: &'a Config) -> Self {
        Self { config, connection: None }
    }

    /// Makes sure of a connection, and gives the largest message that the server takes.
    ///
    /// # Errors
    /// When the server can't be reached, refuses the login, or offers no TLS that is wanted.
    pub fn connect(&mut self) -> Result<Option<usize>, MailError> {
        if let Some(open) = &mut self.connection
            && !open.smtp.test_connected()
        {
            self.hang_up();
        }
        let connection = match self.connection.take() {
            Some(open) => open,
            None => self.open()?,
        };
        Ok(self.connection.insert(connection).size_max)
    }

    /// Names the addresses of a letter; none when the server takes it.
    ///
    /// # Errors
    /// When the connection is lost, or the sender is refused.
    pub fn offer(&mut self, from: &Address, to: &Address) -> Result<Option<Answer>, MailError> {
        let server = self.config.server.clone();
        let Some(open) = &mut self.connection else { return Ok(None) };
        let is_plain = from.to_string().is_ascii() && to.to_string().is_ascii();
        let mut options = Vec::new();
        if !is_plain {
            if !open.smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the server takes no addresses with other letters than ASCII's";
                return Ok(Some(Answer::Refused(why.to_owned())));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if let Err(source) = open.smtp.command(Mail::new(Some(from.clone()), options)) {
            self.hang_up();
            return Err(match source.is_permanent() {
                true => MailError::Refused {
                    server,
                    what: format!("the sender {from}"),
                    answer: source.to_string(),
                },
                false => MailError::Server { server, source },
            });
        }
        let Err(source) = open.smtp.command(Rcpt::new(to.clone(), Vec::new())) else {
            return Ok(None);
        };
        if source.status().is_none_or(|code| code.to_string() == CLOSING) {
            self.hang_up();
            return Err(MailError::Server { server, source });
        }
        if open.smtp.command(Rset).is_err() {
            self.hang_up();
        }
        Ok(Some(refusal(&source)))
    }

    /// Hands over the text of the letter whose addresses the server took.
    pub fn hand(&mut self, text: &[u8]) -> Answer {
        let Some(open) = &mut self.connection else {
            return Answer::PutOff("the connection is gone".to_owned());
        };
        let answer = match open.smtp.command(Data) {
            Err(error) => refusal(&error),
            Ok(_) => match open.smtp.message(text) {
                Ok(response) => Answer::Taken(words(&response)),
                Err(error) if error.status().is_some() => refusal(&error),
                Err(error) => Answer::Lost(error.to_string()),
            },
        };
        if !matches!(answer, Answer::Taken(_)) {
            self.hang_up();
        }
        answer
    }

    /// Ends the connection: what was offered is forgotten.
    pub fn hang_up(&mut self) {
        if let Some(mut open) = self.connection.take() {
            open.smtp.abort();
        }
    }

    fn open(&self) -> Result<Connection, MailError> {
        let server = &self.config.server;
        let failed = |source| MailError::Server { server: server.clone(), source };
        let hello = ClientId::Domain(self.config.from.email.domain().to_owned());
        let tls = self.tls()?;
        let first = server.tls_first.then_some(&tls);
        let place = (server.host.as_str(), server.port);
        let limit = Some(CONNECT_LIMIT);
        let connected = SmtpConnection::connect(place, limit, &hello, first, None);
        let mut smtp = connected.map_err(failed)?;
        if !smtp.is_encrypted() && self.wants_tls() {
            if !smtp.can_starttls() && !self.config.allow_plaintext {
                smtp.abort();
                return Err(MailError::Plain { server: server.clone() });
            }
            if smtp.can_starttls() {
                smtp.starttls(&tls, &hello).map_err(failed)?;
            }
        }
        self.log_in(&mut smtp)?;
        let greeting = smtp.command(Ehlo::new(hello)).map_err(failed)?;
        let size_max = size_of(&greeting);
        smtp.set_timeout(Some(STEP_LIMIT)).map_err(|error| MailError::Refused {
            server: server.clone(),
            what: "a limit of time".to_owned(),
            answer: error.to_string(),
        })?;
        Ok(Connection { smtp, size_max })
    }

    /// A server of this machine may be spoken to in the clear, unless somebody gave its authority.
    fn wants_tls(&self) -> bool {
        !self.config.server.is_near() || self.config.ca_file.is_some()
    }

    fn tls(&self) -> Result<TlsParameters, MailError> {
        let server = &self.config.server;
        let failed = |source| MailError::Server { server: server.clone(), source };
        let mut tls = TlsParameters::builder(server.host.clone())
            .certificate_store(CertificateStore::Default);
        if let Some(path) = &self.config.ca_file {
            let wrong = |problem| MailError::Authorities { path: path.clone(), problem };
            let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            let authority =
                Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            tls = tls.add_root_certificate(authority);
        }
        tls.build().map_err(failed)
    }

    fn log_in(&self, smtp: &mut SmtpConnection) -> Result<(), MailError> {
        let (Some(name), Some(password)) = (&self.config.username, &self.config.password) else {
            return Ok(());
        };
        let credentials = Credentials::new(name.clone(), password.read("mail.password")?);
        let server = self.config.server.clone();
        match smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials) {
            Ok(_) => Ok(()),
            Err(source) if source.is_permanent() || source.is_client() => Err(MailError::Refused {
                server,
                what: format!("the login of {name}"),
                answer: source.to_string(),
            }),
            Err(source) => Err(MailError::Server { server, source }),
        }
    }
}

/// Says what an answer that is no success means for the message: before the text is complete the
/// server has nothing of it.
fn refusal(error: &Error) -> Answer {
    if error.is_permanent() {
        Answer::Refused(error.to_string())
    } else {
        Answer::PutOff(error.to_string())
    }
}

fn words(response: &Response) -> String {
    let lines: Vec<&str> = response.message().collect();
    format!("{} {}", response.code(), lines.join(" "))
}

/// Reads the largest message from what a server says of itself; lettre does not. Source: RFC 1870.
fn size_of(greeting: &Response) -> Option<usize> {
    let size = greeting.message().find_map(|line| line.trim().strip_prefix("SIZE"))?;
    size.trim().parse().ok().filter(|size| *size > 0)
}
