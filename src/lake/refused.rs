//! What a bucket's refusal means, and what can be done about it.

use std::{error::Error as StdError, time::SystemTime};

use chrono::{DateTime, Utc};

use super::location::Provider;
use crate::error::{Error, Kind};

/// Whether there is no such bucket, as opposed to no such object.
pub(super) fn is_missing_bucket(error: &object_store::Error) -> bool {
    let text = chain(error);
    ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"].iter().any(|sign| text.contains(sign))
}

/// Whether the store refused the request, so that it neither had an effect nor can succeed when repeated.
pub(super) fn is_final(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    let refused = matches!(
        error,
        E::PermissionDenied { .. } | E::Unauthenticated { .. } | E::NotSupported { .. } | E::NotImplemented { .. } | E::InvalidPath { .. }
    );
    refused || is_missing_bucket(error) || is_wrong_region(&chain(error))
}

/// Whether the response was cut off in its body.
pub(super) fn is_cut(error: &object_store::Error) -> bool {
    chain(error).contains("response body")
}

/// The failure of `what` (`read`, `write`, `list`, `look at`, `remove`) as an error of ours. `mirrored` says since when the
/// mirror can stand in.
pub(super) fn error(
    provider: Provider,
    bucket: &str,
    what: &str,
    message: String,
    source: object_store::Error,
    mirrored: Option<SystemTime>,
) -> Error {
    let text = chain(&source);
    let (kind, hint) = if is_missing_bucket(&source) {
        let made = match provider {
            Provider::Google => format!("`gcloud storage buckets create gs://{bucket}`"),
            Provider::Amazon => format!("`aws s3 mb s3://{bucket}`"),
            Provider::Azure => format!("`az storage container create --name {bucket}`"),
        };
        (Kind::Config, format!("there is no bucket `{bucket}`, or not there: correct the lake's location or endpoint, or make it with {made}"))
    } else if matches!(source, object_store::Error::Unauthenticated { .. }) || is_not_accepted(&text) {
        (Kind::Unauthorized, format!("the credentials are not accepted: check {}", credentials(provider)))
    } else if matches!(source, object_store::Error::PermissionDenied { .. }) || text.contains(" 403 ") {
        (Kind::Unauthorized, format!("these credentials may not {what} there: they need {}", permission(provider, what)))
    } else if is_wrong_region(&text) {
        (Kind::Config, "the bucket is in another region: set `AWS_REGION` to the bucket's".to_owned())
    } else if ["metadata.google.internal", "169.254.169.254", "169.254.170.2"].iter().any(|host| text.contains(host)) {
        (Kind::Unauthorized, format!("there are no credentials: set {}", credentials(provider)))
    } else if is_unreachable(&text) {
        let since = mirrored.map(|at| DateTime::<Utc>::from(at).format("%Y-%m-%d %H:%M:%S UTC").to_string());
        let offline = since.map(|at| format!("; `--offline` reads what was mirrored up to {at}")).unwrap_or_default();
        (Kind::Network, format!("the bucket cannot be reached: check the network and run the same command again{offline}"))
    } else {
        (Kind::Lake, "run the same command again; nothing half-written is visible".to_owned())
    };
    Error::new(kind, message).hint(hint).because(source)
}

fn permission(provider: Provider, what: &str) -> &'static str {
    match (provider, what) {
        (Provider::Google, "write") => {
            "`storage.objects.create` (and `storage.objects.delete` for large files and `etl gc`; role Storage Object User)"
        }
        (Provider::Google, "list") => "`storage.objects.list` (role Storage Object User)",
        (Provider::Google, "remove") => "`storage.objects.delete` (role Storage Object User)",
        (Provider::Google, _) => "`storage.objects.get` (role Storage Object User)",
        (Provider::Amazon, "write") => "`s3:PutObject` on the objects (and `s3:DeleteObject` for large files and `etl gc`)",
        (Provider::Amazon, "list") => "`s3:ListBucket` on the bucket",
        (Provider::Amazon, "remove") => "`s3:DeleteObject` on the objects",
        (Provider::Amazon, _) => "`s3:GetObject` on the objects (and `s3:ListBucket`, or what is missing looks forbidden)",
        (Provider::Azure, _) => "the role Storage Blob Data Contributor on the container",
    }
}

/// The variables that an account is taken from.
pub(super) fn credentials(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "`GCLOUD_AUTH` or `GOOGLE_APPLICATION_CREDENTIALS`",
        Provider::Amazon => "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` (and `AWS_SESSION_TOKEN`, where they are temporary)",
        Provider::Azure => "`AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT_KEY`",
    }
}

/// Amazon and Azure answer 403 also where it is the key that is wrong.
fn is_not_accepted(text: &str) -> bool {
    [" 401 ", "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "AuthenticationFailed"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn is_wrong_region(text: &str) -> bool {
    ["incorrectly configured region", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn is_unreachable(text: &str) -> bool {
    ["error sending request", "tcp connect", "dns error", "Connection refused", "timed out", "connection closed", "Connection reset"]
        .iter()
        .any(|sign| text.contains(sign))
}

/// The error with all its causes.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_to_do() {
        let denied = || object_store::Error::PermissionDenied { path: "a".into(), source: "403".into() };
        let wrong_key = || object_store::Error::PermissionDenied { path: "a".into(), source: "403: <Code>SignatureDoesNotMatch</Code>".into() };
        let generic = |text: &str| object_store::Error::Generic { store: "S3", source: text.to_owned().into() };
        let missing = object_store::Error::NotFound { path: "a".into(), source: "<Code>NoSuchBucket</Code>".into() };
        for (provider, what, source, kind, part) in [
            (Provider::Google, "write", denied(), Kind::Unauthorized, "`storage.objects.create`"),
            (Provider::Amazon, "list", denied(), Kind::Unauthorized, "`s3:ListBucket`"),
            (Provider::Amazon, "list", wrong_key(), Kind::Unauthorized, "`AWS_SECRET_ACCESS_KEY`"),
            (Provider::Azure, "read", denied(), Kind::Unauthorized, "Storage Blob Data Contributor"),
            (Provider::Google, "list", missing, Kind::Config, "there is no bucket `lake`"),
            (Provider::Amazon, "list", generic("<Code>PermanentRedirect</Code>"), Kind::Config, "`AWS_REGION`"),
            (Provider::Google, "read", generic("http://metadata.google.internal/x"), Kind::Unauthorized, "`GCLOUD_AUTH`"),
            (Provider::Amazon, "read", generic("tcp connect error"), Kind::Network, "cannot be reached"),
            (Provider::Amazon, "read", generic("500"), Kind::Lake, "again"),
        ] {
            let error = error(provider, "lake", what, "cannot".to_owned(), source, None);
            assert_eq!(error.kind(), kind, "{error:?}");
            assert!(error.remedy().unwrap().contains(part), "{:?}", error.remedy());
        }
        let offline = error(Provider::Amazon, "lake", "list", String::new(), generic("dns error"), Some(SystemTime::UNIX_EPOCH));
        assert!(offline.remedy().unwrap().ends_with("`--offline` reads what was mirrored up to 1970-01-01 00:00:00 UTC"));
    }
}
