//! What connections come through: a port, or a file on this machine.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::stream::Stream;

/// Who may connect to a socket file: its owner and its group.
const MODE: u32 = 0o660;

/// A port, or a socket file.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(SocketFile),
}

/// A connection that has come.
pub(crate) struct Arrival {
    pub(super) stream: Stream,
    /// Whether it came over a network, be it the loopback one.
    pub(super) is_tcp: bool,
}

impl Socket {
    /// Its address, where it is a port.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Arrival> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                tracing::trace!(%peer, "connection accepted");
                // Small replies must not wait for more to say; where the option fails, they are merely slower.
                let _ = stream.set_nodelay(true);
                Ok(Arrival { stream: Box::new(stream), is_tcp: true })
            }
            Self::Unix(file) => {
                let (stream, _) = file.listener.accept().await?;
                Ok(Arrival { stream: Box::new(stream), is_tcp: false })
            }
        }
    }
}

impl From<TcpListener> for Socket {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

/// A socket file, removed when dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    listener: UnixListener,
    path: PathBuf,
}

impl SocketFile {
    /// Listens at `path`. A socket that a server has left behind is replaced.
    ///
    /// # Errors
    /// A server listens there, something else is there, or the file cannot be made.
    pub(crate) async fn open(path: &Path) -> io::Result<Self> {
        refuse_what_is_used(path).await?;
        // Made under another name, so that nobody connects before the permissions are set.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}", std::process::id()));
        let new = path.with_file_name(name);
        remove(&new);
        let listener = UnixListener::bind(&new)?;
        let renamed = std::fs::set_permissions(&new, std::fs::Permissions::from_mode(MODE))
            .and_then(|()| std::fs::rename(&new, path));
        if let Err(error) = renamed {
            remove(&new);
            return Err(error);
        }
        Ok(Self { listener, path: path.to_owned() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

async fn refuse_what_is_used(path: &Path) -> io::Result<()> {
    let kind = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists and is no socket"));
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        // Nobody does: it was left behind.
        Err(_) => Ok(()),
    }
}

fn remove(path: &Path) {
    // What is not there need not be removed.
    let _ = std::fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use std::os::unix::net;

    use super::*;

    #[tokio::test]
    async fn what_is_left_behind_is_replaced_and_what_is_used_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(net::UnixListener::bind(&path).unwrap());
        let file = SocketFile::open(&path).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, MODE);
        let error = SocketFile::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(file);
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "something is left");

        std::fs::write(&path, "precious").unwrap();
        let error = SocketFile::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        assert!(SocketFile::open(&folder.path().join("none/a.sock")).await.is_err());
    }
}
