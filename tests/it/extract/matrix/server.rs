//! A small API with the same list in every way of paging, and one fault per cell.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::cell::{Cell, Fault, Paging, Place};

/// Records of the list of each partition, and on a page.
pub(super) const ROWS: usize = 7;
const PAGE: usize = 3;

/// One address of the API, and what happens there.
#[derive(Default)]
pub(super) struct Address {
    pub(super) cell: Option<Cell>,
    pub(super) requests: AtomicU32,
    faulty: AtomicU32,
}

impl Address {
    pub(super) fn of(cell: Option<Cell>) -> Self {
        Self { cell, ..Self::default() }
    }
}

/// What is asked for.
struct Asked {
    paging: Paging,
    partition: u64,
    /// The number of records before the page.
    start: usize,
    /// Empty pages that were sent in its place.
    empty: u32,
    url: Url,
}

impl Asked {
    fn of(url: Url) -> Self {
        let path: Vec<&str> = url.path_segments().unwrap().collect();
        let paging = Paging::ALL.into_iter().find(|paging| paging.name() == path[1]).unwrap();
        let partition = path[2].parse().unwrap();
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let number = |name: &str| query.get(name).and_then(|value| value.parse::<usize>().ok());
        let token: Vec<usize> = query.get("token").iter().flat_map(|token| token.split('-')).map(|part| part.parse().unwrap()).collect();
        let start = match paging {
            Paging::None => 0,
            Paging::Offset | Paging::OffsetNext => number("offset").unwrap_or(0),
            Paging::PageNumber | Paging::LinkHeader | Paging::NextUrl => (number("page").unwrap_or(1) - 1) * PAGE,
            Paging::Token => token.first().map_or(0, |page| (page - 1) * PAGE),
            Paging::KeySet => number("after").map_or(0, |last| last % 100),
        };
        let empty = number("empty").or(token.get(1).copied()).unwrap_or(0);
        Self { paging, partition, start, empty: u32::try_from(empty).unwrap(), url }
    }
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// The connection ends in the middle of it.
    is_cut: bool,
}

/// Starts the API; its address has one folder per member of `addresses`.
pub(super) async fn serve(addresses: Arc<Vec<Address>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let origin = base.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (addresses, origin) = (Arc::clone(&addresses), origin.clone());
            tokio::spawn(async move { answer(stream, &addresses, &origin).await });
        }
    });
    base
}

