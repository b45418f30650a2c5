//! A server that says exactly what a test wants, and counts how often it was asked.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status with headers (`name: value` lines) and a body.
    Whole { status: u16, headers: String, body: String },
    /// Success whose body breaks off: the length promises more.
    Torn { body: String },
    /// Success whose body is a root element with this many bytes of blanks, of no stated length.
    Huge { bytes: usize },
    /// Nothing: the connection stays open.
    Silence,
}

impl Answer {
    pub(crate) fn ok(body: &str) -> Self {
        Self::error(200, body)
    }

    pub(crate) fn error(status: u16, body: &str) -> Self {
        Self::Whole { status, headers: String::new(), body: body.to_owned() }
    }

    pub(crate) fn header(self, line: &str) -> Self {
        match self {
            Self::Whole { status, headers, body } => {
                Self::Whole { status, headers: format!("{headers}{line}\r\n"), body }
            }
            other => other,
        }
    }
}

/// The server; its task ends on drop.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers with each of the script in turn, and with the last one ever after.
    pub(crate) async fn start(script: Vec<Answer>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, count) = (script.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    // A client that goes away ends its own connection only.
                    let _ = serve(stream, &script, &count).await;
                });
            }
        });
        Ok(Self { port, asked, task })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &[Answer],
    count: &AtomicUsize,
) -> std::io::Result<()> {
    if !read_request(&mut stream).await? {
        return Ok(());
    }
    let number = count.fetch_add(1, Ordering::SeqCst);
    let answer = script.get(number).or(script.last()).expect("a script is not empty");
    match answer {
        Answer::Whole { status, headers, body } => {
            let head = head(*status, headers, Some(body.len()));
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        }
        Answer::Torn { body } => {
            stream.write_all(head(200, "", Some(body.len() + 100)).as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        }
        Answer::Huge { bytes } => {
            stream.write_all(head(200, "", None).as_bytes()).await?;
            stream.write_all(b"<ListAllMyBucketsResult>").await?;
            let blanks = vec![b' '; 1 << 20];
            for _ in 0..bytes.div_ceil(blanks.len()) {
                stream.write_all(&blanks).await?;
            }
            stream.write_all(b"<Buckets/></ListAllMyBucketsResult>").await
        }
        Answer::Silence => {
            std::future::pending::<()>().await;
            Ok(())
        }
    }
}

fn head(status: u16, headers: &str, length: Option<usize>) -> String {
    let length = length.map(|bytes| format!("content-length: {bytes}\r\n")).unwrap_or_default();
    format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\nx-amzn-requestid: id-1\r\n\
         {headers}{length}\r\n"
    )
}

/// Reads a request to its end; false when the client closed without one.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<bool> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(false);
        }
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        if body.len() >= length {
            return Ok(true);
        }
    }
}
