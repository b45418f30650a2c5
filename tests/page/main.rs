//! The page as a browser and a program meet it: clicked through in Chromium, tried by Schemathesis,
//! and asked over plain HTTP.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod tls;

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use kit::{
    browser,
    http::{self, Answer},
    process::Child,
    schemathesis,
};

/// How long the demo may take until its page is there.
const START_LIMIT: Duration = Duration::from_secs(300);

/// A process with its page. It ends, and its folder goes, with the test process.
struct Server {
    port: u16,
    folder: PathBuf,
    _child: Child,
}

impl Server {
    /// Starts a command and waits until it says where its page is.
    fn start(folder: PathBuf, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
        command.args(args).current_dir(&folder).env("TOKEN", "a token that opens everything");
        command.env("ANN", "a token that opens what is ann's");
        let mut child = Child::spawn_in_own_folder(command, &folder, "scorecard").unwrap();
        let said = "the page is at http";
        child.wait_for_output(said, START_LIMIT).unwrap();
        let stderr = std::fs::read_to_string(folder.join("scorecard.err")).unwrap();
        let address = stderr.split(said).nth(1).unwrap().lines().next().unwrap();
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        if !address.starts_with('s') {
            http::wait_until_ok(port, "/style.css", START_LIMIT, || true).unwrap();
        }
        Self { port, folder, _child: child }
    }

    /// The page of a simulated organisation with its past, one for all tests.
    fn demo() -> &'static Self {
        static DEMO: OnceLock<Server> = OnceLock::new();
        DEMO.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap().keep();
            let page = ["--page", "127.0.0.1:0", "--accounts", "8", "--days", "4"];
            let server = Self::start(folder, &[&["demo"], &page[..]].concat());
            for _ in 0..600 {
                let page = server.get("/", "");
                if String::from_utf8_lossy(&page.body).contains("● read") {
                    return server;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
            panic!("the past is not read");
        })
    }

    /// A page that asks for tokens, on an empty log.
    fn guarded() -> Self {
        let folder = tempfile::tempdir().unwrap().keep();
        let text = "log: {local: ./log}\npage:\n  listen: 127.0.0.1:0\n  token: {env: TOKEN}\n  \
            owners: {ann: {env: ANN}}\n";
        std::fs::write(folder.join("scorecard.yaml"), text).unwrap();
        let applied = run(&folder, &["topics", "apply", "--config", "scorecard.yaml"]);
        assert!(applied.0, "{}", applied.1);
        Self::start(folder, &["serve", "--config", "scorecard.yaml"])
    }

    fn get(&self, path: &str, headers: &str) -> Answer {
        http::request(self.port, "GET", path, headers, b"").unwrap()
    }
}

/// Runs the program to its end; tells whether it succeeded, and what it said.
fn run(folder: &Path, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scorecard"));
    let done = command.args(args).current_dir(folder).output().unwrap();
    (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
}

#[test]
fn a_browser_finds_its_way_and_axe_finds_no_fault() {
    let server = Server::demo();
    let url = format!("http://127.0.0.1:{}", server.port);
    // Pictures stay where the environment says, for people to look at.
    let pictures = std::env::var("SCORECARD_PICTURES");
    let pictures = pictures.unwrap_or_else(|_| server.folder.display().to_string());
    let script = "tests/page/flows.cjs";
    let said = browser::script(script, &[&url, &pictures], &server.folder).unwrap();
    assert!(said.contains("all flows are done"), "{said}");
}

#[test]
fn the_interface_answers_as_it_is_described() {
    let server = Server::demo();
    let url = format!("http://127.0.0.1:{}/api/v1/openapi.json", server.port);
    let said = schemathesis::run(&url, 20, &server.folder).unwrap();
    assert!(said.contains("20 selected / 20 total"), "every operation is tried: {said}");
}

#[test]
fn the_page_is_read_alone_and_by_its_own_name() {
    let server = Server::demo();
    let answer = server.get("/accounts", "");
    assert_eq!(answer.status, 200);
    let head = answer.head.to_lowercase();
    for header in [
        "content-security-policy: default-src 'self';",
        "x-content-type-options: nosniff",
        "referrer-policy: same-origin",
        "cross-origin-opener-policy: same-origin",
        "cache-control: no-store",
    ] {
        assert!(head.contains(header), "{header} is not in {head}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refused = http::request(server.port, method, "/accounts", "", b"").unwrap();
        assert_eq!(refused.status, 405, "{method}");
    }
    let head = http::request(server.port, "HEAD", "/accounts", "", b"").unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
    let large = http::request(server.port, "POST", "/login", "", &[b'x'; 5_000]).unwrap();
    assert_eq!(large.status, 413);

    // Another name that somebody made lead here.
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 403"), "{line}");
}

#[test]
fn an_open_page_hears_of_figures() {
    let server = Server::demo();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", server.port).unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    let data = lines.take(60).find(|line| line.starts_with("data: ")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&data["data: ".len()..]).unwrap();
    let page = server.get("/", "");
    let score = figures["score"].as_str().unwrap();
    assert!(String::from_utf8_lossy(&page.body).contains(&format!(">{score}<")), "{score}");
}

#[test]
fn beyond_loopback_a_token_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "log: {local: ./log}\npage: {listen: \"0.0.0.0:0\"}\n";
    std::fs::write(folder.path().join("scorecard.yaml"), text).unwrap();
    let (succeeded, said) = run(folder.path(), &["serve", "--config", "scorecard.yaml"]);
    assert!(!succeeded && said.contains("set `page.token`"), "{said}");
    let (succeeded, said) =
        run(folder.path(), &["demo", "--accounts", "1", "--days", "1", "--page", "0.0.0.0:0"]);
    assert!(!succeeded && said.contains("set `page.token`"), "{said}");
}

#[test]
fn a_token_opens_the_page() {
    let server = Server::guarded();
    let form = server.get("/", "");
    assert_eq!(form.status, 401);
    assert!(String::from_utf8_lossy(&form.body).contains("name=\"token\""));
    let api = server.get("/api/v1/accounts", "");
    assert_eq!(api.status, 401);
    assert!(api.head.to_lowercase().contains("www-authenticate: bearer"), "{}", api.head);
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    let opened = |token: &str| server.get("/api/v1/executives", &bearer(token)).status;
    assert_eq!(opened("a token that opens everything"), 200);
    assert_eq!(opened("a token that opens what is ann's"), 404, "executives are not an owner's");
    assert_eq!(opened("a token that opens nothing"), 401);

    let log_in = |token: &str| {
        let body = format!("token={}", token.replace(' ', "+"));
        http::request(server.port, "POST", "/login", "", body.as_bytes()).unwrap()
    };
    assert_eq!(log_in("a token that opens nothing").status, 401);
    let answer = log_in("a token that opens everything");
    assert_eq!(answer.status, 303);
    let cookie = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let page = server.get("/", &format!("Cookie: {session}\r\n"));
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("Log out"));
    let origin = "Origin: https://evil.example\r\n";
    let foreign = http::request(server.port, "POST", "/login", origin, b"token=x").unwrap();
    assert_eq!(foreign.status, 403);
}
