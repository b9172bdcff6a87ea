//! A lake in a bucket: the connection, what this process created there, and the mirror on this disk.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::StreamExt;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder, prefix::PrefixStore,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    endpoint::{self, GoogleAuth},
    folder::Folder,
    local::Wanted,
    location::Provider,
    mirror::{Mirror, Pin},
    refused,
    store::{Backend, Lake, Object, object_path},
    traffic::{Counting, Meter, Traffic},
};
use crate::{
    clock::Clock,
    digest::Sha256,
    error::{Error, Kind, OrFail, Result},
    settings::Settings,
};

/// Uploads at once: each holds some parts in memory.
const UPLOADS_AT_ONCE: usize = 8;

/// The bucket behind a lake.
pub(super) struct Bucket {
    provider: Provider,
    name: String,
    store: Arc<dyn ObjectStore>,
    mirror: Mirror,
    meter: Arc<Meter>,
    clock: Clock,
    /// What this process created, by path: a listing may lag behind.
    own: Mutex<BTreeMap<String, Object>>,
    uploads: Semaphore,
}

impl Bucket {
    /// The backend for a bucket; offline it is its mirror alone.
    pub(super) fn backend(settings: &Settings, provider: Provider, name: &str, prefix: &str) -> Result<Backend> {
        let endpoint = endpoint::chosen(provider, &settings.env)?;
        let place = endpoint.as_ref().map(|endpoint| format!("/{}", endpoint.host())).unwrap_or_default();
        let key = format!("{}{place}/{name}/{prefix}", provider.scheme());
        let mirror = Mirror::new(&settings.mirror.folder, key.trim_end_matches('/'), settings.mirror.limit);
        if settings.offline {
            return Ok(Backend::Folder(Folder::mirror_of_a_bucket(mirror.folder().to_owned())));
        }
        let meter = Arc::new(Meter::default());
        let store = connect(settings, provider, name, endpoint.as_ref(), &meter)
            .map_err(|error| error.within(format!("lake `{}`: the {provider} bucket cannot be used", settings.lake)))?;
        let store = if prefix.is_empty() { store } else { Arc::new(PrefixStore::new(store, prefix)) };
        let (own, uploads) = (Mutex::default(), Semaphore::new(UPLOADS_AT_ONCE));
        Ok(Backend::Bucket(Box::new(Self { provider, name: name.to_owned(), store, mirror, meter, clock: settings.clock.clone(), own, uploads })))
    }

    pub(super) fn provider(&self) -> Provider {
        self.provider
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The time by the clock of this run, which names what it writes.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    pub(super) fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.meter.read()
    }

    /// Waits until an upload may begin.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.uploads.acquire().await.ok()
    }

    /// Notes an object that this process created.
    pub(super) fn created(&self, path: &str, bytes: u64) {
        let object = Object { path: path.to_owned(), bytes, modified: Clock::system().now() };
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), object);
    }

    /// What this process created, in order.
    pub(super) fn own(&self) -> Vec<Object> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Notes that an object is removed.
    pub(super) fn forget(&self, path: &str) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        self.mirror.remove(path);
    }

    /// Brings an object into the mirror, unless it is there.
    pub(super) async fn fetch(&self, lake: &Lake, object: &Wanted) -> Result<Pin> {
        // A second round only if another process evicts the file in the moment between its arrival and its use.
        for _ in 0..3 {
            if let Some(pin) = self.mirror.take(&object.path, object.bytes) {
                return Ok(pin);
            }
            self.download(lake, object).await?;
        }
        Err(Error::new(Kind::Io, format!("`{}` does not stay in the mirror `{}`", object.path, self.mirror.folder().display()))
            .hint("raise `[mirror] limit` in etl.toml, and check that the folder can be written"))
    }

    async fn download(&self, lake: &Lake, object: &Wanted) -> Result<()> {
        let found = match self.store.get(&object_path(&object.path)?).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Err(lake.missing(&object.path)),
            Err(error) => return Err(lake.failed("read", &object.path, error)),
        };
        let mut incoming = self.mirror.incoming()?;
        let (mut digest, mut bytes) = (Sha256::new(), 0_u64);
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| lake.failed("read", &object.path, error))?;
            digest.update(&piece);
            bytes += piece.len() as u64;
            incoming.write(&piece)?;
        }
        let other = |what: String| {
            Err(Error::new(Kind::Lake, format!("`{}` in the lake `{}` is not what was written: {what}", object.path, lake.location()))
                .hint("somebody else changed or damaged the object; restore it from the bucket's versions, or pull again"))
        };
        if let Some(expected) = object.bytes.filter(|expected| *expected != bytes) {
            return other(format!("it has {bytes} bytes, not {expected}"));
        }
        if let Some(expected) = &object.sha256 {
            let found = digest.finish();
            if found != *expected {
                return other(format!("its SHA-256 is {found}, not {expected}"));
            }
        }
        self.mirror.adopt(incoming, &object.path, bytes)
    }
}

