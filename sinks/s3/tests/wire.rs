//! What goes over the wire: every put is encrypted, no call names an access list, and a store that
//! does not listen is waited for.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use kit::moto::Moto;
use world::{PREFIX, Run, Writer, config, keys, local, python, resource, show};

/// A store that takes everything, holds nothing and keeps the heads of requests.
fn recorder() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let heads = Arc::new(Mutex::new(Vec::new()));
    let heard = heads.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let heard = heard.clone();
            thread::spawn(move || record(stream.unwrap(), &heard));
        }
    });
    (endpoint, heads)
}

fn record(mut stream: TcpStream, heads: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let list = "<?xml version=\"1.0\"?><ListBucketResult></ListBucketResult>";
    let (status, body) = match head.split(' ').next().unwrap() {
        "head" => ("404 Not Found", ""),
        "get" => ("200 OK", list),
        _ => ("200 OK", ""),
    };
    heads.lock().unwrap().push(head);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
}

/// The heads of all requests of a run that puts, deletes, lists and looks.
fn heads(change: impl FnOnce(&mut sink_s3::Config)) -> Vec<String> {
    let (endpoint, heads) = recorder();
    let mut config = config(&endpoint);
    change(&mut config);
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.put(&resource("1", "AWS::IAM::Role", "R1"));
    writer.delete(&resource("1", "AWS::IAM::Role", "R2").key());
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("owner-ann.xlsx"), "one").unwrap();
    Run { workbooks: Some(folder.path()), ..Run::default() }.on(&*log, &config).unwrap();
    let heads = heads.lock().unwrap().clone();
    let count = |verb: &str| heads.iter().filter(|head| head.starts_with(verb)).count();
    // A document, a file and three marks of the day, a workbook.
    let counts = ["put", "delete", "head"].map(count);
    assert_eq!(counts, [6, 1, 1], "{heads:#?}");
    assert!(count("get") >= 3, "{heads:#?}");
    heads
}

fn lines<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.lines().filter(|line| line.starts_with(name)).collect()
}

#[test]
fn every_put_is_encrypted_and_no_call_names_an_access_list() {
    for head in heads(|_| ()) {
        assert!(!head.contains("x-amz-acl") && !head.contains("x-amz-grant"), "{head}");
        assert!(!head.contains("x-amz-expected-bucket-owner"), "{head}");
        let encryption: &[&str] =
            if head.starts_with("put") { &["x-amz-server-side-encryption: aes256"] } else { &[] };
        assert_eq!(lines(&head, "x-amz-server-side-encryption"), encryption, "{head}");
    }
}

#[test]
fn a_kms_key_and_an_owner_are_named_where_they_belong() {
    let heads = heads(|config| {
        config.kms_key_id = Some("alias/inventory".to_owned());
        config.expected_bucket_owner = Some("111122223333".to_owned());
    });
    for head in heads {
        assert!(!head.contains("x-amz-acl") && !head.contains("x-amz-grant"), "{head}");
        let owner = lines(&head, "x-amz-expected-bucket-owner");
        assert_eq!(owner, ["x-amz-expected-bucket-owner: 111122223333"], "{head}");
        let mut encryption = lines(&head, "x-amz-server-side-encryption");
        encryption.sort_unstable();
        let expected: &[&str] = &[
            "x-amz-server-side-encryption-aws-kms-key-id: alias/inventory",
            "x-amz-server-side-encryption-bucket-key-enabled: true",
            "x-amz-server-side-encryption: aws:kms",
        ];
        let expected = if head.starts_with("put") { expected } else { &[] };
        assert_eq!(encryption, expected, "{head}");
    }
}

#[test]
fn a_store_that_does_not_listen_is_waited_for() {
    let moto = Moto::start().unwrap();
    python("make", &moto.endpoint());
    let port = kit::ports::free();
    let config = config(&format!("http://127.0.0.1:{port}"));
    let (_folder, log) = local();
    Writer::open(&*log, PREFIX).put(&resource("1", "AWS::IAM::Role", "R1"));
    let done = thread::scope(|scope| {
        let run = scope.spawn(|| Run::default().on(&*log, &config));
        thread::sleep(Duration::from_secs(3));
        assert!(!run.is_finished());
        relay(port, moto.port());
        run.join().unwrap().unwrap()
    });
    assert!(done.waited && done.progress.records == 1, "{done:?}");
    let object = "Resources/iam/role/R1.1.us-east-1.json";
    assert_eq!(keys(&show(&moto.endpoint()), "Resources/"), [object]);
}

/// Carries connections to another port, on threads that live as long as the process.
fn relay(port: u16, target: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    thread::spawn(move || {
        for near in listener.incoming() {
            let near = near.unwrap();
            let far = TcpStream::connect(("127.0.0.1", target)).unwrap();
            let (from, to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || carry(from, to));
            thread::spawn(move || carry(far, near));
        }
    });
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    // An end of either side is the end of both.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
