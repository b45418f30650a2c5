//! What can go wrong with ClickHouse, and whether waiting may mend it.

use clickhouse::error::Error as Cause;

/// A failure: what was attempted and on what; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum ClickHouseError {
    /// The runtime of the calls can't be started.
    #[error("starting the runtime of the calls to ClickHouse")]
    Runtime(#[source] std::io::Error),
    /// The authorities that this machine trusts can't be read.
    #[error("reading the certificates of this machine's authorities for ClickHouse")]
    Authorities(#[source] std::io::Error),
    /// The authorities of a file can't be read.
    #[error("reading the certificates in {path} (clickhouse.ca_file): {problem}")]
    OwnAuthorities {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        problem: String,
    },
    /// The password can't be read.
    #[error("reading the password for ClickHouse")]
    Password(#[source] stream::LogError),
    /// A call failed.
    #[error("{attempted} in ClickHouse's database {database}")]
    Call {
        /// What was attempted, on what.
        attempted: String,
        /// The database.
        database: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The server gave an answer that has another shape than was asked for.
    #[error("reading ClickHouse's answer to {attempted}")]
    Answer {
        /// What was attempted.
        attempted: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The tables are older than this release needs.
    #[error(
        "the tables in ClickHouse's database {database} are of version {is} and this release needs \
         {needs}: run `scorecard setup clickhouse`"
    )]
    Old {
        /// The database.
        database: String,
        /// The last version that was applied; 0 when there are no tables.
        is: u32,
        /// The version that is needed.
        needs: u32,
    },
    /// A migration was changed after it had been applied.
    #[error(
        "migration {name} was applied to ClickHouse's database {database} with another text \
         (checksum {applied}, this release has {ours}): a migration is never changed, put the \
         change into a new one"
    )]
    Altered {
        /// The migration.
        name: String,
        /// The database.
        database: String,
        /// The checksum of what was applied.
        applied: String,
        /// The checksum of the text of this release.
        ours: String,
    },
}

/// ClickHouse's codes of what passes by itself.
///
/// Source: `ErrorCodes.cpp`; the list of clickhouse-kafka-connect (`Utils.java`), and
/// NOT_ENOUGH_SPACE, on which operators act without us.
const PASSING: [u32; 19] = [
    107,  // FILE_DOESNT_EXIST
    159,  // TIMEOUT_EXCEEDED
    164,  // READONLY
    202,  // TOO_MANY_SIMULTANEOUS_QUERIES
    203,  // NO_FREE_CONNECTION
    209,  // SOCKET_TIMEOUT
    210,  // NETWORK_ERROR
    236,  // ABORTED
    241,  // MEMORY_LIMIT_EXCEEDED
    242,  // TABLE_IS_READ_ONLY
    243,  // NOT_ENOUGH_SPACE
    252,  // TOO_MANY_PARTS
    285,  // TOO_FEW_LIVE_REPLICAS
    319,  // UNKNOWN_STATUS_OF_INSERT
    394,  // QUERY_WAS_CANCELLED
    425,  // SYSTEM_ERROR
    473,  // DEADLOCK_AVOIDED
    999,  // KEEPER_EXCEPTION
    1000, // POCO_EXCEPTION
];

impl ClickHouseError {
    /// Tells whether waiting may mend it; if not, a person must act.
    pub fn passes(&self) -> bool {
        match self {
            Self::Call { source, .. } => passes(source),
            _ => false,
        }
    }

    /// Gives ClickHouse's own code of the error, if it told one.
    pub(crate) fn code(&self) -> Option<u32> {
        match self {
            Self::Call { source: Cause::BadResponse(text), .. } => code(text),
            _ => None,
        }
    }
}

fn passes(error: &Cause) -> bool {
    match error {
        Cause::Network(_) | Cause::TimedOut | Cause::NotEnoughData => true,
        Cause::BadResponse(text) => match code(text) {
            Some(code) => PASSING.contains(&code),
            // Not ClickHouse's words but a proxy's before it, which turns away or is overloaded.
            None => !["401", "403"].iter().any(|status| text.starts_with(status)),
        },
        _ => false,
    }
}

/// Reads the code out of `Code: 60. DB::Exception: ...`, which stands in front or behind a proxy's
/// words.
fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_pass_or_last() {
        let said = |text: &str| passes(&Cause::BadResponse(text.to_owned()));
        for passing in [
            "Code: 202. DB::Exception: Too many simultaneous queries",
            "Code: 241. DB::Exception: (total) memory limit exceeded",
            "503 Service Unavailable",
            "<html>502 Bad Gateway</html>",
        ] {
            assert!(said(passing), "{passing}");
        }
        for lasting in [
            "Code: 516. DB::Exception: default: Authentication failed",
            "Code: 60. DB::Exception: Table x.y does not exist",
            "Code: 27. DB::Exception: Cannot parse input",
            "401 Unauthorized",
            "403 Forbidden",
        ] {
            assert!(!said(lasting), "{lasting}");
        }
        assert!(passes(&Cause::TimedOut));
        assert!(!passes(&Cause::SchemaMismatch("column x".to_owned())));
        assert_eq!(code("Code: 999. Coordination::Exception"), Some(999));
    }
}