/// A bucket without a mirror, for what is no lake.
pub(super) fn alone(settings: &Settings, provider: Provider, name: &str, prefix: &str) -> Result<Arc<dyn ObjectStore>> {
    let endpoint = endpoint::chosen(provider, &settings.env)?;
    let store = connect(settings, provider, name, endpoint.as_ref(), &Arc::default())?;
    Ok(if prefix.is_empty() { store } else { Arc::new(PrefixStore::new(store, prefix)) })
}

fn connect(
    settings: &Settings,
    provider: Provider,
    name: &str,
    endpoint: Option<&endpoint::Endpoint>,
    meter: &Arc<Meter>,
) -> Result<Arc<dyn ObjectStore>> {
    let env = &settings.env;
    // A slow line may take its time for a part, but not without any progress.
    let options = ClientOptions::new()
        .with_allow_http(endpoint.is_some_and(endpoint::Endpoint::is_plain))
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(10))
        .with_read_timeout(Duration::from_secs(120));
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(15), base: 2.0 },
        max_retries: 8,
        retry_timeout: Duration::from_secs(120),
    };
    Ok(match provider {
        Provider::Google => {
            let base = endpoint.map_or("https://storage.googleapis.com", endpoint::Endpoint::url);
            let builder = GoogleCloudStorageBuilder::new().with_bucket_name(name).with_base_url(base).with_retry(retry).with_client_options(options);
            let builder = match endpoint::google_auth(env)? {
                Some(GoogleAuth::ServiceAccount(key)) => builder.with_service_account_key(key.expose()),
                Some(GoogleAuth::File(path)) => builder.with_application_credentials(path),
                // An emulator takes any; without one the library would look for a machine of Google's.
                None if endpoint.is_some() => builder.with_bearer_token("emulator"),
                None => builder,
            };
            client(provider, builder.with_http_connector(Counting(Arc::clone(meter))).build())?
        }
        Provider::Amazon => {
            let mut builder = AmazonS3Builder::new();
            for (variable, value) in env.starting_with("AWS_") {
                if let Ok(key) = variable.to_ascii_lowercase().parse() {
                    builder = builder.with_config(key, value);
                }
            }
            let has_region = env.get("AWS_REGION").or(env.get("AWS_DEFAULT_REGION")).is_some();
            let builder = if has_region { builder } else { builder.with_region("us-east-1") };
            // A server that knows no conditional completion may name its own way by this variable.
            let own_way = env.get("AWS_COPY_IF_NOT_EXISTS").is_some();
            let builder = if own_way { builder } else { builder.with_copy_if_not_exists(object_store::aws::S3CopyIfNotExists::Multipart) };
            let builder = builder
                .with_bucket_name(name)
                .with_conditional_put(object_store::aws::S3ConditionalPut::ETagMatch)
                .with_retry(retry)
                .with_client_options(options);
            client(provider, builder.with_http_connector(Counting(Arc::clone(meter))).build())?
        }
        Provider::Azure => {
            let mut builder = MicrosoftAzureBuilder::new();
            for (variable, value) in env.starting_with("AZURE_") {
                if let Ok(key) = variable.to_ascii_lowercase().parse() {
                    builder = builder.with_config(key, value);
                }
            }
            let builder = builder.with_container_name(name).with_retry(retry).with_client_options(options);
            client(provider, builder.with_http_connector(Counting(Arc::clone(meter))).build())?
        }
    })
}

fn client(provider: Provider, built: object_store::Result<impl ObjectStore>) -> Result<Arc<dyn ObjectStore>> {
    let built = built.or_fail(Kind::Config, || format!("the environment's settings for {provider} do not fit"));
    Ok(Arc::new(built.map_err(|error| error.hint(format!("check {}", refused::credentials(provider))))?))
}