async fn answer(mut stream: TcpStream, addresses: &[Address], origin: &str) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut part = [0; 1024];
        match stream.read(&mut part).await {
            Ok(count) if count > 0 => head.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let url = Url::parse(&format!("{origin}{}", head.split(' ').nth(1).unwrap())).unwrap();
    let number: usize = url.path_segments().unwrap().next().unwrap().parse().unwrap();
    let address = &addresses[number];
    address.requests.fetch_add(1, Ordering::SeqCst);
    let asked = Asked::of(url);
    let fault = fault(address, &asked);
    if fault == Some(Fault::NoResponse) {
        // Until the client hangs up.
        let _ = tokio::time::timeout(Duration::from_secs(60), stream.read_u8()).await;
        return;
    }
    let reply = fault.and_then(failure).unwrap_or_else(|| page(&asked, fault));
    let Reply { status, headers, mut body, is_cut } = reply;
    if fault == Some(Fault::CutJson) {
        body.truncate(body.len() / 2);
    }
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let text = format!("HTTP/1.1 {status} X\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    let sent = if is_cut { text.len() - length / 2 } else { text.len() };
    let _ = stream.write_all(&text.as_bytes()[..sent]).await;
    let _ = stream.shutdown().await;
}

/// The fault of this request.
fn fault(address: &Address, asked: &Asked) -> Option<Fault> {
    let cell = address.cell?;
    let place = if asked.start == 0 { Place::First } else { Place::Later };
    let occurs = match cell.fault {
        Fault::PageCap => false,
        // The list stays shifted, from the page on where that happens.
        Fault::Doubled => cell.place == Place::First || place == Place::Later,
        Fault::PartitionMissing | Fault::PartitionClosed => asked.partition == 1 && place == cell.place,
        Fault::NoEndSignal if asked.paging.ends_by_empty_page() => asked.start >= ROWS,
        _ => place == cell.place,
    };
    (occurs && (cell.lasts || address.faulty.fetch_add(1, Ordering::SeqCst) < 2)).then_some(cell.fault)
}

/// The response of a fault that is not a page.
fn failure(fault: Fault) -> Option<Reply> {
    let refused = |status: u16, headers: &[(&'static str, &str)]| {
        let mut headers: Vec<(&'static str, String)> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        headers.push(("content-type", "application/json".to_owned()));
        Some(Reply { status, headers, body: r#"{"error":"refused"}"#.to_owned(), is_cut: false })
    };
    match fault {
        Fault::LimitedSeconds => refused(429, &[("retry-after", "0.02")]),
        Fault::LimitedDate => refused(429, &[("date", "Sun, 01 Mar 2026 12:00:00 GMT"), ("retry-after", "Sun, 01 Mar 2026 12:00:01 GMT")]),
        Fault::Limited => refused(429, &[]),
        Fault::QuotaUsedUp => refused(403, &[("x-ratelimit-remaining", "0")]),
        Fault::ServerError => refused(500, &[]),
        Fault::Missing | Fault::PartitionMissing => refused(404, &[]),
        Fault::Closed | Fault::PartitionClosed => refused(403, &[]),
        Fault::LoginPage => Some(Reply {
            status: 200,
            headers: vec![("content-type", "text/html".to_owned())],
            body: "<html><form action=\"/login\"></form></html>".to_owned(),
            is_cut: false,
        }),
        _ => None,
    }
}

/// The page, with a fault in its content at most.
fn page(asked: &Asked, fault: Option<Fault>) -> Reply {
    let (is_empty, is_silent) = (fault == Some(Fault::EmptyPage), fault == Some(Fault::NoEndSignal));
    let mut list: Vec<u64> = (1..).take(ROWS).map(|id| asked.partition * 100 + id).collect();
    let mut start = asked.start.min(list.len());
    if fault == Some(Fault::Doubled) {
        // Keys do not move with the list: the last row comes again.
        match asked.paging {
            Paging::KeySet if start > 0 => start -= 1,
            _ => list.insert(0, list[0]),
        }
    }
    if is_silent && asked.paging.ends_by_empty_page() {
        start = ROWS - 1;
    }
    let start = start.min(list.len());
    let end = if asked.paging == Paging::None { list.len() } else { (start + PAGE).min(list.len()) };
    let has_next = end < list.len() || is_empty;
    let rows: Vec<Value> = match is_empty {
        true => Vec::new(),
        false => list[start..end].iter().map(|id| json!({ "id": id, "title": format!("Row {id}") })).collect(),
    };
    // An empty page leads to the same rows under another mark.
    let (next, empty) = if is_empty { (start / PAGE + 1, asked.empty + 1) } else { (start / PAGE + 2, 0) };
    let mut url = asked.url.clone();
    url.query_pairs_mut().clear().append_pair("limit", "3").append_pair("page", &next.to_string()).append_pair("empty", &empty.to_string());
    let mut headers = vec![("content-type", "application/json".to_owned())];
    let mut body = json!({ "rows": rows });
    if fault == Some(Fault::WrongType) {
        body["rows"] = json!({ "id": 1 });
    }
    match asked.paging {
        _ if is_silent => {}
        Paging::None | Paging::Offset | Paging::KeySet => {}
        Paging::PageNumber => body["total"] = json!(list.len()),
        Paging::OffsetNext => body["next"] = if has_next { json!(format!("offset={end}")) } else { Value::Null },
        Paging::NextUrl => body["next"] = if has_next { json!(url.as_str()) } else { Value::Null },
        Paging::Token => body["next"] = if has_next { json!(format!("{next}-{empty}")) } else { Value::Null },
        Paging::LinkHeader => {
            let rel = if has_next { "next" } else { "first" };
            headers.push(("link", format!("<{url}>; rel=\"{rel}\"")));
        }
    }
    Reply { status: 200, headers, body: body.to_string(), is_cut: fault == Some(Fault::ResetMidBody) }
}
