//! A TCP proxy that cuts one connection after so many bytes, in either direction: what a failing network does to a load.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use url::Url;

/// A running proxy.
pub(super) struct Cutter {
    /// The server's address by way of the proxy, without TLS: so a byte is a byte of the protocol.
    pub(super) url: String,
    left: Arc<AtomicI64>,
}

const NEVER: i64 = i64::MAX / 2;

impl Cutter {
    /// In front of the server of `url`.
    pub(super) async fn before(url: &str) -> Self {
        let mut url = Url::parse(url).unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.set_ip_host(std::net::Ipv4Addr::LOCALHOST.into()).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        url.set_query(Some(if url.scheme() == "mysql" { "ssl-mode=DISABLED" } else { "sslmode=disable" }));
        let left = Arc::new(AtomicI64::new(NEVER));
        let budget = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                tokio::spawn(forward(client, server, Arc::clone(&budget)));
            }
        });
        Self { url: url.to_string(), left }
    }

    /// The connection that carries the byte after so many more is cut there; those after it are not.
    pub(super) fn cut_after(&self, bytes: i64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Bytes that have passed since the last [`Cutter::cut_after`] with this number.
    pub(super) fn passed(&self, since: i64) -> i64 {
        since - self.left.load(Ordering::SeqCst)
    }
}

async fn forward(client: TcpStream, server: TcpStream, left: Arc<AtomicI64>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let cut = Arc::new(Notify::new());
    let there = tokio::spawn(carry(from_client, to_server, Arc::clone(&left), Arc::clone(&cut)));
    let back = tokio::spawn(carry(from_server, to_client, left, cut));
    // Both halves of both sockets are dropped here, which closes them.
    let _ = tokio::join!(there, back);
}

async fn carry(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, left: Arc<AtomicI64>, cut: Arc<Notify>) {
    let mut buffer = vec![0; 16_384];
    loop {
        let read = tokio::select! {
            () = cut.notified() => return,
            read = from.read(&mut buffer) => read.unwrap_or(0),
        };
        if read == 0 {
            cut.notify_waiters();
            cut.notify_one();
            return;
        }
        let wanted = i64::try_from(read).unwrap();
        let before = left.fetch_sub(wanted, Ordering::SeqCst);
        let may = before.clamp(0, wanted);
        if to.write_all(&buffer[..usize::try_from(may).unwrap()]).await.is_err() || (0..wanted).contains(&before) {
            left.store(NEVER, Ordering::SeqCst);
            cut.notify_waiters();
            cut.notify_one();
            return;
        }
    }
}
