//! The HTTP client below ClickHouse's: as its own is, but it sends what it has at once.

use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::ClickHouseError;

/// Connections that are silent are tried after this long.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// ClickHouse closes idle connections after 3 s (`keep_alive_timeout`): we are first.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// Makes a client for `http://` and `https://`, which trusts the authorities of this machine.
///
/// The crate's own connector leaves Nagle's algorithm on: the last bytes of an insert, which goes
/// out in chunks, then wait for an acknowledgement that a server may delay by up to 40 ms.
///
/// # Errors
/// When this machine's authorities can't be read.
pub(crate) fn client() -> Result<Client, ClickHouseError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.enforce_http(false);
    let ring = rustls::crypto::ring::default_provider();
    let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring);
    let tls = tls.map_err(ClickHouseError::Authorities)?.https_or_http().enable_http1();
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_MAX)
        .build(tls.wrap_connector(tcp));
    Ok(Client::with_http_client(http))
}
