//! Counts what passes between this process and a bucket, and says which failures of the wire are worth another attempt.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use object_store::{
    ClientOptions,
    client::{HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService, ReqwestConnector},
};

/// What has passed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// HTTP requests, repeated ones included.
    pub requests: u64,
    /// Bytes of bodies received.
    pub down: u64,
    /// Bytes of bodies sent.
    pub up: u64,
}

/// Counts for all connections of one bucket.
#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: AtomicU64,
    down: AtomicU64,
    up: AtomicU64,
}

impl Meter {
    pub(super) fn read(&self) -> Traffic {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Traffic { requests: read(&self.requests), down: read(&self.down), up: read(&self.up) }
    }
}

/// Makes connections that count.
#[derive(Debug)]
pub(super) struct Counting(pub(super) Arc<Meter>);

impl HttpConnector for Counting {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Counted { client, meter: Arc::clone(&self.0) }))
    }
}

#[derive(Debug)]
struct Counted {
    client: HttpClient,
    meter: Arc<Meter>,
}

impl Counted {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.meter.requests.fetch_add(1, Ordering::Relaxed);
        self.meter.up.fetch_add(request.body().content_length() as u64, Ordering::Relaxed);
        let answer = self.client.execute(request).await.map_err(repeatable)?;
        let length = answer.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if let Some(length) = length {
            self.meter.down.fetch_add(length, Ordering::Relaxed);
            return Ok(answer);
        }
        // Listings and errors come without a length, and are small.
        let (head, body) = answer.into_parts();
        let bytes = body.bytes().await.map_err(repeatable)?;
        self.meter.down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(HttpResponse::from_parts(head, HttpResponseBody::from(bytes)))
    }
}

/// `object_store` repeats a request whose answer was lost only if it changes nothing. Ours never do harm twice: objects are
/// only created, never replaced, and who finds one already there looks whether it is his.
fn repeatable(error: HttpError) -> HttpError {
    match error.kind() {
        HttpErrorKind::Timeout | HttpErrorKind::Interrupted | HttpErrorKind::Unknown => HttpError::new(HttpErrorKind::Request, error),
        _ => error,
    }
}

impl HttpService for Counted {
    fn call<'s, 'f>(&'s self, request: HttpRequest) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.answer(request))
    }
}
