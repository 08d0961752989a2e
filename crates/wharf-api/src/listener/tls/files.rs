//! From files to a TLS configuration.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::{TlsError, TlsFiles, ssl_config};

/// Larger files are no certificates.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The contents of the files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Material {
    pub(super) certificate: Pem,
    pub(super) key: Pem,
    pub(super) client_ca: Option<Pem>,
}

/// PEM, and where it comes from, for errors.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pem {
    pub(super) bytes: Vec<u8>,
    pub(super) place: String,
}

impl Pem {
    fn read(path: &Path) -> Result<Self, TlsError> {
        Ok(Self { bytes: read(path)?, place: path.display().to_string() })
    }
}

impl Material {
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        match files {
            TlsFiles::Pem { certificate, key, client_ca } => Ok(Self {
                certificate: Pem::read(certificate)?,
                key: Pem::read(key)?,
                client_ca: client_ca.as_deref().map(Pem::read).transpose()?,
            }),
            TlsFiles::SslConfig(file) => ssl_config::material(file, &read(file)?),
        }
    }

    /// The configuration that they stand for.
    ///
    /// # Errors
    /// A file is not what it should be, or the key is not that of the certificate.
    pub(super) fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key.bytes)
            .map_err(|error| TlsError::caused(no_good("private key", &self.key), error))?;
        let verifier = match &self.client_ca {
            Some(authorities) => client_verifier(authorities, &provider)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::caused("no TLS version is available".to_owned(), error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| TlsError::caused(self.mismatch(), error))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(server))
    }

    fn mismatch(&self) -> String {
        let (certificate, key) = (&self.certificate.place, &self.key.place);
        format!("certificate `{certificate}` and key `{key}` do not belong together")
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

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
    let chain = chain.map_err(|error| TlsError::caused(no_good("certificate", pem), error))?;
    if chain.is_empty() {
        return Err(TlsError::new(no_good("certificate", pem)));
    }
    Ok(chain)
}

fn client_verifier(
    pem: &Pem,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| TlsError::caused(no_good("authority", pem), error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| TlsError::caused(no_good("authority", pem), error))
}

fn no_good(what: &str, pem: &Pem) -> String {
    format!("`{}` holds no usable PEM {what}", pem.place)
}
