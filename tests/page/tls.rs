//! The page with a certificate of its own.

use std::{fs, path::Path, time::Duration};

use kit::{certificate, http};
use ureq::{
    Agent,
    tls::{Certificate, RootCerts, TlsConfig},
};

use crate::{Server, run};

/// How long a renewed certificate may take to be noticed.
const RENEWAL_LIMIT: Duration = Duration::from_secs(30);

const CONFIG: &str = "log: {local: ./log}\npage:\n  listen: 127.0.0.1:0\n  \
    token: {env: TOKEN}\n  tls: {certificate: certificate.pem, key: key.pem}\n";

fn site() -> std::path::PathBuf {
    let folder = tempfile::tempdir().unwrap().keep();
    fs::write(folder.join("scorecard.yaml"), CONFIG).unwrap();
    let applied = run(&folder, &["topics", "apply", "--config", "scorecard.yaml"]);
    assert!(applied.0, "{}", applied.1);
    certificate::make(&folder).unwrap();
    folder
}

/// A client that trusts what the folder's certificate is now, and nobody else.
fn client(folder: &Path) -> Agent {
    let pem = fs::read(folder.join("certificate.pem")).unwrap();
    let root = Certificate::from_pem(&pem).unwrap();
    let tls = TlsConfig::builder().root_certs(RootCerts::from([root])).build();
    let config = Agent::config_builder().tls_config(tls).max_redirects(0);
    config.http_status_as_error(false).build().into()
}

#[test]
fn the_page_has_tls_and_takes_renewed_certificates() {
    let server = Server::start(site(), &["serve", "--config", "scorecard.yaml"]);
    let url = |path: &str| format!("https://localhost:{}{path}", server.port);
    let first = client(&server.folder);
    let opened = first
        .get(url("/api/v1/accounts"))
        .header("Authorization", "Bearer a token that opens everything")
        .call()
        .unwrap();
    assert_eq!(opened.status(), 200);
    let form = [("token", "a token that opens everything")];
    let session = first.post(url("/login")).send_form(form).unwrap();
    let cookie = session.headers()["set-cookie"].to_str().unwrap();
    assert!(session.status() == 303 && cookie.ends_with("; Secure"), "{cookie}");
    // Who speaks plainly hears no page.
    let plain = http::request(server.port, "GET", "/style.css", "", b"");
    assert!(plain.is_err(), "{:?}", plain.map(|answer| answer.head));

    certificate::make(&server.folder).unwrap();
    let second = client(&server.folder);
    let renewed = std::time::Instant::now();
    while let Err(error) = second.get(url("/style.css")).call() {
        assert!(renewed.elapsed() < RENEWAL_LIMIT, "{error}");
        std::thread::sleep(Duration::from_millis(500));
    }
    let stranger = client(&site()).get(url("/style.css")).call();
    assert!(stranger.is_err(), "a certificate that nobody trusts");
}

#[test]
fn files_that_do_not_go_together_are_told_at_the_start() {
    let folder = site();
    // On loopback nobody is asked for a token.
    let text = CONFIG.replace("token: {env: TOKEN}\n  ", "");
    fs::write(folder.join("scorecard.yaml"), text).unwrap();
    let other = tempfile::tempdir().unwrap();
    let (_, key) = certificate::make(other.path()).unwrap();
    fs::copy(key, folder.join("key.pem")).unwrap();
    let check = |wanted: &str| {
        let (succeeded, said) = run(&folder, &["serve", "--config", "scorecard.yaml"]);
        assert!(!succeeded && said.contains(wanted), "{wanted}: {said}");
    };
    check("certificate and key do not go together");
    fs::write(folder.join("certificate.pem"), "nothing").unwrap();
    check("certificate.pem: no certificate is in it");
    fs::remove_file(folder.join("key.pem")).unwrap();
    certificate::make(other.path()).unwrap();
    fs::copy(other.path().join("certificate.pem"), folder.join("certificate.pem")).unwrap();
    check("key.pem");
}
