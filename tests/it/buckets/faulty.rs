//! Between the program and a server: every connection goes wrong, each in another way.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy that passes bytes on, until it does not.
pub(super) struct Faulty {
    address: String,
    task: JoinHandle<()>,
}

impl Faulty {
    pub(super) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let number = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, number) = (server.clone(), number.fetch_add(1, Ordering::Relaxed));
                tokio::spawn(async move { drop(serve(client, &server, number).await) });
            }
        });
        Self { address, task }
    }

    pub(super) fn address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut client: TcpStream, server: &str, number: usize) -> std::io::Result<()> {
    match number % 5 {
        0 => refuse(client, "500 Internal Server Error").await,
        1 => refuse(client, "429 Too Many Requests").await,
        // Closed at once.
        2 => Ok(()),
        // The request is carried out, and the answer is lost.
        3 => pass(&mut client, server, 0).await,
        // Some answers arrive, the next one is cut.
        _ => pass(&mut client, server, 600).await,
    }
}

async fn refuse(mut client: TcpStream, status: &str) -> std::io::Result<()> {
    let mut head = [0; 4_096];
    let _ = client.read(&mut head).await?;
    client.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await
}

/// Passes everything to the server, and `pieces` of its answers back.
async fn pass(client: &mut TcpStream, server: &str, pieces: usize) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = upstream.split();
    let there = tokio::io::copy(&mut from_client, &mut to_server);
    let back = async {
        let mut buffer = vec![0; 16 << 10];
        for piece in 0..=pieces {
            let read = from_server.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let passed = if piece < pieces { read } else { read / 2 * usize::from(pieces > 0) };
            to_client.write_all(&buffer[..passed]).await?;
        }
        Ok::<(), std::io::Error>(())
    };
    tokio::select! { result = there => result.map(drop), result = back => result }
}
