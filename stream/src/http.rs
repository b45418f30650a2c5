//! What all servers have in common that are spoken to by HTTP: how they are named, and trusted.

use std::{net::IpAddr, path::Path, time::Duration};

use ureq::{
    Agent,
    http::Uri,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::LogError;

/// Checks an address: `https://HOST[:PORT][/PATH]`; `http://` where nobody on the way can listen,
/// which is on this machine, or where `allow_plaintext` says so.
///
/// # Errors
/// What it must be, for a person who reads it behind the setting's name. The address is not in it:
/// it may hold a password.
pub fn check(url: &str, allow_plaintext: bool) -> Result<(), &'static str> {
    const FORM: &str = "must be https://HOST:PORT, or http://HOST:PORT on this machine";
    let uri: Uri = url.parse().map_err(|_| FORM)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(FORM);
    };
    if !matches!(scheme, "http" | "https") || authority.host().is_empty() {
        return Err(FORM);
    }
    if authority.as_str().contains('@') {
        return Err("must hold no user and no password: there are settings for them");
    }
    if scheme == "http" && !allow_plaintext && !is_loopback(authority.host()) {
        return Err("must be https, or all travels in the clear (allow_plaintext)");
    }
    Ok(())
}

/// Tells whether a host, an address of IPv6 with or without its brackets, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<IpAddr>();
    bare.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Makes a client of one server. Any status is an answer, and no redirection is followed: it would
/// take what is sent elsewhere.
///
/// `limit` is that of a call. `ca_file` has certificates (PEM) to trust instead of the public
/// ones; `setting` names it in errors.
///
/// # Errors
/// When there is a file that can't be read or holds no certificate.
pub fn agent(limit: Duration, ca_file: Option<&Path>, setting: &str) -> Result<Agent, LogError> {
    let tls = match ca_file {
        None => TlsConfig::default(),
        Some(path) => TlsConfig::builder().root_certs(certificates(path, setting)?).build(),
    };
    let config = Agent::config_builder()
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .tls_config(tls)
        .build();
    Ok(config.into())
}

fn certificates(path: &Path, setting: &str) -> Result<RootCerts, LogError> {
    let failed = |problem: String| LogError::Setting {
        name: setting.to_owned(),
        problem: format!("wants certificates in {}: {problem}", path.display()),
    };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| failed(e.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(failed("there are none".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_tls_unless_it_is_this_machine() {
        for url in [
            "https://search:9200",
            "https://collector/otlp/",
            "http://localhost",
            "http://LOCALHOST:1/",
            "http://127.0.0.1:8123",
            "http://127.9.9.9",
            "http://[::1]:9200/",
        ] {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
        for url in [
            "http://search:9200",
            "http://127.0.0.1.example.com:8123",
            "http://localhost.example.com",
            "http://128.0.0.1",
            "http://[::2]",
        ] {
            assert!(check(url, false).unwrap_err().contains("allow_plaintext"), "{url}");
            assert_eq!(check(url, true), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for url in ["", "search", "search:9200", "https://", "grpc://a", "https://a b", "/etc", "*"]
        {
            assert!(check(url, true).unwrap_err().contains("https://HOST"), "{url}");
        }
        for url in ["https://me:secret@search:9200", "http://secret@localhost"] {
            let said = check(url, true).unwrap_err();
            assert!(said.contains("no password") && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn authorities_that_are_none_are_told_by_their_setting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let said = || agent(Duration::from_secs(1), Some(&path), "mine.ca_file").unwrap_err();
        assert!(said().to_string().contains("mine.ca_file"), "{}", said());
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx"] {
            std::fs::write(&path, text).unwrap();
            assert!(said().to_string().contains("ca.pem"), "{text}: {}", said());
        }
    }
}
