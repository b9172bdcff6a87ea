//! The HTTP server: from a request to an answer, and the answer onto the wire as the fault wants it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};

use super::{
    Options, Received,
    answer::Answer,
    apis,
    bigquery::{self, BigQuery},
    bugzilla,
    connection::{Acceptor, Reset},
    desk::Desk,
    fault::{Delivery, FaultKind, Script},
    rate::{self, Meter},
    slack::{self, SlackMessage},
    testrail,
    world::{Kind, Today, World},
};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    world: World,
    options: Options,
    /// The simulated day, counted from the world's first.
    pub(super) day: AtomicI64,
    pub(super) script: Mutex<Script>,
    pub(super) received: Mutex<Vec<Received>>,
    pub(super) slack: Mutex<Vec<SlackMessage>>,
    pub(super) bigquery: Mutex<BigQuery>,
    /// What clients have written.
    pub(super) desk: Mutex<Desk>,
    testrail_meter: Option<Mutex<Meter>>,
    bugzilla_meter: Option<Mutex<Meter>>,
}

/// Locks although another thread may have panicked: what is guarded here is whole after each statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(world: World, options: Options, day: i64) -> Self {
        let meter = |limit| Mutex::new(Meter::new(limit, Instant::now()));
        Self {
            world,
            day: AtomicI64::new(day),
            script: Mutex::default(),
            received: Mutex::default(),
            slack: Mutex::default(),
            bigquery: Mutex::default(),
            desk: Mutex::default(),
            testrail_meter: options.testrail_rate_limit.map(meter),
            bugzilla_meter: options.bugzilla_rate_limit.map(meter),
            options,
        }
    }
}

impl Shared {
    /// The seeded world as it is now.
    pub(super) fn today(&self) -> Option<Today<'_>> {
        match &self.world.0 {
            Kind::Seeded(world) => Some(Today { world, day: self.day.load(Ordering::Acquire) }),
            Kind::Recorded(_) => None,
        }
    }
}

/// Serves until the runtime is shut down.
pub(super) async fn serve(acceptor: Acceptor, shared: Arc<Shared>) {
    let router = Router::new().fallback(handle).with_state(shared);
    // Never returns: accepting goes on after errors.
    let _ = axum::serve(acceptor, router.into_make_service_with_connect_info::<Reset>()).await;
}

