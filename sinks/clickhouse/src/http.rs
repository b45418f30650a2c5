//! The HTTP client below ClickHouse's: as its own is, but it sends what it has at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clickhouse::Client;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};

use crate::ClickHouseError;

/// Connections that are silent are tried after this long.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// ClickHouse closes idle connections after 3 s (`keep_alive_timeout`): we are first.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// Makes a client for `http://` and `https://`, which trusts the authorities of a file (PEM) or,
/// without one, those of this machine.
///
/// The crate's own connector leaves Nagle's algorithm on: the last bytes of an insert, which goes
/// out in chunks, then wait for an acknowledgement that a server may delay by up to 40 ms.
///
/// # Errors
/// When the authorities can't be read.
pub(crate) fn client(ca_file: Option<&Path>) -> Result<Client, ClickHouseError> {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.enforce_http(false);
    let tls = match ca_file {
        Some(path) => HttpsConnectorBuilder::new().with_tls_config(trusting(path)?),
        None => {
            let ring = rustls::crypto::ring::default_provider();
            let tls = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring);
            tls.map_err(ClickHouseError::Authorities)?
        }
    };
    let tls = tls.https_or_http().enable_http1();
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_MAX)
        .build(tls.wrap_connector(tcp));
    Ok(Client::with_http_client(http))
}

fn trusting(path: &Path) -> Result<ClientConfig, ClickHouseError> {
    let wrong = |problem: String| ClickHouseError::OwnAuthorities { path: path.into(), problem };
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("there are none".to_owned()));
    }
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| wrong(error.to_string()))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
