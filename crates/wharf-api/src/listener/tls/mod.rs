//! TLS on the listeners, with certificates that may change while the server runs.

mod files;
mod ssl_config;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use self::files::Material;
use super::stream::Stream;

/// Which files TLS is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Where keys and certificates are.
    pub files: TlsFiles,
    /// How often the files are looked at; zero leaves it to [`crate::ApiHandle::reload_tls`].
    pub reload_every: Duration,
}

/// Where keys and certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFiles {
    /// A file for each.
    Pem {
        /// The certificate chain, PEM, the server's own first.
        certificate: PathBuf,
        /// Its private key, PEM: PKCS #8, PKCS #1 or SEC 1.
        key: PathBuf,
        /// Certificates of the authorities that clients must be known to, PEM; `None` asks clients for nothing.
        client_ca: Option<PathBuf>,
    },
    /// TensorFlow Serving's `SSLConfig`, as text: `server_key` and `server_cert` hold PEM themselves, and where
    /// `client_verify` is set, `custom_ca` those of the authorities that clients must be known to.
    SslConfig(PathBuf),
}

impl TlsConfig {
    /// TLS by these files, looked at every five seconds; clients need no certificate.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::of(TlsFiles::Pem { certificate: certificate.into(), key: key.into(), client_ca: None })
    }

    /// TLS by these files; clients need a certificate that an authority of the third vouches for.
    pub fn mutual(
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
        client_ca: impl Into<PathBuf>,
    ) -> Self {
        let client_ca = Some(client_ca.into());
        Self::of(TlsFiles::Pem { certificate: certificate.into(), key: key.into(), client_ca })
    }

    /// TLS by one file with the text of TensorFlow Serving's `SSLConfig`.
    pub fn ssl_config(file: impl Into<PathBuf>) -> Self {
        Self::of(TlsFiles::SslConfig(file.into()))
    }

    fn of(files: TlsFiles) -> Self {
        Self { files, reload_every: Duration::from_secs(5) }
    }
}

/// Why the files are no good. Names them: it is meant for whoever runs the server.
#[derive(Debug)]
pub struct TlsError {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TlsError {
    fn new(message: String) -> Self {
        Self { message, source: None }
    }

    fn caused(message: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { message, source: Some(source.into()) }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The TLS of a server as it is now. Clones share it.
#[derive(Clone)]
pub(crate) struct Tls(Arc<State>);

struct State {
    config: TlsConfig,
    current: Mutex<Current>,
}

struct Current {
    server: Arc<ServerConfig>,
    /// What was read last, good or bad: the same again is no news.
    last_read: Result<Material, String>,
}

impl Tls {
    /// Reads the files of `config`.
    ///
    /// # Errors
    /// One cannot be read, or they do not belong together.
    pub(crate) fn load(config: TlsConfig) -> Result<Self, TlsError> {
        let material = Material::read(&config.files)?;
        let server = material.server_config()?;
        let current = Mutex::new(Current { server, last_read: Ok(material) });
        Ok(Self(Arc::new(State { config, current })))
    }

    /// Reads the files again. Connections from now on use them; those that are open keep what they have. Says
    /// whether anything was new.
    ///
    /// # Errors
    /// They are new and no good: what was there stays in use.
    pub(crate) fn reload(&self) -> Result<bool, TlsError> {
        let read = Material::read(&self.0.config.files);
        let mut current = self.current();
        let news = match (&read, &current.last_read) {
            (Ok(new), Ok(old)) => new != old,
            (Err(new), Err(old)) => new.to_string() != *old,
            _ => true,
        };
        if !news {
            return Ok(false);
        }
        current.last_read = read.as_ref().map(Material::clone).map_err(ToString::to_string);
        current.server = read?.server_config()?;
        Ok(true)
    }

    /// Looks at the files for as long as it is polled. Failures are logged once for each change.
    pub(crate) async fn watch(self) {
        if self.0.config.reload_every.is_zero() {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(self.0.config.reload_every).await;
            let tls = self.clone();
            // Reading files blocks; the task ends as soon as they are read.
            let Ok(result) = tokio::task::spawn_blocking(move || tls.reload()).await else { return };
            log_reload(&result);
        }
    }

    /// Shakes hands.
    pub(super) async fn accept(&self, stream: Stream) -> io::Result<Stream> {
        let server = Arc::clone(&self.current().server);
        let stream = TlsAcceptor::from(server).accept(stream).await?;
        Ok(Box::new(stream))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Every change is one assignment: there is nothing half-done behind a poisoned lock.
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.config).finish()
    }
}

fn log_reload(result: &Result<bool, TlsError>) {
    match result {
        Ok(true) => tracing::info!("new TLS certificate in use"),
        Ok(false) => {}
        Err(error) => {
            let source = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, source, "new TLS files are no good: the old ones stay in use");
        }
    }
}

/// Reads a text of keys and certificates, for fuzzing.
pub(crate) fn read_ssl_config(file: &std::path::Path, bytes: &[u8]) {
    let _ = ssl_config::material(file, bytes);
}
