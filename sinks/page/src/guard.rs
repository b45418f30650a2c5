//! Who may ask: hosts, origins, tokens, methods and sizes, before anything is looked up.

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::{Config, ConfigError};
use crate::http::{BODY_BYTES_MAX, Request, TARGET_BYTES_MAX};
use crate::view::Scope;

/// The name of the cookie.
pub(crate) const COOKIE: &str = "scorecard";

/// What a session is the code of, under the token as the key: the cookie does not tell the token.
const SESSION: &[u8] = b"scorecard page session 1";

/// Who is let in.
pub(crate) struct Guard {
    /// Nobody is asked for a token when there is none.
    holders: Vec<Holder>,
    hosts: Vec<String>,
    is_loopback: bool,
}

/// Somebody with a token.
struct Holder {
    token: Vec<u8>,
    scope: Scope,
}

/// Why a request is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The host is none of ours: some other name was made to lead here.
    Host,
    /// Another site asks.
    Origin,
    /// Nothing here changes by a request.
    Method,
    /// The address is too long.
    TooLong,
    /// The body is too large.
    TooLarge,
}

impl Guard {
    /// Makes the guard of a page that is served at an address.
    pub(crate) fn new(config: &Config, at: SocketAddr) -> Result<Self, ConfigError> {
        let mut hosts: Vec<String> =
            config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        let is_loopback = at.ip().is_loopback();
        if is_loopback || !hosts.is_empty() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
            if !at.ip().is_unspecified() {
                hosts.push(match at.ip() {
                    IpAddr::V4(ip) => ip.to_string(),
                    IpAddr::V6(ip) => format!("[{ip}]"),
                });
            }
        }
        let holder = |(owner, token): (Option<String>, String)| Holder {
            token: token.into_bytes(),
            scope: owner.map_or(Scope::All, Scope::Owner),
        };
        let holders = config.tokens()?.into_iter().map(holder).collect();
        Ok(Self { holders, hosts, is_loopback })
    }

    /// Tells whether somebody has to say who he is.
    pub(crate) fn asks(&self) -> bool {
        !self.holders.is_empty()
    }

    /// Refuses what is not to be looked at.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Refusal> {
        if request.path.len() > TARGET_BYTES_MAX || request.query.len() > TARGET_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        if request.body.len() > BODY_BYTES_MAX {
            return Err(Refusal::TooLarge);
        }
        let host = request.host.as_deref().unwrap_or_default().to_ascii_lowercase();
        // A name that leads here by somebody else's wish is no name of ours (DNS rebinding).
        let is_ours = self.hosts.iter().any(|name| *name == without_port(&host));
        if !is_ours && (self.is_loopback || !self.hosts.is_empty()) {
            return Err(Refusal::Host);
        }
        if let Some(origin) = request.origin.as_deref() {
            let from = origin.split_once("://").map_or("", |(_, host)| host);
            if from.to_ascii_lowercase() != host {
                return Err(Refusal::Origin);
            }
        }
        let is_form = matches!(request.path.as_str(), "/login" | "/logout");
        match request.method.as_str() {
            "GET" | "HEAD" => Ok(()),
            "POST" if is_form && self.asks() => Ok(()),
            _ => Err(Refusal::Method),
        }
    }

    /// Tells what a request may see; none when its token is missing or wrong.
    pub(crate) fn scope(&self, request: &Request) -> Option<Scope> {
        if !self.asks() {
            return Some(Scope::All);
        }
        let authorization = request.authorization.as_deref().unwrap_or_default();
        let bearer = authorization.split_once(' ');
        if let Some((_, token)) = bearer.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer")) {
            return self.holder(&session(token.trim().as_bytes())).map(|one| one.scope.clone());
        }
        let cookies = request.cookie.as_deref().unwrap_or_default().split(';');
        let mut named = cookies.filter_map(|one| one.trim().split_once('='));
        let (_, value) = named.find(|(name, _)| *name == COOKIE)?;
        self.holder(&unhex(value)?).map(|one| one.scope.clone())
    }

    /// Gives the cookie's value for a token; none when nobody has it.
    pub(crate) fn log_in(&self, token: &str) -> Option<String> {
        let session = session(token.trim().as_bytes());
        self.holder(&session)?;
        Some(session.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Finds whose session it is. Each is compared in constant time, and all of them are.
    fn holder(&self, session: &[u8]) -> Option<&Holder> {
        let is_his = |holder: &Holder| code(&holder.token).verify_slice(session).is_ok();
        let mut found = None;
        for holder in &self.holders {
            if is_his(holder) {
                found = Some(holder);
            }
        }
        found
    }
}

fn session(token: &[u8]) -> Vec<u8> {
    code(token).finalize().into_bytes().to_vec()
}

fn code(token: &[u8]) -> Hmac<Sha256> {
    let mut code = Hmac::<Sha256>::new_from_slice(token).expect("HMAC takes a key of any length");
    code.update(SESSION);
    code
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() != 64 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream::secret::Secret;

    fn guard(listen: &str, tokens: bool, hosts: &[&str]) -> (Guard, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let secret = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Secret::File(path)
        };
        let mut config = Config { listen: listen.parse().unwrap(), ..Config::default() };
        config.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        if tokens {
            config.token = Some(secret("all", "a-token-of-everybody"));
            config.owners.insert("ann".into(), secret("ann", "a-token-of-ann-alone"));
        }
        (Guard::new(&config, config.listen).unwrap(), folder)
    }

    fn get(host: &str) -> Request {
        Request { host: Some(host.into()), ..Request::of("/") }
    }

    #[test]
    fn other_names_do_not_lead_here() {
        let check = |listen, hosts: &[&str], host: &str, expected| {
            let (guard, _folder) = guard(listen, !listen.starts_with("127"), hosts);
            assert_eq!(guard.check(&get(host)), expected, "{listen} {hosts:?} {host}");
        };
        for host in ["127.0.0.1:8642", "localhost", "LOCALHOST:1", "[::1]:8642"] {
            check("127.0.0.1:8642", &[], host, Ok(()));
        }
        for host in ["evil.example", "127.0.0.1.evil.example:8642", "", "localhost:x"] {
            check("127.0.0.1:8642", &[], host, Err(Refusal::Host));
        }
        check("127.0.0.1:1", &["score.example"], "score.example:443", Ok(()));
        check("0.0.0.0:1", &[], "anything.example", Ok(()));
        check("0.0.0.0:1", &["score.example"], "anything.example", Err(Refusal::Host));
    }

    #[test]
    fn nothing_changes_and_no_other_site_asks() {
        let (open, _a) = guard("127.0.0.1:1", false, &[]);
        let (asking, _b) = guard("127.0.0.1:1", true, &[]);
        let post =
            |path: &str| Request { method: "POST".into(), path: path.into(), ..get("localhost:1") };
        assert_eq!(open.check(&post("/login")), Err(Refusal::Method));
        assert_eq!(asking.check(&post("/login")), Ok(()));
        assert_eq!(asking.check(&post("/accounts")), Err(Refusal::Method));
        let from = |origin: &str| Request { origin: Some(origin.into()), ..post("/login") };
        assert_eq!(asking.check(&from("http://localhost:1")), Ok(()));
        for origin in ["http://localhost:2", "https://evil.example", "null"] {
            assert_eq!(asking.check(&from(origin)), Err(Refusal::Origin), "{origin}");
        }
        let long = Request { query: "q".repeat(TARGET_BYTES_MAX + 1), ..get("localhost") };
        assert_eq!(open.check(&long), Err(Refusal::TooLong));
        let large = Request { body: vec![0; BODY_BYTES_MAX + 1], ..post("/login") };
        assert_eq!(asking.check(&large), Err(Refusal::TooLarge));
    }

    #[test]
    fn a_token_opens_what_is_its_holders() {
        let (guard, _folder) = guard("0.0.0.0:1", true, &[]);
        let bearer =
            |token: &str| Request { authorization: Some(format!("Bearer {token}")), ..get("x") };
        let ann = Some(Scope::Owner("ann".into()));
        assert_eq!(guard.scope(&bearer("a-token-of-everybody")), Some(Scope::All));
        assert_eq!(guard.scope(&bearer("a-token-of-ann-alone")), ann);
        for wrong in ["", "a-token-of-ann-alonE", "a-token-of-ann"] {
            assert_eq!(guard.scope(&bearer(wrong)), None, "{wrong}");
            assert_eq!(guard.log_in(wrong), None, "{wrong}");
        }
        assert_eq!(guard.scope(&get("x")), None);
        let session = guard.log_in("a-token-of-ann-alone").unwrap();
        assert!(!session.contains("ann"));
        let cookie = |value: &str| Request {
            cookie: Some(format!("other=1; {COOKIE}={value}")),
            ..get("x")
        };
        assert_eq!(guard.scope(&cookie(&session)), ann);
        assert_eq!(guard.scope(&cookie(&"0".repeat(64))), None);
        assert_eq!(guard.scope(&cookie("é")), None);
    }

    #[test]
    fn nobody_is_let_in_by_mistake() {
        let listen =
            |address: &str| Config { listen: address.parse().unwrap(), ..Config::default() };
        assert!(listen("127.0.0.1:1").validate().is_ok() && listen("[::1]:1").validate().is_ok());
        for address in ["0.0.0.0:1", "192.0.2.1:1", "[::]:1"] {
            let error = listen(address).validate().unwrap_err();
            assert!(error.to_string().contains("page.token"), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "short").unwrap();
        let mut config = listen("0.0.0.0:1");
        config.token = Some(Secret::File(path.clone()));
        assert!(matches!(config.tokens(), Err(ConfigError::Short { .. })));
        std::fs::write(&path, "long enough for all of us").unwrap();
        config.owners.insert("ann".into(), Secret::File(path));
        assert!(matches!(config.tokens(), Err(ConfigError::Shared { .. })));
    }
}
