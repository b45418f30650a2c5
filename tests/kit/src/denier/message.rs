//! Reads one HTTP/1.1 request whole, and writes it again.

use std::io::{self, Read, Write};

/// Largest head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 65_536;

/// A request with its body, whatever the framing it came in.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query, as sent.
    pub(super) target: String,
    /// Header lines as sent, without those that concern the connection and the framing.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The value of a header, whatever the case of its name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// The part of the target before the question mark.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The names and decoded values of the query.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        self.target.split_once('?').map(|(_, query)| pairs(query)).unwrap_or_default()
    }

    /// A decoded value of a form body, as the query protocol sends it.
    pub(super) fn form_value(&self, name: &str) -> Option<String> {
        let form = std::str::from_utf8(&self.body).ok()?;
        pairs(form).into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The request for the server: one on its connection, with its length in the head.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        let length = self.body.len();
        bytes.extend(format!("Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes());
        bytes.extend(&self.body);
        bytes
    }
}

/// Reads a request; `None` when the client closes the connection without one.
pub(super) fn read(stream: &mut (impl Read + Write)) -> io::Result<Option<Request>> {
    let Some(head) = read_head(stream)? else {
        return Ok(None);
    };
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let mut request = Request {
        method: first.next().unwrap_or_default().to_owned(),
        target: first.next().unwrap_or_default().to_owned(),
        ..Request::default()
    };
    let (mut length, mut chunked) = (0, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(io::Error::other)?,
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "expect" => stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            "connection" => {}
            _ => request.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    request.body = if chunked { read_chunks(stream)? } else { read_exactly(stream, length)? };
    Ok(Some(request))
}

/// Reads to the empty line, byte by byte: what follows belongs to the body.
fn read_head(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return if head.is_empty() {
                Ok(None)
            } else {
                Err(io::Error::other("the connection closed inside a head"))
            };
        }
        head.push(byte[0]);
        if head.len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("the head is too long"));
        }
    }
    head.truncate(head.len() - 4);
    String::from_utf8(head).map(Some).map_err(io::Error::other)
}

fn read_exactly(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// Reads a chunked body without its framing; trailers are dropped.
fn read_chunks(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            while !read_line(stream)?.is_empty() {}
            return Ok(body);
        }
        body.extend(read_exactly(stream, size)?);
        read_line(stream)?;
    }
}

fn read_line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(read_exactly(stream, 1)?);
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).map_err(io::Error::other)
}

/// Splits `a=1&b&c=2` and decodes names and values.
fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Undoes percent encoding and `+` for a blank; a broken escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], escape) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            (byte, _) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn parse(text: &str) -> Request {
        read(&mut Cursor::new(text.as_bytes().to_vec())).unwrap().unwrap()
    }

    #[test]
    fn a_body_with_a_length_is_read() {
        let request = parse("POST /?x HTTP/1.1\r\nHost: h\r\ncontent-length: 5\r\n\r\na=%3Ab");
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/?x"));
        assert_eq!(request.body, b"a=%3A");
        assert_eq!(request.form_value("a").unwrap(), ":");
    }

    #[test]
    fn a_chunked_body_is_read_and_written_with_a_length() {
        let head = "PUT /b/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
        let request = parse(&format!("{head}3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nt: 1\r\n\r\n"));
        assert_eq!(request.body, b"abc0123456789");
        let bytes = String::from_utf8(request.to_bytes()).unwrap();
        assert_eq!(
            bytes,
            "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\nConnection: close\r\n\r\n\
             abc0123456789"
        );
    }

    #[test]
    fn a_closed_connection_is_no_request() {
        assert!(read(&mut Cursor::new(Vec::new())).unwrap().is_none());
    }
}
