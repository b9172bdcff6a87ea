//! End to end: over real connections, with a client that shows what really came over the wire.

mod bugzilla;
mod faults;
mod products;
mod recorded;
mod seeded;
mod testrail;

use std::{io, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

/// An answer as it came.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    fn json(&self) -> Value {
        // Half surrogate pairs, which some records have, are no text for serde_json.
        let text = String::from_utf8(self.body.clone()).unwrap().replace("\\ud83d\"", "\"");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn array(&self, name: &str) -> Vec<Value> {
        self.json()[name].as_array().unwrap_or_else(|| panic!("no `{name}` in {}", self.json())).clone()
    }

    fn ids(&self, name: &str) -> Vec<u64> {
        self.array(name).iter().map(|record| record["id"].as_u64().unwrap()).collect()
    }
}

/// A simulator of the demo without duplicates.
async fn demo() -> Simulator {
    started(Options { duplicates: false, ..Options::default() }).await
}

async fn started(options: Options) -> Simulator {
    Simulator::start(World::seeded(1, Scale::demo()), options).await.unwrap()
}

fn date(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, month, day).unwrap()
}

/// Sends a GET over a connection of its own and reads until it is closed.
async fn get_with(url: &str, header: &str) -> io::Result<Reply> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    let mut reply = Reply { status, head, body: bytes[end + 4..].to_vec() };
    if reply.header("transfer-encoding").is_some() {
        reply.body = unchunked(&reply.body)?;
    } else if reply.header("content-length").is_some_and(|length| length != reply.body.len().to_string()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(reply)
}

fn unchunked(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|part| part == b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&bytes[end + 2..][..size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
}

/// A TestRail call such as `get_plans/17&limit=5`.
async fn testrail(simulator: &Simulator, call: &str) -> Reply {
    try_testrail(simulator, call).await.unwrap()
}

async fn try_testrail(simulator: &Simulator, call: &str) -> io::Result<Reply> {
    let basic = BASE64_STANDARD.encode(format!("{TESTRAIL_USER}:{TESTRAIL_PASSWORD}"));
    let url = format!("{}/index.php?/api/v2/{call}", simulator.testrail_url());
    get_with(&url, &format!("Authorization: Basic {basic}\r\n")).await
}

/// A Bugzilla call such as `bug?id=1`.
async fn bugzilla(simulator: &Simulator, call: &str) -> Reply {
    let url = format!("{}/{call}", simulator.bugzilla_url());
    get_with(&url, &format!("X-BUGZILLA-API-KEY: {BUGZILLA_KEY}\r\n")).await.unwrap()
}

/// All records of a TestRail list, page by page as `_links.next` says.
async fn all(simulator: &Simulator, call: &str, name: &str) -> Vec<Value> {
    let mut records = Vec::new();
    let mut next = Some(call.to_owned());
    while let Some(call) = next {
        let page = testrail(simulator, &call).await;
        records.extend(page.array(name));
        next = page.json()["_links"]["next"].as_str().map(|link| link.strip_prefix("/api/v2/").unwrap().to_owned());
    }
    records
}

#[tokio::test]
async fn requests_are_logged_without_header_values() {
    let simulator = demo().await;
    testrail(&simulator, "get_projects&limit=1").await;
    get_with(&format!("{}/bug?id=1", simulator.bugzilla_url()), "").await.unwrap();
    let log = simulator.requests();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].target, "/testrail/index.php?/api/v2/get_projects&limit=1");
    assert_eq!((log[0].method.as_str(), log[0].status, log[0].faulty), ("GET", Some(200), false));
    assert!(log[0].has_header("authorization") && !log[1].has_header("x-bugzilla-api-key"));
    assert!(!format!("{log:?}").contains("Basic "));
}

#[tokio::test]
async fn dropping_closes_the_port_and_open_connections() {
    let simulator = demo().await;
    let address = simulator.address;
    let mut idle = TcpStream::connect(address).await.unwrap();
    testrail(&simulator, "get_projects").await;
    simulator.shutdown();
    let closed = tokio::time::timeout(Duration::from_secs(5), async {
        let _ = idle.read_u8().await;
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    closed.await.expect("the port is still open");
}

#[tokio::test(flavor = "current_thread")]
async fn a_caller_that_blocks_its_only_thread_is_served() {
    use std::io::{Read, Write};
    let simulator = demo().await;
    let mut stream = std::net::TcpStream::connect(simulator.address).unwrap();
    stream.write_all(b"GET /bugzilla/rest/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
}

#[tokio::test]
async fn latency_holds_for_every_answer() {
    let simulator = started(Options { latency: Duration::from_millis(60), ..Options::default() }).await;
    let start = std::time::Instant::now();
    bugzilla(&simulator, "version").await;
    assert!(start.elapsed() >= Duration::from_millis(60));
}
