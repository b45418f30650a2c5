//! The mail server takes what is handed to it, and the line before it loses answers.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use kit::mailpit::{Fault, Line, Mailpit, Options};

/// Says lines to a server, each after the answer to the one before; gives the codes, and an empty
/// one where the connection ended.
fn say(port: u16, lines: &[&str]) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut codes = Vec::new();
    for line in [&[""], lines].concat() {
        if !line.is_empty() && stream.write_all(format!("{line}\r\n").as_bytes()).is_err() {
            codes.push(String::new());
            break;
        }
        let mut answer = String::new();
        while reader.read_line(&mut answer).unwrap_or(0) > 0 && &answer[3..4] == "-" {
            answer.clear();
        }
        codes.push(answer.chars().take(3).collect());
    }
    codes
}

const MAIL: [&str; 5] = [
    "EHLO me",
    "MAIL FROM:<a@example.com>",
    "RCPT TO:<b@example.com>",
    "DATA",
    "Subject: hello\r\n\r\ntext\r\n.",
];

#[test]
fn a_message_is_kept_and_chaos_refuses() {
    let server = Mailpit::start().unwrap();
    assert_eq!(say(server.smtp_port(), &MAIL), ["220", "250", "250", "250", "354", "250"]);
    let messages = server.messages().unwrap();
    assert_eq!((messages.len(), &messages[0]["Subject"]), (1, &"hello".into()));
    server.refuse_recipients(451, 100).unwrap();
    assert_eq!(say(server.smtp_port(), &MAIL[..3]), ["220", "250", "250", "451"]);
    let options = Options { recipients: Some("^c@".to_owned()), ..Options::default() };
    let picky = Mailpit::start_with(&options).unwrap();
    assert_eq!(say(picky.smtp_port(), &MAIL[..3])[3], "550");
}

#[test]
fn a_line_loses_texts_and_answers() {
    let server = Mailpit::start().unwrap();
    let line = Line::start(server.smtp_port()).unwrap();
    line.fails(Fault::CutsBeforeText, 1);
    assert_eq!(say(line.port(), &MAIL[..4])[4], "");
    assert_eq!(server.messages().unwrap().len(), 0);
    line.fails(Fault::CutsAfterText, 1);
    assert_eq!(say(line.port(), &MAIL)[5], "");
    assert!(line.has_failed(2, Duration::ZERO));
    assert_eq!(server.messages().unwrap().len(), 1, "it has the message, and nobody knows");
    assert_eq!(say(line.port(), &MAIL)[5], "250");
    line.fails(Fault::Down, 1);
    assert_eq!(say(line.port(), &[]), [""]);
}
