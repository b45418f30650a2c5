//! Requests of the page: told by pattern, without what was asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use kit::http;

use crate::site::{LIMIT, Site, told_port};
use crate::spans::{self, SERVER};

/// What nobody is told that somebody looked for.
const NEEDLE: &str = "needle-4711";

const ACCOUNT: &str = "123456789012";

#[test]
fn requests_are_told_by_pattern_and_never_by_what_they_ask_for() -> Result<()> {
    let site = Site::new()?;
    let mut child = site.start(&["serve", "--page", "127.0.0.1:0"])?;
    let port = told_port(&mut child, "the page is at http://127.0.0.1:")?;
    let requests = [
        ("GET", format!("/accounts?holds={NEEDLE}"), "/accounts"),
        ("GET", format!("/search?q={NEEDLE}"), "/search"),
        ("GET", format!("/account/{ACCOUNT}"), "/account/{account}"),
        ("HEAD", format!("/api/v1/failing/{ACCOUNT}"), "/api/v1/failing/{account}"),
        ("GET", "/style.css".to_owned(), "/style.css"),
        ("POST", "/requirements".to_owned(), "/requirements"),
        ("GET", format!("/{NEEDLE}"), ""),
        ("BREW", "/heat".to_owned(), "/heat"),
    ];
    let mut expected = Vec::new();
    for (method, path, route) in &requests {
        let answer = http::request(port, method, path, "", b"")?;
        let known = ["GET", "HEAD", "POST"].contains(method);
        let method = if known { *method } else { "_OTHER" };
        expected.push((method, *route, i64::from(answer.status)));
    }
    assert_eq!((expected[5].2, expected[6].2), (405, 404));
    child.signal("TERM")?;
    let finished = child.wait(LIMIT)?;
    ensure!(finished.status.success(), "{}", finished.stderr);

    let sent = site.collector.take();
    for request in &sent {
        for word in [NEEDLE, ACCOUNT] {
            let mut windows = request.body.windows(word.len());
            ensure!(!windows.any(|window| window == word.as_bytes()), "{word} is told");
        }
    }
    let told = spans::of(&sent);
    let mut found: Vec<_> = told
        .iter()
        .map(|span| {
            let (method, route) = (span.text("http.request.method"), span.text("http.route"));
            let verb = if method == "_OTHER" { "HTTP" } else { method };
            assert_eq!(span.name, format!("{verb} {route}").trim());
            assert_eq!((span.kind, span.status), (SERVER, 0), "{span:?}");
            (method, route, span.number("http.response.status_code"))
        })
        .collect();
    // Requests on connections of their own may end in any order.
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let names = ["http.request.method", "http.response.status_code", "http.route"];
    assert_eq!(told[0].names(), BTreeSet::from(names));
    ensure!(told.iter().all(|span| span.nanoseconds < Duration::from_secs(60).as_nanos() as u64));
    Ok(())
}
