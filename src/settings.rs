//! `etl.toml` and the environment, resolved once. Stages get this and never look at the environment themselves.

mod publish;
mod secrets;
mod slack;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    catalog::{RateLimit, parse_duration, read_text},
    clock::{self, Clock, YEARS},
    error::{Error, Kind, OrFail, Result},
    secret::{self, Secret},
};

pub use publish::{BuildValidation, Contact, LookerSettings, PublishSettings};
pub use slack::{ANY, Channel, Footer, MESSAGES, Messages, Product, Sites, Transport};

/// A snapshot of the environment variables.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variables of this process. Values that are no Unicode are left out, but for those of `ETL_` variables. White space
    /// around a value is cut off: a pasted secret often ends with a line break.
    pub fn of_process() -> Self {
        let text = |(name, value): (OsString, OsString)| {
            let name = name.into_string().ok()?;
            let value =
                value.into_string().or_else(|value| if name.starts_with("ETL_") { Ok(value.to_string_lossy().into_owned()) } else { Err(value) });
            Some((name, value.ok()?))
        };
        Self::of(std::env::vars_os().filter_map(text))
    }

    /// Refuses `ETL_` variables that were no Unicode: to overlook one would mean to work somewhere else.
    fn unreadable(&self) -> Result<()> {
        match self.starting_with("ETL_").find(|(_, value)| value.contains(char::REPLACEMENT_CHARACTER)) {
            Some((name, _)) => Err(Error::new(Kind::Usage, format!("the variable `{name}` is no UTF-8 text"))),
            None => Ok(()),
        }
    }

    /// These variables and no others, trimmed as those of the process are.
    pub fn of(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let mut env = Self::default();
        for (name, value) in pairs {
            env.set(&name.into(), value);
        }
        env
    }

    /// Sets one variable, for the demo's own process.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into().trim().to_owned());
    }

    /// The value, unless it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables whose names begin so, and are not empty.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
    }

    /// Replaces every `${NAME}` in `text`.
    ///
    /// # Errors
    /// [`Kind::MissingVariable`] that names all missing variables.
    pub fn expand(&self, text: &str) -> Result<String> {
        self.expand_with(text, |value, _| value)
    }

    /// Like [`Env::expand`], for a URL: a value that is followed by a slash loses its own slashes at the end.
    ///
    /// # Errors
    /// As [`Env::expand`].
    pub fn expand_url(&self, text: &str) -> Result<String> {
        self.expand_with(text, |value, after| if after.starts_with('/') { value.trim_end_matches('/') } else { value })
    }

    /// Replaces every `${NAME}` by what `shape` makes of its value and of the text after it.
    fn expand_with(&self, text: &str, shape: impl for<'v> Fn(&'v str, &str) -> &'v str) -> Result<String> {
        let mut out = String::new();
        let mut missing = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            out.push_str(&rest[..start]);
            let Some(end) = rest[start..].find('}') else {
                return Err(Error::new(Kind::Config, format!("`{text}` has a `${{` without a `}}`")));
            };
            let name = &rest[start + 2..start + end];
            match self.get(name) {
                Some(value) => out.push_str(shape(value, &rest[start + end + 1..])),
                None => missing.push(name.to_owned()),
            }
            rest = &rest[start + end + 1..];
        }
        out.push_str(rest);
        if missing.is_empty() { Ok(out) } else { Err(Self::missing(&missing)) }
    }

    /// The error for variables that are needed and not set.
    pub fn missing(names: &[String]) -> Error {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let what = match &names[..] {
            [name] => format!("environment variable {name} is not set"),
            names => format!("environment variables {} are not set", names.join(", ")),
        };
        Error::new(Kind::MissingVariable, what)
    }

    /// The names of the variables that `text` needs.
    pub fn names_in(text: &str) -> Vec<String> {
        text.split("${").skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name.to_owned()).collect()
    }

    /// Like [`Env::expand`], into a [`Secret`].
    ///
    /// # Errors
    /// As [`Env::expand`].
    pub fn expand_secret(&self, text: &str) -> Result<Secret> {
        self.register_secrets_in(text);
        self.expand(text).map(Secret::new)
    }
}

/// Everything that `etl.toml` and the environment decide.
#[derive(Clone)]
pub struct Settings {
    /// The project's folder.
    pub root: PathBuf,
    /// Folder or URL of the lake.
    pub lake: String,
    /// URL of the destination, for example `sqlite:data/etl.sqlite`. May hold a password: print it masked only.
    pub database: Secret,
    /// Folder for `lake.duckdb`, spill files and mirrors.
    pub data: PathBuf,
    /// The variables that SQL reads as the relation `vars`.
    pub vars: BTreeMap<String, toml::Value>,
    /// Rate limits that replace those of the source files, by source.
    pub rate_limits: BTreeMap<String, RateLimit>,
    /// Limits of DuckDB.
    pub engine: EngineLimits,
    /// Limits of a load.
    pub load: LoadLimits,
    /// What publishing needs.
    pub publish: PublishSettings,
    /// What messages are made with and where they go.
    pub messages: Messages,
    /// Projects as people know them.
    pub products: BTreeMap<String, Product>,
    /// The copies of a bucket's objects on this disk.
    pub mirror: MirrorLimits,
    /// Read the mirror alone and ask no bucket; `ETL_OFFLINE` or `--offline`.
    pub offline: bool,
    /// Bytes of records that may wait in memory in all pulls together.
    pub write_buffer: u64,
    /// Partitions after which a long fan-out is committed in part.
    pub commit_every: u32,
    /// The clock; `ETL_NOW` sets it.
    pub clock: Clock,
    /// The environment.
    pub env: Env,
}

