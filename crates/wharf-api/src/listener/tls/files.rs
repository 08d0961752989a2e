//! From files to a TLS configuration.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::{TlsConfig, TlsError};

/// Larger files are no certificates.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The contents of the files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Material {
    pub(super) fn read(config: &TlsConfig) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&config.certificate)?,
            key: read(&config.key)?,
            client_ca: config.client_ca.as_deref().map(read).transpose()?,
        })
    }

    /// The configuration that they stand for.
    ///
    /// # Errors
    /// A file is not what it should be, or the key is not that of the certificate.
    pub(super) fn server_config(&self, config: &TlsConfig) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.certificate, &config.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| TlsError::caused(no_good("private key", &config.key), error))?;
        let verifier = match (&self.client_ca, &config.client_ca) {
            (Some(pem), Some(path)) => client_verifier(pem, path, &provider)?,
            _ => WebPkiClientVerifier::no_client_auth(),
        };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::caused("no TLS version is available".to_owned(), error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| TlsError::caused(mismatch(config), error))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(server))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |error| TlsError::caused(format!("cannot read `{}`", path.display()), error);
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        let path = path.display();
        let text = format!("`{path}` has {size} bytes, expected at most {MAX_FILE_BYTES} for a PEM file");
        return Err(TlsError::new(text));
    }
    std::fs::read(path).map_err(unreadable)
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| TlsError::caused(no_good("certificate", path), error))?;
    if chain.is_empty() {
        return Err(TlsError::new(no_good("certificate", path)));
    }
    Ok(chain)
}

fn client_verifier(
    pem: &[u8],
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, path)? {
        roots.add(certificate).map_err(|error| TlsError::caused(no_good("authority", path), error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TlsError::caused(no_good("authority", path), error))
}

fn no_good(what: &str, path: &Path) -> String {
    format!("`{}` holds no usable PEM {what}", path.display())
}

fn mismatch(config: &TlsConfig) -> String {
    let (certificate, key) = (config.certificate.display(), config.key.display());
    format!("certificate `{certificate}` and key `{key}` do not belong together")
}
