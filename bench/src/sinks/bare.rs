//! The limit: requests that lie ready, sent by a bare HTTP client that keeps its connections.

use std::time::Instant;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use kit::recorder::Request;
use reqwest::{Client, Method};
use tokio::runtime::Runtime;

/// What was answered, to be looked at when the clock has stopped.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A client with its requests; it runs on one thread, as the sinks do.
pub(crate) struct Bare {
    runtime: Runtime,
    client: Client,
    requests: Vec<reqwest::Request>,
    concurrency: usize,
}

impl Bare {
    /// Makes requests ready for a server; so many are under way at a time.
    pub(crate) fn new(url: &str, requests: &[Request], concurrency: usize) -> Result<Self> {
        let client = Client::new();
        let ready = |request: &Request| -> Result<reqwest::Request> {
            let method = Method::from_bytes(request.method.as_bytes())?;
            let mut builder = client.request(method, format!("{url}{}", request.target));
            for (name, value) in &request.headers {
                if !name.eq_ignore_ascii_case("host") {
                    builder = builder.header(name, value);
                }
            }
            Ok(builder.body(request.body.clone()).build()?)
        };
        let requests = requests.iter().map(ready).collect::<Result<_>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, client, requests, concurrency })
    }

    /// Sends all requests, each when an earlier one's answer is read to its end; gives the seconds
    /// and the answers.
    pub(crate) fn lap(&self) -> Result<(f64, Vec<Answer>)> {
        let requests: Option<Vec<_>> =
            self.requests.iter().map(reqwest::Request::try_clone).collect();
        let requests = requests.context("a body can't be sent twice")?;
        let began = Instant::now();
        let sent = requests.into_iter().map(|request| async {
            let answer = self.client.execute(request).await?;
            let status = answer.status().as_u16();
            anyhow::Ok(Answer { status, body: answer.bytes().await?.into() })
        });
        let sent = futures::stream::iter(sent).buffer_unordered(self.concurrency);
        let answers = self.runtime.block_on(sent.try_collect())?;
        Ok((began.elapsed().as_secs_f64(), answers))
    }
}