async fn handle(State(shared): State<Arc<Shared>>, ConnectInfo(reset): ConnectInfo<Reset>, request: Request) -> Response {
    let target = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let fault = lock(&shared.script).due(&target);
    let number = {
        let mut received = lock(&shared.received);
        let names = request.headers().keys().map(|name| name.as_str().to_owned()).collect();
        received.push(Received {
            method: request.method().to_string(),
            target: target.clone(),
            status: None,
            header_names: names,
            faulty: fault.is_some(),
        });
        received.len() - 1
    };
    let latency = shared.options.latency + fault.as_ref().map_or(Duration::ZERO, FaultKind::latency);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let of_bugzilla = request.uri().path().starts_with("/bugzilla/");
    let (request, posted) = request.into_parts();
    let Ok(posted) = axum::body::to_bytes(posted, LARGEST_POST).await else {
        return respond(Answer::json(413, r#"{"error":"the body is too large"}"#), &Delivery::Whole);
    };
    let answer = answer(&shared, &request, &posted, fault.as_ref(), of_bugzilla);
    let (answer, delivery) = match fault {
        Some(fault) => (fault.spoil(answer, of_bugzilla), fault.delivery()),
        None => (answer, Delivery::Whole),
    };
    if delivery == Delivery::ResetBefore {
        reset.arm();
    } else if let Some(received) = lock(&shared.received).get_mut(number) {
        received.status = Some(answer.status);
    }
    respond(answer, &delivery)
}

/// Bytes of a posted body that are read.
const LARGEST_POST: usize = 1 << 20;

fn answer(shared: &Shared, request: &Parts, posted: &[u8], fault: Option<&FaultKind>, of_bugzilla: bool) -> Answer {
    let asked = apis::Asked {
        kind: &shared.world.0,
        day: shared.day.load(Ordering::Acquire),
        method: &request.method,
        host: text(&request.headers, "host").unwrap_or_default(),
        path: request.uri.path(),
        query: request.uri.query().unwrap_or_default(),
        authorization: text(&request.headers, "authorization"),
        body: posted,
        content_type: text(&request.headers, "content-type"),
        nocheck: text(&request.headers, "x-atlassian-token").is_some_and(|value| matches!(value, "nocheck" | "no-check")),
        desk: &shared.desk,
    };
    if let Some(path) = asked.path.strip_prefix("/slack/") {
        let content_type = text(&request.headers, "content-type");
        let spoilt = matches!(fault, Some(FaultKind::Status { .. }));
        let call = slack::Call { method: asked.method, path, authorization: asked.authorization, content_type, body: posted, spoilt };
        return slack::answer(&call, &mut lock(&shared.slack));
    }
    if let Some(path) = asked.path.strip_prefix("/bigquery/") {
        let audience = format!("http://{}/bigquery/token", asked.host);
        let call = bigquery::Call { method: asked.method, path, authorization: asked.authorization, body: posted, audience: &audience };
        return bigquery::answer(&call, &mut lock(&shared.bigquery));
    }
    if let Some(answer) = apis::answer(&asked) {
        return answer;
    }
    let meter = if of_bugzilla { &shared.bugzilla_meter } else { &shared.testrail_meter };
    if let Some((excess, wait)) = meter.as_ref().and_then(|meter| lock(meter).exceeded(Instant::now())) {
        return rate::answer(of_bugzilla, excess, wait);
    }
    if request.method != Method::GET {
        return Answer::json(405, r#"{"error":"only GET is simulated"}"#);
    }
    let apis::Asked { kind, day, path, query, authorization, .. } = asked;
    let paging = fault.map(FaultKind::paging).unwrap_or_default();
    if path == "/testrail/index.php" {
        let duplicates = shared.options.duplicates;
        return testrail::answer(&testrail::Call { kind, day, query, authorization, duplicates, paging });
    }
    if let Some(path) = path.strip_prefix("/bugzilla/rest/") {
        let key = text(&request.headers, "x-bugzilla-api-key");
        return bugzilla::answer(&bugzilla::Call { kind, day, path, query, key, paging });
    }
    Answer::html(404, "<html><body><h1>Not Found</h1></body></html>")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn respond(answer: Answer, delivery: &Delivery) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, answer.content_type);
    if let Some(value) = answer.retry_after {
        response = response.header(header::RETRY_AFTER, value);
    }
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = Bytes::from(answer.body);
    let body = match *delivery {
        Delivery::Whole | Delivery::ResetBefore => Body::from(body),
        Delivery::ResetMidBody => {
            response = response.header(header::CONTENT_LENGTH, body.len());
            Body::from_stream(broken(body))
        }
        Delivery::Slow { bytes, every } => Body::from_stream(dribble(body, bytes, every)),
        Delivery::Padded { to } => Body::from_stream(padded(body, to)),
    };
    // The parts are a known status, constant headers and digits: nothing that the builder refuses.
    response.body(body).unwrap_or_default()
}

type Part = Result<Bytes, std::io::Error>;

/// Half of the body, then an error, on which the server closes the connection.
fn broken(body: Bytes) -> impl Stream<Item = Part> {
    let half = body.slice(..body.len() / 2);
    stream::iter([Ok(half)]).chain(stream::once(async {
        // The first half has to be on its way before the connection closes.
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(std::io::ErrorKind::ConnectionReset.into())
    }))
}

fn dribble(body: Bytes, bytes: usize, every: Duration) -> impl Stream<Item = Part> {
    stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(every).await;
        let part = rest.split_to(bytes.min(rest.len()));
        Some((Ok(part), rest))
    })
}

/// The body and blanks after it, which are made as they are sent.
fn padded(body: Bytes, to: u64) -> impl Stream<Item = Part> {
    const BLANKS: &[u8] = &[b' '; 16 * 1024];
    let missing = to.saturating_sub(body.len() as u64);
    let blanks = stream::unfold(missing, |missing| async move {
        let part = (BLANKS.len() as u64).min(missing);
        (part > 0).then(|| (Ok(Bytes::from_static(&BLANKS[..part as usize])), missing - part))
    });
    stream::iter([Ok(body)]).chain(blanks)
}
