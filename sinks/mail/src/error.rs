//! What can go wrong with mail besides a server's answer about one message.

use std::path::PathBuf;

use sink_frame::Failure;
use sink_workbook::WorkbookError;
use stream::LogError;

use crate::server::Server;

/// Why mail can't be made or sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server can't be reached, or its answers make no sense.
    #[error("speaking to the mail server {server}")]
    Server {
        /// The server.
        server: Server,
        /// Why.
        #[source]
        source: lettre::transport::smtp::Error,
    },
    /// The server does not let us send anything: a login, or the sender, is refused.
    #[error("the mail server {server} refuses {what}: {answer}")]
    Refused {
        /// The server.
        server: Server,
        /// What it refuses.
        what: String,
        /// What it said.
        answer: String,
    },
    /// A server elsewhere offers no STARTTLS.
    #[error(
        "the mail server {server} offers no STARTTLS; `allow_plaintext` sends without, readable \
         by everybody on the way"
    )]
    Plain {
        /// The server.
        server: Server,
    },
    /// A file of the configuration can't be used.
    #[error("reading the certificates in {path}: {problem}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// Messages wait, since the server put them off.
    #[error("{count} messages wait; the server said: {answer}")]
    PutOff {
        /// How many.
        count: usize,
        /// What it said last of one of them.
        answer: String,
    },
    /// A workbook can't be made.
    #[error("making the workbook of a mail")]
    Workbook(#[from] WorkbookError),
    /// A message can't be put together.
    #[error("putting a message together")]
    Message(#[from] lettre::error::Error),
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<MailError> for Failure {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Log(error) => Failure::Log(error),
            MailError::Server { .. } => Failure::again(error),
            error => Failure::stop(error),
        }
    }
}
