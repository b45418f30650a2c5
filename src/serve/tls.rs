//! TLS of the page: a certificate and its key from files, which may be renewed at any time.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, ensure};
use sink_page::Tls as Files;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// How often the files are looked at: renewed certificates are valid long before the old ones end.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the page proves with who it is.
pub(super) struct Tls {
    files: Files,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    changed: [Option<SystemTime>; 2],
    looked: Instant,
}

impl Tls {
    /// Reads the files.
    pub(super) fn read(files: &Files) -> Result<Self> {
        let current =
            Current { changed: changed(files), acceptor: acceptor(files)?, looked: Instant::now() };
        Ok(Self { files: files.clone(), current: Mutex::new(current) })
    }

    /// Gives what takes a connection, by the files as they are; by those before where the new ones
    /// can't be used.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked.elapsed() >= LOOK_EVERY {
            current.looked = Instant::now();
            let changed = changed(&self.files);
            if changed != current.changed {
                match acceptor(&self.files) {
                    Ok(acceptor) => {
                        tracing::info!("the page has a new certificate");
                        current.acceptor = acceptor;
                        current.changed = changed;
                    }
                    // One file may be there before the other: the next look tells.
                    Err(error) => tracing::warn!(
                        error = format!("{error:#}"),
                        "the page's new certificate can't be used: the old one stays"
                    ),
                }
            }
        }
        current.acceptor.clone()
    }
}

fn changed(files: &Files) -> [Option<SystemTime>; 2] {
    [&files.certificate, &files.key].map(|path| path.metadata().ok()?.modified().ok())
}

fn acceptor(files: &Files) -> Result<TlsAcceptor> {
    let shown = |path: &Path| format!("reading {}", path.display());
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| shown(&files.certificate))?;
    ensure!(!certificates.is_empty(), "{}: no certificate is in it", files.certificate.display());
    let key = PrivateKeyDer::from_pem_file(&files.key).with_context(|| shown(&files.key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .context("certificate and key do not go together")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
