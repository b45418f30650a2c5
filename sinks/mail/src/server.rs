//! Where the mail server is, and how it is spoken to.

use schemars::JsonSchema;
use serde::Deserialize;
use stream::http;

/// A mail server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Server {
    /// Its name or address.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// Whether TLS begins with the connection, and not by STARTTLS.
    pub(crate) tls_first: bool,
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(url: String) -> Result<Self, String> {
        let wrong = || format!("{url:?} must be smtps://HOST[:PORT] or smtp://HOST[:PORT]");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let tls_first = match scheme {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(wrong()),
        };
        // Ports by RFC 8314: submission with TLS from the start, and with STARTTLS.
        let usual = if tls_first { 465 } else { 587 };
        let bare = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match bare.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (bare, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self { host: host.to_owned(), port, tls_first })
    }
}

impl Server {
    /// Tells whether it runs on this machine.
    pub(crate) fn is_near(&self) -> bool {
        http::is_loopback(&self.host)
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let check = |url: &str, host: &str, port, tls_first| {
            let expected = Server { host: host.to_owned(), port, tls_first };
            assert_eq!(Server::try_from(url.to_owned()), Ok(expected), "{url}");
        };
        check("smtps://mail.example.com", "mail.example.com", 465, true);
        check("smtp://mail.example.com/", "mail.example.com", 587, false);
        check("smtp://127.0.0.1:1025", "127.0.0.1", 1025, false);
        check("smtp://[::1]:25", "::1", 25, false);
        check("smtps://[::1]", "::1", 465, true);
        for url in ["mail.example.com", "http://a", "smtp://", "smtp://u:p@h", "smtp://h:x"] {
            assert!(Server::try_from(url.to_owned()).is_err(), "{url}");
        }
    }
}
