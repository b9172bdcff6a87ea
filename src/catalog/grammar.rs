//! The grammar of `sources/<name>.toml` as serde reads it: closed, every key that is not here is an error.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: u32,
    pub(super) description: String,
    pub(super) client: ClientFile,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) endpoint: Vec<Spanned<EndpointFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientFile {
    pub(super) base_url: String,
    #[serde(default)]
    pub(super) auth: AuthFile,
    #[serde(default)]
    pub(super) headers: toml::map::Map<String, toml::Value>,
    pub(super) rate_limit: RateLimitFile,
    #[serde(default)]
    pub(super) retry: RetryFile,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) max_body: Option<Spanned<String>>,
    pub(super) error: Option<String>,
    pub(super) probe: Option<String>,
    pub(super) ping: Option<String>,
    #[serde(default)]
    pub(super) responses: Vec<RuleFile>,
}

#[derive(Default, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AuthFile {
    #[default]
    None,
    Basic {
        user: String,
        password: String,
    },
    Header {
        name: String,
        value: String,
    },
    Bearer {
        token: String,
    },
    Login {
        path: String,
        form: toml::map::Map<String, toml::Value>,
        token: String,
        expires_in: Option<String>,
        #[serde(default = "authorization")]
        header: String,
        #[serde(default = "bearer")]
        scheme: String,
        logout: Option<String>,
    },
}

fn authorization() -> String {
    "Authorization".to_owned()
}

fn bearer() -> String {
    "Bearer".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RateLimitFile {
    pub(super) requests: u32,
    pub(super) per: Spanned<String>,
    #[serde(default = "one")]
    pub(super) concurrency: u32,
}

fn one() -> u32 {
    1
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryFile {
    pub(super) attempts: Option<u32>,
    pub(super) max_elapsed: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) statuses: Vec<u16>,
    pub(super) limited_wait: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    pub(super) status: Option<u16>,
    pub(super) pointer: String,
    #[serde(default)]
    pub(super) equals: Vec<serde_json::Value>,
    pub(super) contains: Option<String>,
    pub(super) means: MeansFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MeansFile {
    Gone,
    Forbidden,
    Retry,
    Fail,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    pub(super) page: Option<PageFile>,
    pub(super) bare_array: Option<bool>,
    #[serde(default)]
    pub(super) params: toml::map::Map<String, toml::Value>,
    #[serde(default)]
    pub(super) redact: Vec<String>,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum PageFile {
    None,
    Offset {
        limit: u32,
        limit_param: String,
        offset_param: String,
        next: Option<String>,
        size: Option<String>,
        stated_limit: Option<String>,
    },
    KeySet {
        limit: u32,
        limit_param: String,
        key: String,
        params: toml::map::Map<String, toml::Value>,
    },
    PageNumber {
        limit: u32,
        limit_param: String,
        page_param: String,
        #[serde(default = "one")]
        first: u32,
        stated_limit: Option<String>,
    },
    LinkHeader {
        limit: Option<u32>,
        limit_param: Option<String>,
        page_param: Option<String>,
        #[serde(default)]
        only: toml::map::Map<String, toml::Value>,
    },
    NextUrl {
        limit: Option<u32>,
        limit_param: Option<String>,
        next: String,
        base: Option<String>,
        last: Option<String>,
        #[serde(default)]
        omitted_at_end: bool,
    },
    Token {
        limit: Option<u32>,
        limit_param: Option<String>,
        token: String,
        param: String,
        last: Option<String>,
        #[serde(default)]
        omitted_at_end: bool,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointFile {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) method: MethodFile,
    pub(super) path: Spanned<String>,
    pub(super) body: Option<Spanned<toml::Value>>,
    pub(super) records: String,
    pub(super) bare_array: Option<bool>,
    pub(super) key: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) scope: Vec<String>,
    #[serde(default)]
    pub(super) partition: Vec<String>,
    pub(super) replaces: Spanned<ReplacesFile>,
    pub(super) cursor: Option<Spanned<String>>,
    pub(super) full_every: Option<Spanned<String>>,
    pub(super) window: Option<WindowFile>,
    #[serde(default)]
    pub(super) params: toml::map::Map<String, toml::Value>,
    pub(super) page: Option<PageFile>,
    pub(super) total: Option<String>,
    pub(super) batch: Option<BatchFile>,
    #[serde(default)]
    pub(super) redact: Vec<String>,
    pub(super) gone: Option<Vec<u16>>,
    pub(super) forbidden: Option<Vec<u16>>,
    pub(super) max_pages: Option<u32>,
    pub(super) for_each: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReplacesFile {
    Scope,
    Partition,
    Keys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowFile {
    pub(super) field: String,
    pub(super) from: String,
    pub(super) to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchFile {
    pub(super) column: String,
    pub(super) size: u32,
    #[serde(default = "comma")]
    pub(super) join: String,
    #[serde(rename = "match")]
    pub(super) match_pointer: String,
}

fn comma() -> String {
    ",".to_owned()
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum MethodFile {
    #[default]
    Get,
    Post,
}
