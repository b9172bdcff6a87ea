//! Google Cloud Storage in miniature: what its XML API says of objects, conditions, multipart uploads, copies and listings.
//! Its listings may lag, which the real one's do not, and other stores' do.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;

/// The one bucket.
const BUCKET: &str = "lake";

/// Objects of one page of a listing for the tests: few, so that every listing has several pages.
const PAGE: usize = 5;

/// A running server.
pub(crate) struct Google {
    address: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    page: usize,
    objects: Mutex<BTreeMap<String, Object>>,
    uploads: Mutex<HashMap<String, BTreeMap<u32, Bytes>>>,
    /// How long a new object is missing from listings.
    lag: Mutex<Duration>,
    /// Whether every request is refused.
    forbidden: Mutex<bool>,
    /// What its clock shows, if not the time.
    now: Mutex<Option<DateTime<Utc>>>,
    requests: Mutex<Vec<Request>>,
}

/// A request as `METHOD path?query`, the bytes that came with it, and those of the answer.
pub(crate) type Request = (String, u64, u64);

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    generation: u64,
    created: DateTime<Utc>,
    at: Instant,
}

impl Google {
    pub(crate) async fn start() -> Self {
        Self::with_pages_of(PAGE).await
    }

    /// Like the real one, whose pages have a thousand entries.
    pub(crate) async fn with_pages_of(page: usize) -> Self {
        let shared = Arc::new(Shared {
            page,
            objects: Mutex::default(),
            uploads: Mutex::default(),
            lag: Mutex::default(),
            forbidden: Mutex::default(),
            now: Mutex::default(),
            requests: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(answer).layer(axum::extract::DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn lag(&self, lag: Duration) {
        *self.shared.lag.lock().unwrap() = lag;
    }

    /// Stops its clock at this time.
    pub(crate) fn at(&self, now: DateTime<Utc>) {
        *self.shared.now.lock().unwrap() = Some(now);
    }

    pub(crate) fn forbid(&self, forbidden: bool) {
        *self.shared.forbidden.lock().unwrap() = forbidden;
    }

    /// Changes the bytes of an object behind everybody's back.
    pub(crate) fn damage(&self, name: &str) {
        let mut objects = self.shared.objects.lock().unwrap();
        let (_, object) = objects.iter_mut().find(|(path, _)| path.ends_with(name)).unwrap();
        let mut bytes = object.bytes.to_vec();
        bytes[0] ^= 1;
        object.bytes = bytes.into();
    }

    /// Requests since the last call, as `METHOD path?query`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.exchanged().into_iter().map(|(line, ..)| line).collect()
    }

    /// The same with their bytes.
    pub(crate) fn exchanged(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let (line, up) = (format!("{method} {uri}"), body.len() as u64);
    let response = answered(&shared, &method, &uri, &headers, body);
    let down = response.body().size_hint().exact().unwrap_or(0);
    shared.requests.lock().unwrap().push((line, up, down));
    response
}

fn answered(shared: &Shared, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Response {
    if *shared.forbidden.lock().unwrap() {
        return error(StatusCode::FORBIDDEN, "AccessDenied");
    }
    let path = decoded(uri.path().trim_start_matches('/'));
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    if bucket != BUCKET {
        return error(StatusCode::NOT_FOUND, "NoSuchBucket");
    }
    let query: HashMap<String, String> = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    match (method.as_str(), query.get("uploadId")) {
        ("GET", None) if key.is_empty() => shared.list(&query),
        ("GET" | "HEAD", None) => shared.read(key, headers, *method == Method::HEAD),
        ("PUT", Some(upload)) => {
            let part = query["partNumber"].parse().unwrap();
            shared.uploads.lock().unwrap().get_mut(upload).unwrap().insert(part, body);
            empty().header("etag", format!("\"part-{part}\"")).body(Body::empty()).unwrap()
        }
        ("PUT", None) => match headers.get("x-goog-copy-source") {
            None => shared.write(key, headers, body),
            Some(source) => {
                let source = decoded(source.to_str().unwrap());
                let found = shared.objects.lock().unwrap().get(source.strip_prefix("lake/").unwrap()).cloned();
                found.map_or_else(|| error(StatusCode::NOT_FOUND, "NoSuchKey"), |found| shared.write(key, headers, found.bytes))
            }
        },
        ("POST", None) => {
            let upload = uuid::Uuid::now_v7().to_string();
            shared.uploads.lock().unwrap().insert(upload.clone(), BTreeMap::new());
            xml(format!(
                "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            ))
        }
        ("POST", Some(upload)) => {
            let Some(parts) = shared.uploads.lock().unwrap().remove(upload) else { return error(StatusCode::NOT_FOUND, "NoSuchUpload") };
            shared.write(key, headers, parts.into_values().flatten().collect());
            xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>".to_owned())
        }
        ("DELETE", Some(upload)) => {
            shared.uploads.lock().unwrap().remove(upload);
            status(StatusCode::NO_CONTENT)
        }
        ("DELETE", None) => match shared.objects.lock().unwrap().remove(key) {
            Some(_) => status(StatusCode::NO_CONTENT),
            None => error(StatusCode::NOT_FOUND, "NoSuchKey"),
        },
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
    }
}

impl Shared {
    fn write(&self, key: &str, headers: &HeaderMap, bytes: Bytes) -> Response {
        let mut objects = self.objects.lock().unwrap();
        let generation = objects.get(key).map_or(0, |former| former.generation);
        let wanted = headers.get("x-goog-if-generation-match").and_then(|wanted| wanted.to_str().ok());
        if wanted.is_some_and(|wanted| wanted != generation.to_string()) {
            return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let generation = generation + 1;
        let created = self.now.lock().unwrap().unwrap_or_else(|| etl::clock::Clock::system().now());
        objects.insert(key.to_owned(), Object { bytes, generation, created, at: Instant::now() });
        empty().header("etag", format!("\"{generation}\"")).header("x-goog-generation", generation).body(Body::empty()).unwrap()
    }

    fn read(&self, key: &str, headers: &HeaderMap, head: bool) -> Response {
        let Some(object) = self.objects.lock().unwrap().get(key).cloned() else { return error(StatusCode::NOT_FOUND, "NoSuchKey") };
        let size = object.bytes.len();
        let response = Response::builder()
            .header("etag", format!("\"{}\"", object.generation))
            .header("x-goog-generation", object.generation)
            .header("last-modified", object.created.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        if head {
            return response.header("content-length", size).body(Body::empty()).unwrap();
        }
        let range = headers.get("range").map(|range| range.to_str().unwrap().trim_start_matches("bytes=").to_owned());
        let Some((from, to)) = range.as_deref().and_then(|range| range.split_once('-')) else {
            return response.body(Body::from(object.bytes)).unwrap();
        };
        let (from, to): (usize, usize) = match (from.parse(), to.parse::<usize>()) {
            (Ok(from), Ok(to)) => (from, (to + 1).min(size)),
            (Ok(from), Err(_)) => (from, size),
            (Err(_), Ok(last)) => (size.saturating_sub(last), size),
            _ => return error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
        };
        if from >= size {
            return error(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
        }
        let response = response.status(StatusCode::PARTIAL_CONTENT).header("content-range", format!("bytes {from}-{}/{size}", to - 1));
        response.body(Body::from(object.bytes.slice(from..to))).unwrap()
    }

    fn list(&self, query: &HashMap<String, String>) -> Response {
        let of = |name: &str| query.get(name).map_or("", String::as_str);
        let (prefix, delimiter) = (of("prefix"), of("delimiter"));
        let after = of("continuation-token").max(of("start-after"));
        let lag = *self.lag.lock().unwrap();
        let mut folders = BTreeSet::new();
        let (mut text, mut number, mut last, mut more) = (String::new(), 0, String::new(), false);
        for (key, object) in self.objects.lock().unwrap().iter() {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            if key.as_str() <= after || object.at.elapsed() < lag {
                continue;
            }
            let folder = rest.split_once(delimiter).filter(|_| !delimiter.is_empty()).map(|(folder, _)| format!("{prefix}{folder}{delimiter}"));
            if folder.as_ref().is_some_and(|folder| folders.contains(folder) || folder.as_str() <= after) {
                last.clone_from(key);
                continue;
            }
            if number == self.page {
                more = true;
                break;
            }
            number += 1;
            last.clone_from(key);
            match folder {
                Some(folder) => drop(folders.insert(folder)),
                None => {
                    let (time, size) = (object.created.format("%Y-%m-%dT%H:%M:%S%.3fZ"), object.bytes.len());
                    write!(
                        text,
                        "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>{time}</LastModified><ETag>\"{}\"</ETag></Contents>",
                        object.generation
                    )
                    .unwrap();
                }
            }
        }
        for folder in &folders {
            write!(text, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>").unwrap();
        }
        if more {
            write!(text, "<NextContinuationToken>{last}</NextContinuationToken>").unwrap();
        }
        xml(format!("<ListBucketResult><Name>{BUCKET}</Name><Prefix>{prefix}</Prefix>{text}</ListBucketResult>"))
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        match (first, others) {
            (b'%', [high, low, after @ ..]) => {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&[*high, *low]).unwrap(), 16).unwrap());
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn empty() -> axum::http::response::Builder {
    Response::builder().header("content-length", 0)
}

fn status(status: StatusCode) -> Response {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

fn xml(text: String) -> Response {
    Response::builder().header("content-type", "application/xml").body(Body::from(format!("<?xml version='1.0' encoding='UTF-8'?>{text}"))).unwrap()
}

fn error(status: StatusCode, code: &str) -> Response {
    Response::builder().status(status).body(Body::from(format!("<?xml version='1.0'?><Error><Code>{code}</Code></Error>"))).unwrap()
}
