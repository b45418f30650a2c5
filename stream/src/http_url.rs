//! Addresses of servers that are spoken to by HTTP, as configurations name them.

use std::net::IpAddr;

use ureq::http::Uri;

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
}
