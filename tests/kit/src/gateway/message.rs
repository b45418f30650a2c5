//! Reads one HTTP/1.1 request whole, and writes it again.

use std::io::{self, BufRead, Read, Write};

/// Largest head that is read, in bytes.
const HEAD_BYTES_MAX: usize = 65_536;

/// A request with its body, whatever the framing it came in.
#[derive(Debug, Default)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Header lines as sent, without those that concern the connection and the framing.
    pub headers: Vec<(String, String)>,
    /// The body, without the framing of chunks.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, whatever the case of its name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// The part of the target before the question mark.
    pub fn path(&self) -> &str {
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

    /// Access key, day, region and service of `Credential=KEY/DAY/REGION/SERVICE/aws4_request`, in
    /// the head or in the query; empty where the request is not signed.
    pub(super) fn credential(&self) -> [String; 4] {
        let header = self.header("authorization").unwrap_or_default();
        let scope = header.split("Credential=").nth(1).map(str::to_owned);
        let presigned = || self.query().into_iter().find(|pair| pair.0 == "X-Amz-Credential");
        let scope = scope.or_else(|| presigned().map(|pair| pair.1)).unwrap_or_default();
        let mut parts = scope.split('/').map(str::to_owned);
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    }

    /// The request for the server: one on its connection, with its length in the head.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
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

/// Reads a request; `None` when the client closes the connection without one. A client that waits
/// for leave to send its body gets it on `output`.
pub(crate) fn read(
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<Option<Request>> {
    let Some(head) = read_head(input)? else {
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
            "expect" => output.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            "connection" => {}
            _ => request.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    request.body = if chunked { read_chunks(input)? } else { read_exactly(input, length)? };
    Ok(Some(request))
}

/// Reads to the empty line.
fn read_head(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    loop {
        let line = read_line(input)?;
        match line {
            None if head.is_empty() => return Ok(None),
            None => return Err(io::Error::other("the connection closed inside a head")),
            Some(line) if line.is_empty() => return Ok(Some(head)),
            Some(line) => {
                if !head.is_empty() {
                    head.push_str("\r\n");
                }
                head.push_str(&line);
            }
        }
        if head.len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("the head is too long"));
        }
    }
}

fn read_exactly(input: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(body)
}

/// Reads a chunked body without its framing; trailers are dropped.
pub(crate) fn read_chunks(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let line = |input: &mut _| {
        read_line(input)?.ok_or_else(|| io::Error::other("the connection closed inside a body"))
    };
    let mut body = Vec::new();
    loop {
        let size = line(input)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            while !line(input)?.is_empty() {}
            return Ok(body);
        }
        body.extend(read_exactly(input, size)?);
        line(input)?;
    }
}

/// Reads a line without its end; `None` where there is no more.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    // Nobody's line may fill the memory.
    let limit = u64::try_from(HEAD_BYTES_MAX).unwrap_or(u64::MAX);
    input.by_ref().take(limit).read_until(b'\n', &mut line)?;
    match line.strip_suffix(b"\r\n") {
        Some(line) => String::from_utf8(line.to_vec()).map(Some).map_err(io::Error::other),
        None if line.is_empty() => Ok(None),
        None => Err(io::Error::other("a line has no end")),
    }
}

/// Splits `a=1&b&c=2` and decodes names and values.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
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
        read(&mut Cursor::new(text), &mut Vec::new()).unwrap().unwrap()
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
    fn encoding_is_undone_by_decoding() {
        assert_eq!(encode("a b+é/~"), "a%20b%2B%C3%A9%2F~");
        assert_eq!(decode(&encode("a b+é/~%")), "a b+é/~%");
    }

    #[test]
    fn a_closed_connection_is_no_request() {
        assert!(read(&mut Cursor::new(""), &mut Vec::new()).unwrap().is_none());
        assert!(read(&mut Cursor::new("GET / HTTP"), &mut Vec::new()).is_err());
    }

    #[test]
    fn a_client_that_waits_for_leave_gets_it() {
        let mut said = Vec::new();
        let text = "PUT /b/k HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx";
        let request = read(&mut Cursor::new(text), &mut said).unwrap().unwrap();
        assert_eq!(
            (request.body.as_slice(), said.starts_with(b"HTTP/1.1 100 ")),
            (&b"x"[..], true)
        );
    }
}
