//! The server's side of TLS: its certificate, and whose certificates admit a client.

use super::options::TlsFiles;
use crate::digest::Digest;
use crate::host::fs::{PathContext as _, PathError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ServerConfig, VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{self, RootCertStore};

/// Why certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be read.
    #[error(transparent)]
    Unreadable(#[from] PathError),
    /// A file without what it should hold.
    #[error("cannot find {what} in `{}`", path.display())]
    Missing {
        /// "a certificate in PEM" or "a private key in PEM".
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The key is not that of the certificate, or of a kind that TLS does not use.
    #[error("cannot use the certificate `{}` with the key `{}`", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// A certificate that is no authority's.
    #[error("cannot use an authority in `{}`", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// Authorities that together verify nobody.
    #[error("cannot verify clients by `{}`", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What the TLS library says.
        source: VerifierBuilderError,
    },
}

/// What does handshakes. With `has_tokens` a client may come without a certificate, since it may have a token.
pub(super) fn acceptor(files: &TlsFiles, has_tokens: bool) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites of both versions");
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities(path)?.into(), provider);
            let verifier = if has_tokens {
                verifier.allow_unauthenticated()
            } else {
                verifier
            };
            let verifier = verifier.build().map_err(|source| TlsError::Authorities {
                path: path.clone(),
                source,
            })?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = certificates(&files.certificate)?;
    let mut config = builder
        .with_single_cert(chain, private_key(&files.key)?)
        .map_err(|source| TlsError::Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            source,
        })?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What the log calls the owner of a certificate: its SHA-256, which `openssl x509 -fingerprint -sha256` prints in
/// capitals and with colons.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Digest::of(certificate).hex()
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|source| TlsError::Authority {
            path: path.to_owned(),
            source,
        })?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = std::fs::read(path).at("read", path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| TlsError::Missing {
            what: "a certificate in PEM",
            path: path.to_owned(),
        })
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = std::fs::read(path).at("read", path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::Missing {
        what: "a private key in PEM",
        path: path.to_owned(),
    })
}
