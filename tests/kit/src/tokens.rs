//! An identity provider that gives tokens to a client who knows the secret (OAuth 2.0, client
//! credentials), without a signature: for the secured node, which takes them in tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::java::base64;

/// The client that gets tokens.
pub const CLIENT: &str = "scorecard";

/// The client's secret. It opens nothing but a server that a test made for itself.
pub const CLIENT_SECRET: &str = "client-0-only-for-tests";

/// How long one request may take to come.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Starts the provider, which lasts as long as the process; its tokens name `subject` and are good
/// for an hour. Returns the address to ask.
///
/// # Errors
/// When no port can be had.
pub fn start(subject: &'static str) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listening for token requests")?;
    let address = listener.local_addr().context("reading the port of the token server")?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = answer(stream, subject) {
                eprintln!("kit: a token request failed: {error:#}");
            }
        }
    });
    Ok(format!("http://{address}/token"))
}

fn answer(mut stream: TcpStream, subject: &str) -> Result<()> {
    stream.set_read_timeout(Some(READ_LIMIT)).context("setting a limit")?;
    let mut reader = BufReader::new(stream.try_clone().context("sharing a connection")?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).context("reading a header")?;
        if line.trim().is_empty() {
            break;
        }
        headers.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let named = headers.iter().filter_map(|line| line.split_once(": "));
        named
            .into_iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    let length = header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).context("reading a body")?;
    let credentials = base64(format!("{CLIENT}:{CLIENT_SECRET}").as_bytes());
    let known = header("authorization") == Some(&format!("Basic {credentials}"))
        && String::from_utf8_lossy(&body).contains("grant_type=client_credentials");
    let (status, body) = if known {
        let token = token(subject)?;
        let answer = serde_json::json!({
            "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME.as_secs(),
        });
        ("200 OK", answer.to_string())
    } else {
        ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned())
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .context("answering")
}

const LIFETIME: Duration = Duration::from_secs(3600);

/// A JSON web token without a signature.
fn token(subject: &str) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("reading the time")?;
    let claims = serde_json::json!({
        "sub": subject, "iat": now.as_secs(), "exp": (now + LIFETIME).as_secs(),
    });
    let part = |text: &str| {
        base64(text.as_bytes()).trim_end_matches('=').replace('+', "-").replace('/', "_")
    };
    Ok(format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims.to_string())))
}