/// Limits of DuckDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineLimits {
    /// For example `2GB`.
    pub memory: String,
    /// 0 = one per core.
    pub threads: u32,
}

/// Limits of a load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadLimits {
    /// A table with more rows than this is guarded.
    pub shrink_rows: u64,
    /// It may lose at most this share of its rows, in percent.
    pub shrink_percent: f64,
}

/// The mirror of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorLimits {
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes above which the files that were not used for longest go.
    pub limit: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    lake: Option<String>,
    database: Option<String>,
    data: Option<PathBuf>,
    vars: BTreeMap<String, toml::Value>,
    rate_limit: BTreeMap<String, RateLimitFile>,
    engine: EngineFile,
    extract: ExtractFile,
    load: LoadFile,
    publish: publish::PublishFile,
    mirror: MirrorFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateLimitFile {
    requests: u32,
    per: String,
    concurrency: u32,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct EngineFile {
    memory: Option<String>,
    threads: u32,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ExtractFile {
    write_buffer_mb: Option<u64>,
    commit_every: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LoadFile {
    shrink_rows: Option<u64>,
    shrink_percent: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MirrorFile {
    folder: Option<PathBuf>,
    limit_gb: Option<u64>,
}

impl Settings {
    /// Reads `etl.toml` under `root` (it may be missing) and the variables `ETL_LAKE`, `ETL_DATABASE`, `ETL_DATA`, `ETL_NOW`,
    /// `ETL_OFFLINE`.
    ///
    /// # Errors
    /// [`Kind::Config`] with the file and what is wrong.
    pub fn read(root: &Path, env: Env) -> Result<Self> {
        // Absolute, so that paths in messages and in lake.duckdb hold wherever they are read.
        let root = &fs_err::canonicalize(root)
            .map_err(|error| Error::new(Kind::Usage, format!("the project's folder `{}` cannot be used", root.display())).because(error))
            .map_err(|error| error.hint("name the folder that holds etl.toml, sources/ and sql/ by `--project-dir` or `ETL_PROJECT_DIR`"))?;
        let path = root.join("etl.toml");
        let text = if path.exists() { read_text(&path)? } else { String::new() };
        let mut file: File = toml::from_str(&text).map_err(|error| {
            let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
            Error::new(Kind::Config, format!("etl.toml:{line}: {}", error.message().trim().replace('\n', " ")))
        })?;
        let (messages, products) = (std::mem::take(&mut file.publish.slack), std::mem::take(&mut file.publish.products));
        messages.check(&products).map_err(|what| Error::new(Kind::Config, format!("etl.toml: {what}")))?;
        let mut rate_limits = BTreeMap::new();
        for (source, limit) in file.rate_limit {
            let per = parse_duration(&limit.per).map_err(|what| Error::new(Kind::Config, format!("etl.toml: rate_limit.{source}.per: {what}")))?;
            if per < Duration::from_millis(1) || limit.concurrency == 0 {
                return Err(Error::new(Kind::Config, format!("etl.toml: rate_limit.{source}: `per` and `concurrency` must be above 0")));
            }
            rate_limits.insert(source, RateLimit { requests: limit.requests, per, concurrency: limit.concurrency });
        }
        let clock = match env.get("ETL_NOW") {
            None => Clock::system(),
            Some(text) => {
                let start: DateTime<Utc> =
                    text.parse().or_fail(Kind::Usage, || format!("`ETL_NOW` is `{text}`, which is no time like 2026-01-31T04:00:00Z"))?;
                if !clock::is_usable(start) {
                    return Err(Error::new(
                        Kind::Usage,
                        format!("`ETL_NOW` is `{text}`, which is not in the years {} to {}", YEARS.start(), YEARS.end()),
                    )
                    .hint("set a time like 2026-01-31T04:00:00Z, or unset the variable"));
                }
                Clock::starting_at(start)
            }
        };
        let data = root.join(env.get("ETL_DATA").map(PathBuf::from).or(file.data).unwrap_or_else(|| PathBuf::from("data")));
        env.unreadable()?;
        if data.to_str().is_none() {
            // Its text is put into SQL and into addresses, where it would name another folder.
            return Err(Error::new(Kind::Config, format!("the data folder `{}` has a name that is no UTF-8", data.display()))
                .hint("name another one by `ETL_DATA`"));
        }
        let chosen = |variable: &str, written: Option<String>, default: String| env.get(variable).map(str::to_owned).or(written).unwrap_or(default);
        Ok(Self {
            root: root.to_owned(),
            lake: chosen("ETL_LAKE", file.lake.map(|lake| below(root, &lake)), data.join("lake").display().to_string()),
            database: address(
                &env,
                &chosen(
                    "ETL_DATABASE",
                    file.database.map(|url| match url.strip_prefix("sqlite:") {
                        Some(path) if !path.starts_with("//") && !path.starts_with(':') => format!("sqlite:{}", below(root, path)),
                        _ => url,
                    }),
                    format!("sqlite:{}", data.join("etl.sqlite").display()),
                ),
            ),
            publish: file.publish.resolve(root, &data)?,
            mirror: MirrorLimits {
                folder: file.mirror.folder.map_or_else(|| data.join("mirror"), |folder| root.join(folder)),
                limit: file.mirror.limit_gb.unwrap_or(20).saturating_mul(1_000_000_000),
            },
            offline: env.get("ETL_OFFLINE").is_some_and(|value| !["0", "false", "no"].contains(&value)),
            data,
            vars: file.vars,
            rate_limits,
            engine: EngineLimits { memory: file.engine.memory.unwrap_or_else(|| "2GB".to_owned()), threads: file.engine.threads },
            load: LoadLimits { shrink_rows: file.load.shrink_rows.unwrap_or(50), shrink_percent: file.load.shrink_percent.unwrap_or(20.0) },
            messages,
            products,
            write_buffer: file.extract.write_buffer_mb.unwrap_or(64) * 1_000_000,
            commit_every: file.extract.commit_every.unwrap_or(500).max(1),
            clock,
            env,
        })
    }
}

/// The destination's address. `mysql:` and `postgres:` alone take the rest from the `CLOUD_SQL_*` variables. The names of
/// those that are not set are put behind the colon: only who opens the destination needs them, and says so.
pub fn address(env: &Env, text: &str) -> Secret {
    let (scheme, query) = match text.split_once(':') {
        Some((scheme @ ("mysql" | "postgres"), query)) if query.is_empty() || query.starts_with('?') => (scheme, query),
        _ => {
            secrets::register_password(text);
            return Secret::new(text);
        }
    };
    let mut missing = Vec::new();
    let mut needed = |name: &'static str| {
        let value = env.get(name);
        if value.is_none() {
            missing.push(name);
        }
        value.unwrap_or_default()
    };
    let (user, password) = (needed("CLOUD_SQL_DATABASE_USERNAME"), needed("CLOUD_SQL_DATABASE_PASSWORD"));
    let database = needed("CLOUD_SQL_DATABASE_NAME");
    let host = env.get("CLOUD_SQL_DATABASE_HOST").unwrap_or("127.0.0.1");
    let port = env.get("CLOUD_SQL_DATABASE_PORT").unwrap_or("3307");
    secret::register(password);
    if !missing.is_empty() {
        return Secret::new(format!("{scheme}:{}", missing.join(", ")));
    }
    let whole = url::Url::parse(&format!("{scheme}://{host}:{port}/{query}")).ok().and_then(|mut url| {
        // The rest of what is special is encoded by the setters, a `%` is not.
        let plain = |text: &str| text.replace('%', "%25");
        url.set_username(&plain(user)).ok()?;
        url.set_password(Some(&plain(password))).ok()?;
        url.set_path(&format!("/{}", plain(database)));
        Some(url.to_string())
    });
    Secret::new(whole.unwrap_or_else(|| format!("{scheme}:CLOUD_SQL_DATABASE_HOST and CLOUD_SQL_DATABASE_PORT (they name no server)")))
}

/// A path of etl.toml is relative to it; a URL is left as it is.
fn below(root: &Path, location: &str) -> String {
    if location.contains("://") { location.to_owned() } else { root.join(location).display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_come_from_the_cloud_sql_variables() {
        let mut env = Env::of([("CLOUD_SQL_DATABASE_USERNAME", "etl@x"), ("CLOUD_SQL_DATABASE_NAME", "staging")]);
        assert_eq!(address(&env, "mysql:").expose(), "mysql:CLOUD_SQL_DATABASE_PASSWORD");
        env.set("CLOUD_SQL_DATABASE_PASSWORD", "a/b?c#d%e:f@g");
        assert_eq!(address(&env, "mysql:").expose(), "mysql://etl%40x:a%2Fb%3Fc%23d%25e%3Af%40g@127.0.0.1:3307/staging");
        env.set("CLOUD_SQL_DATABASE_PORT", "5433");
        let whole = address(&env, "postgres:?sslmode=disable");
        assert_eq!(whole.expose(), "postgres://etl%40x:a%2Fb%3Fc%23d%25e%3Af%40g@127.0.0.1:5433/staging?sslmode=disable");
        assert_eq!(address(&env, "mysql://h/d").expose(), "mysql://h/d");
        assert_eq!(address(&env, "sqlite:x").expose(), "sqlite:x");
        env.set("CLOUD_SQL_DATABASE_PORT", "many");
        assert!(address(&env, "mysql:").expose().contains("name no server"));
    }
}
