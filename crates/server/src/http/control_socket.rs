//! The control socket's file: nobody but its owner may ever open it.
//!
//! This room must never know what is asked over the socket.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

const SOCKET_MODE: u32 = 0o600;
const ANTEROOM_MODE: u32 = 0o700;

/// A bound control socket. Its file goes when this is dropped.
#[derive(Debug)]
pub(super) struct ControlSocket {
    pub(super) listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Binds `path` with mode 0600, in the place of a socket that was left there.
    ///
    /// The caller must hold the lock of the directory, so that a socket found there can only be a dead server's. The socket
    /// is bound in a fresh directory that nobody else can enter, gets its mode there and is then moved: so it never has
    /// another mode where others can reach it, and the process-wide umask is left alone.
    ///
    /// # Errors
    ///
    /// When something else than a socket is in the way, when the path is too long for a socket (about 100 bytes), and
    /// those of the file system.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path).is_ok_and(|there| !there.file_type().is_socket()) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let anteroom = path.with_file_name(".ctl");
        remove_anteroom(&anteroom);
        DirBuilder::new().mode(ANTEROOM_MODE).create(&anteroom)?;
        let bound = bind_in(&anteroom, path);
        remove_anteroom(&anteroom);
        Ok(Self { listener: bound?, path: path.to_owned() })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a socket's name is no data; the disk of the journal has no sockets"
)]
fn bind_in(anteroom: &Path, path: &Path) -> io::Result<UnixListener> {
    let inside = anteroom.join("s");
    let listener = UnixListener::bind(&inside)?;
    fs::set_permissions(&inside, Permissions::from_mode(SOCKET_MODE))?;
    fs::rename(&inside, path)?;
    Ok(listener)
}

/// Removes what an attempt may have left. What can't be removed makes the next step fail with its own error.
#[expect(
    clippy::disallowed_methods,
    reason = "a socket's name is no data; the disk of the journal has no sockets"
)]
fn remove_anteroom(anteroom: &Path) {
    let _ = fs::remove_file(anteroom.join("s"));
    let _ = fs::remove_dir(anteroom);
}

impl Drop for ControlSocket {
    #[expect(
        clippy::disallowed_methods,
        reason = "a socket's name is no data; the disk of the journal has no sockets"
    )]
    fn drop(&mut self) {
        // A leftover file is harmless: the next server replaces it.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_only_its_owners_replaces_a_dead_one_and_goes_with_its_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        let dead = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(dead);
        assert!(path.exists());
        let socket = ControlSocket::bind(&path).unwrap();
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        tokio::net::UnixStream::connect(&path).await.unwrap();
        drop(socket);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test looks after its own files")]
    async fn a_file_that_is_no_socket_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(ControlSocket::bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
