//! A connection without Nagle's algorithm.
//!
//! With it, what a program sends in two pieces waits for the acknowledgement of the first one, which a server holds back for
//! some 40 ms: twice in a TLS handshake, once in each COPY. The driver leaves it on and lets nobody near its socket. So it is
//! given a Unix socket, and what passes there, TLS and all, is carried over a TCP connection of ours.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions, mysql::MySqlConnectOptions, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional_with_sizes,
    net::{TcpStream, UnixListener},
};

/// Bytes of a socket's path on the system with the least room for it (macOS; Linux has 107).
const MAX_SOCKET_PATH: usize = 103;

/// Bytes that are carried at once.
const CARRIED: usize = 1 << 16;

/// Options of a driver that connects to a server.
pub(super) trait ByTcp: ConnectOptions {
    /// Host and port; `None` if the address names a socket already.
    fn server(&self) -> Option<(&str, u16)>;

    /// The same by way of a socket in this folder, and where in it that must be.
    fn by_way_of(&self, folder: &Path) -> (Self, PathBuf);
}

impl ByTcp for MySqlConnectOptions {
    fn server(&self) -> Option<(&str, u16)> {
        self.get_socket().is_none().then(|| (self.get_host(), self.get_port()))
    }

    fn by_way_of(&self, folder: &Path) -> (Self, PathBuf) {
        let socket = folder.join("mysql");
        (self.clone().socket(&socket), socket)
    }
}

impl ByTcp for PgConnectOptions {
    fn server(&self) -> Option<(&str, u16)> {
        (self.get_socket().is_none() && !self.get_host().starts_with('/')).then(|| (self.get_host(), self.get_port()))
    }

    fn by_way_of(&self, folder: &Path) -> (Self, PathBuf) {
        (self.clone().socket(folder), folder.join(format!(".s.PGSQL.{}", self.get_port())))
    }
}

/// Connects to the server that the options name; gives the options for a driver that is to use this connection. The driver has
/// `wait` to do so. Host names in certificates are those of the options before.
pub(super) async fn relayed<O: ByTcp>(options: &O, wait: Duration) -> io::Result<O> {
    let Some((host, port)) = options.server() else { return Ok(options.clone()) };
    let folders = [std::env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    // Without a place for the socket the driver connects on its own: slower, and just as right.
    let Some(Door { folder, listener, options: through }) = folders.iter().find_map(|base| Door::open(options, base)) else {
        return Ok(options.clone());
    };
    let mut server = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    server.set_nodelay(true)?;
    tokio::spawn(async move {
        let Ok(Ok((mut driver, _))) = tokio::time::timeout(wait, listener.accept()).await else { return };
        // One connection is all: the door goes.
        drop((listener, folder));
        // Whichever side breaks off, the other one hears of it as the end of its connection.
        let _ = copy_bidirectional_with_sizes(&mut driver, &mut server, CARRIED, CARRIED).await;
    });
    Ok(through)
}

/// A socket for one driver, and the options that lead to it.
struct Door<O> {
    folder: TempDir,
    listener: UnixListener,
    options: O,
}

impl<O: ByTcp> Door<O> {
    /// Opens a socket below the folder `base`; `None` if its path is too long or the folder cannot be written to.
    fn open(options: &O, base: &Path) -> Option<Self> {
        // Other users have no access to it.
        let folder = tempfile::Builder::new().prefix("etl-").tempdir_in(base).ok()?;
        let (options, socket) = options.by_way_of(folder.path());
        if socket.as_os_str().len() > MAX_SOCKET_PATH {
            return None;
        }
        Some(Self { listener: UnixListener::bind(socket).ok()?, folder, options })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_or_missing_folder_gets_no_socket() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let long = folder.path().join("x".repeat(90));
        fs_err::create_dir(&long).unwrap();
        let postgres = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(65_432);
        let mysql = MySqlConnectOptions::new();
        for base in [long, folder.path().join("missing")] {
            assert!(Door::open(&postgres, &base).is_none() && Door::open(&mysql, &base).is_none(), "{}", base.display());
        }
        assert!(Door::open(&postgres, folder.path()).is_some() && Door::open(&mysql, folder.path()).is_some());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1, "only the long folder is left");
    }
}
