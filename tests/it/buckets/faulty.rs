//! A proxy in front of a bucket server that breaks requests. What happens to a request depends on the seed, on the request and
//! on how often it was sent before, not on connections or timing, so a seed always gives the same faults.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// 500, and the server never sees the request.
    InternalError,
    /// 429, and the server never sees the request.
    TooManyRequests,
    /// 409 with the code of S3, and the server never sees the request.
    Conflict,
    /// The connection is closed, and the server never sees the request.
    Dropped,
    /// The server carries the request out, and the connection is closed without a response.
    ResponseLost,
    /// The server carries the request out, and half of the response arrives.
    ResponseCut,
    /// The server carries the request out, and the response is 500.
    DoneButInternalError,
}

/// Faults for a request, by its method, its target and how often it was sent before.
type Schedule = Box<dyn Fn(&str, &str, usize) -> Option<Fault> + Send + Sync>;

/// The proxy.
pub(super) struct Faulty {
    address: String,
    task: JoinHandle<()>,
}

impl Faulty {
    /// Every request fails once or twice in a row, in ways that follow from `seed`.
    pub(super) async fn seeded(server: String, seed: u64) -> Self {
        Self::start(
            server,
            Box::new(move |method, target, attempt| {
                const FAULTS: [Fault; 6] = [
                    Fault::InternalError,
                    Fault::TooManyRequests,
                    Fault::Dropped,
                    Fault::ResponseLost,
                    Fault::ResponseCut,
                    Fault::DoneButInternalError,
                ];
                let roll = |what: &str| {
                    let digest = etl::digest::sha256(format!("{seed} {method} {target} {what}"));
                    usize::from_str_radix(&digest[..8], 16).unwrap()
                };
                let times = roll("times") % 2 + 1;
                (attempt < times).then(|| FAULTS[roll(&attempt.to_string()) % FAULTS.len()])
            }),
        )
        .await
    }

    pub(super) async fn start(server: String, schedule: Schedule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new((server, schedule, Mutex::new(HashMap::<String, usize>::new())));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let (server, schedule, sent) = &*shared;
                    drop(serve(client, server, schedule, sent).await);
                });
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

/// Serves one request; every request has a connection of its own.
async fn serve(mut client: TcpStream, server: &str, schedule: &Schedule, sent: &Mutex<HashMap<String, usize>>) -> std::io::Result<()> {
    let Some(request) = message(&mut client).await? else { return Ok(()) };
    let head = String::from_utf8_lossy(&request[..request.len().min(4_096)]).into_owned();
    let mut words = head.split([' ', '\r']);
    let (method, target) = (words.next().unwrap_or_default(), stable(words.next().unwrap_or_default()));
    let attempt = {
        let mut sent = sent.lock().unwrap();
        let count = sent.entry(format!("{method} {target}")).or_default();
        *count += 1;
        *count - 1
    };
    let response = match schedule(method, &target, attempt) {
        None => forward(server, &request).await?,
        Some(Fault::InternalError) => error("500 Internal Server Error", "InternalError"),
        Some(Fault::TooManyRequests) => error("429 Too Many Requests", "SlowDown"),
        Some(Fault::Conflict) => error("409 Conflict", "ConditionalRequestConflict"),
        Some(Fault::Dropped) => return Ok(()),
        Some(Fault::ResponseLost) => return forward(server, &request).await.map(drop),
        Some(Fault::DoneButInternalError) => {
            forward(server, &request).await?;
            error("500 Internal Server Error", "InternalError")
        }
        Some(Fault::ResponseCut) => {
            let mut response = forward(server, &request).await?;
            response.truncate(response.len() / 2);
            response
        }
    };
    client.write_all(&response).await?;
    client.shutdown().await
}

/// The target without what differs from run to run: ids of lakes, pulls and uploads.
fn stable(target: &str) -> String {
    let is_id = |word: &&str| word.len() >= 12 && word.bytes().filter(u8::is_ascii_digit).count() >= 3 && !word.contains("date");
    target.split_inclusive(['/', '?', '&', '=', '.']).map(|word| if is_id(&word) { "*" } else { word }).collect()
}

/// A whole request: head and body. `None` if the client closes the connection first.
async fn message(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let (mut message, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(None);
        }
        message.extend_from_slice(&buffer[..read]);
        let Some(end) = message.windows(4).take(32 << 10).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&message[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |length| length.trim().parse().unwrap());
        while message.len() < end + 4 + length {
            let read = client.read(&mut buffer).await?;
            if read == 0 {
                return Ok(None);
            }
            message.extend_from_slice(&buffer[..read]);
        }
        return Ok(Some(message));
    }
}

/// Sends the request to the server and returns its response, after which the server closes the connection.
async fn forward(server: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server).await?;
    let line = request.windows(2).position(|two| two == b"\r\n").unwrap_or_default() + 2;
    upstream.write_all(&request[..line]).await?;
    upstream.write_all(b"connection: close\r\n").await?;
    upstream.write_all(&request[line..]).await?;
    let mut response = Vec::new();
    upstream.read_to_end(&mut response).await?;
    Ok(response)
}

fn error(status: &str, code: &str) -> Vec<u8> {
    let body = format!("<?xml version='1.0'?><Error><Code>{code}</Code></Error>");
    format!("HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}
