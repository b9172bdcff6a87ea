//! Where a lake is: a folder, or a prefix of a bucket. Pure.

use std::{fmt, path::PathBuf};

use crate::error::{Error, Kind, OrFail, Result};

/// What a lake's location says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// A folder, absolute.
    Folder(PathBuf),
    /// `provider://bucket/prefix`; the prefix may be empty.
    Bucket {
        /// Whose bucket.
        provider: Provider,
        /// Its name; of Azure the container's.
        bucket: String,
        /// Without slashes at its ends.
        prefix: String,
    },
}

/// Who keeps a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    /// Google Cloud Storage.
    Google,
    /// Amazon S3 and what speaks like it.
    Amazon,
    /// Azure Blob Storage.
    Azure,
}

impl Provider {
    /// The scheme of its locations.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Google => "gs",
            Self::Amazon => "s3",
            Self::Azure => "az",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Google => "Google Cloud Storage",
            Self::Amazon => "S3",
            Self::Azure => "Azure Blob Storage",
        })
    }
}

const GRAMMAR: &str = "write a folder, `gs://BUCKET/PREFIX`, `s3://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`";

impl Location {
    /// Reads a location as people write it.
    ///
    /// # Errors
    /// [`Kind::Config`] that says what is allowed.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = |what: &str| Error::new(Kind::Config, format!("lake `{text}`: {what}")).hint(GRAMMAR);
        let (scheme, rest) = match text.split_once("://") {
            None if text.is_empty() => {
                return Err(Error::new(Kind::Config, "the lake's location is empty").hint("set `lake` in etl.toml or `ETL_LAKE`"));
            }
            None => return Self::folder(PathBuf::from(text), text),
            Some(parts) => parts,
        };
        let provider = match scheme {
            "file" => {
                let folder = url::Url::parse(text).ok().and_then(|url| url.to_file_path().ok());
                return Self::folder(folder.ok_or_else(|| wrong("this is no valid file URL; write it as `file:///folder`"))?, text);
            }
            "gs" => Provider::Google,
            "s3" => Provider::Amazon,
            "az" => Provider::Azure,
            _ => return Err(wrong(&format!("`{scheme}://` is not known"))),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if bucket.is_empty() || !bucket.bytes().all(plain) || bucket.starts_with('.') {
            return Err(wrong("it names no bucket (letters, digits, `-`, `_` and `.`)"));
        }
        let prefix = prefix.trim_matches('/');
        // The prefix is also a folder of the mirror.
        let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(|byte| plain(byte) || byte == b'=');
        if !prefix.is_empty() && !prefix.split('/').all(part) {
            return Err(wrong("the prefix holds something else than letters, digits, `-`, `_`, `.`, `=` and single `/`"));
        }
        Ok(Self::Bucket { provider, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    fn folder(path: PathBuf, text: &str) -> Result<Self> {
        std::path::absolute(&path).map(Self::Folder).or_fail(Kind::Config, || format!("lake `{text}` is no usable path"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets() {
        let bucket = |provider, bucket: &str, prefix: &str| Location::Bucket { provider, bucket: bucket.into(), prefix: prefix.into() };
        for (text, location) in [
            ("file:///a/b", Location::Folder("/a/b".into())),
            ("/a/b", Location::Folder("/a/b".into())),
            ("gs://lake", bucket(Provider::Google, "lake", "")),
            ("gs://lake/", bucket(Provider::Google, "lake", "")),
            ("s3://my.lake/prod/v=1/", bucket(Provider::Amazon, "my.lake", "prod/v=1")),
            ("az://lake/a", bucket(Provider::Azure, "lake", "a")),
        ] {
            assert_eq!(Location::parse(text).unwrap(), location, "{text}");
        }
    }

    #[test]
    fn what_is_no_location() {
        for (text, part) in [
            ("", "empty"),
            ("file://host/x", "file URL"),
            ("ftp://x", "`ftp://` is not known"),
            ("gs://", "no bucket"),
            ("gs:///x", "no bucket"),
            ("gs://user:pass@host/x", "no bucket"),
            ("s3://b/../x", "prefix"),
            ("s3://b/a//x", "prefix"),
            ("s3://b/a?x", "prefix"),
        ] {
            let error = Location::parse(text).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
