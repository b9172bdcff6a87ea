//! A proxy before a database server that sees what is sent, and calls somebody when a certain statement comes by.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// When, relative to a statement, the server is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// It never hears of the statement.
    Before,
    /// It has executed the statement, and its answer is lost.
    Answered,
}

/// A statement, and what is done when it comes by for the first time.
struct Watch {
    /// In lower case; empty: the first bytes of any connection.
    text: Vec<u8>,
    when: When,
    then: Box<dyn FnOnce() + Send>,
}

pub(super) struct Proxy {
    /// The server's address by way of the proxy.
    pub(super) url: Url,
    watch: Arc<Mutex<Option<Watch>>>,
}

impl Proxy {
    /// In front of the server of `url`, which must be without TLS.
    pub(super) async fn before(url: &Url) -> Self {
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut url = url.clone();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let watch = Arc::new(Mutex::new(None));
        let watching = Arc::clone(&watch);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // While the server is away, a connection ends at once, as with the Cloud SQL proxy.
                if let Ok(server) = TcpStream::connect(&server).await {
                    tokio::spawn(carry(client, server, Arc::clone(&watching)));
                }
            }
        });
        Self { url, watch }
    }

    /// Calls `then` when a client sends `text`.
    pub(super) fn on(&self, text: &str, when: When, then: impl FnOnce() + Send + 'static) {
        *self.watch.lock().unwrap() = Some(Watch { text: text.as_bytes().to_vec(), when, then: Box::new(then) });
    }

    /// Whether the statement has come by.
    pub(super) fn has_seen(&self) -> bool {
        self.watch.lock().unwrap().is_none()
    }
}

/// Carries both directions until one of them ends.
async fn carry(mut client: TcpStream, mut server: TcpStream, watch: Arc<Mutex<Option<Watch>>>) {
    let (mut sent, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let Some(read) = read.ok().filter(|read| *read > 0) else { return };
                let found = watch.lock().unwrap().take_if(|watch| has(&sent[..read], &watch.text));
                let Some(Watch { when, then, .. }) = found else {
                    if server.write_all(&sent[..read]).await.is_err() { return }
                    continue;
                };
                if when == When::Answered {
                    server.write_all(&sent[..read]).await.unwrap();
                    answer(&mut client, &mut server).await;
                }
                tokio::task::spawn_blocking(then).await.unwrap();
                return;
            }
            read = server.read(&mut answered) => {
                let Some(read) = read.ok().filter(|read| *read > 0) else { return };
                if client.write_all(&answered[..read]).await.is_err() { return }
            }
        }
    }
}

/// Carries the rest of a statement until the server answers.
async fn answer(client: &mut TcpStream, server: &mut TcpStream) {
    let (mut sent, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let read = read.unwrap();
                server.write_all(&sent[..read]).await.unwrap();
                if read == 0 { return }
            }
            _ = server.read(&mut answered) => return,
        }
    }
}

fn has(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.to_ascii_lowercase().windows(text.len()).any(|window| window == text)
}
