//! A schema registry that answers the REST paths that a client uses, and can be down.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

/// A registry on a loopback port; its thread lives as long as the process.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    is_down: AtomicBool,
    refused: AtomicU64,
    schemas: Mutex<BTreeMap<u32, String>>,
}

impl Registry {
    /// Starts an empty registry.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("opening a registry")?;
        let port = listener.local_addr().context("opening a registry")?.port();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away in the middle hears nothing.
                let _ = serving.serve(&stream);
            }
        });
        Ok(Self { port, shared })
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends every connection without an answer, or answers again.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How many requests it has left without an answer.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if self.is_down.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Ok(stream.shutdown(Shutdown::Both)?);
        }
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (status, answer) = self.answer(&line, &body)?;
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            answer.len()
        );
        let mut stream = stream;
        stream.write_all((head + &answer).as_bytes())?;
        Ok(())
    }

    fn answer(&self, line: &str, body: &[u8]) -> Result<(u16, String)> {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if line.starts_with("POST /subjects/") {
            let body: serde_json::Value = serde_json::from_slice(body)?;
            let schema = body["schema"].as_str().context("a schema")?.to_owned();
            let known = schemas.iter().find(|(_, other)| **other == schema).map(|(id, _)| *id);
            let id = known.unwrap_or(u32::try_from(schemas.len())? + 1);
            schemas.insert(id, schema);
            return Ok((200, serde_json::json!({ "id": id }).to_string()));
        }
        if line.starts_with("GET /schemas/types ") {
            return Ok((200, r#"["AVRO"]"#.to_owned()));
        }
        let id = line.strip_prefix("GET /schemas/ids/").and_then(|rest| rest.split(' ').next());
        let schema = id.and_then(|id| schemas.get(&id.parse().ok()?));
        Ok(match schema {
            Some(schema) => (200, serde_json::json!({ "schema": schema }).to_string()),
            None => (404, r#"{"error_code": 40403, "message": "Schema not found"}"#.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request;

    #[test]
    fn a_schema_is_kept_and_a_registry_that_is_down_says_nothing() {
        let registry = Registry::start().unwrap();
        let ask = |method: &str, path: &str, body: &str| {
            request(registry.port, method, path, "", body.as_bytes())
        };
        let posted = ask("POST", "/subjects/a-value/versions", r#"{"schema": "\"long\""}"#);
        assert_eq!(posted.unwrap().body, br#"{"id":1}"#);
        let found = ask("GET", "/schemas/ids/1", "").unwrap();
        assert_eq!(found.body, br#"{"schema":"\"long\""}"#);
        assert_eq!(ask("GET", "/schemas/ids/9", "").unwrap().status, 404);
        registry.set_down(true);
        assert!(ask("GET", "/schemas/ids/1", "").is_err());
        assert_eq!(registry.refused(), 1);
        registry.set_down(false);
        assert_eq!(ask("GET", "/schemas/ids/1", "").unwrap().status, 200);
    }
}
