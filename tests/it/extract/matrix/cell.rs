//! The cells of the fault matrix: a fault, a paging kind, on which page, and for how long.

use etl::error::Kind;

/// One way of paging, as a source file describes it. `offset` counts only, as Bugzilla does; `offset_next` also names the next
/// page, as TestRail does; `page_number` states the total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Paging {
    None,
    Offset,
    OffsetNext,
    PageNumber,
    LinkHeader,
    NextUrl,
    Token,
    KeySet,
}

impl Paging {
    pub(super) const ALL: [Self; 8] =
        [Self::None, Self::Offset, Self::OffsetNext, Self::PageNumber, Self::LinkHeader, Self::NextUrl, Self::Token, Self::KeySet];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Offset => "offset",
            Self::OffsetNext => "offset_next",
            Self::PageNumber => "page_number",
            Self::LinkHeader => "link_header",
            Self::NextUrl => "next_url",
            Self::Token => "token",
            Self::KeySet => "key_set",
        }
    }

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::OffsetNext => "offset, next",
            Self::PageNumber => "page_number, total",
            other => other.name(),
        }
    }

    /// The line of the source file.
    pub(super) fn definition(self) -> &'static str {
        match self {
            Self::None => r#"page = { kind = "none" }"#,
            Self::Offset => r#"page = { kind = "offset", limit = 3, limit_param = "limit", offset_param = "offset" }"#,
            Self::OffsetNext => r#"page = { kind = "offset", limit = 3, limit_param = "limit", offset_param = "offset", next = "/next" }"#,
            Self::PageNumber => "page = { kind = \"page_number\", limit = 3, limit_param = \"limit\", page_param = \"page\" }\ntotal = \"/total\"",
            Self::LinkHeader => r#"page = { kind = "link_header", limit = 3, limit_param = "limit", page_param = "page" }"#,
            Self::NextUrl => r#"page = { kind = "next_url", limit = 3, limit_param = "limit", next = "/next" }"#,
            Self::Token => r#"page = { kind = "token", limit = 3, limit_param = "limit", token = "/next", param = "token" }"#,
            Self::KeySet => r#"page = { kind = "key_set", limit = 3, limit_param = "limit", key = "/id", params = { after = "{last}" } }"#,
        }
    }

    /// Whether only a count or a key leads to the next page, so that nothing but an empty page ends the list.
    pub(super) fn ends_by_empty_page(self) -> bool {
        matches!(self, Self::Offset | Self::KeySet)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    LimitedSeconds,
    LimitedDate,
    Limited,
    QuotaUsedUp,
    ServerError,
    ResetMidBody,
    CutJson,
    LoginPage,
    NoResponse,
    WrongType,
    Missing,
    Closed,
    PartitionMissing,
    PartitionClosed,
    EmptyPage,
    NoEndSignal,
    Doubled,
    PageCap,
}

impl Fault {
    pub(super) const ALL: [Self; 18] = [
        Self::LimitedSeconds,
        Self::LimitedDate,
        Self::Limited,
        Self::QuotaUsedUp,
        Self::ServerError,
        Self::ResetMidBody,
        Self::CutJson,
        Self::LoginPage,
        Self::NoResponse,
        Self::WrongType,
        Self::Missing,
        Self::Closed,
        Self::PartitionMissing,
        Self::PartitionClosed,
        Self::EmptyPage,
        Self::NoEndSignal,
        Self::Doubled,
        Self::PageCap,
    ];

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::LimitedSeconds => "429, `Retry-After` in seconds",
            Self::LimitedDate => "429, `Retry-After` is a date",
            Self::Limited => "429 without a time",
            Self::QuotaUsedUp => "403, `x-ratelimit-remaining: 0`",
            Self::ServerError => "500",
            Self::ResetMidBody => "connection closed in mid-body",
            Self::CutJson => "truncated JSON",
            Self::LoginPage => "login page with status 200",
            Self::NoResponse => "no response",
            Self::WrongType => "an object instead of the records",
            Self::Missing => "404",
            Self::Closed => "403",
            Self::PartitionMissing => "404 for one partition of two",
            Self::PartitionClosed => "403 for one partition of two",
            Self::EmptyPage => "empty page in the middle",
            Self::NoEndSignal => "no end-of-list signal",
            Self::Doubled => "a row shifts onto the next page",
            Self::PageCap => "`max_pages` reached",
        }
    }

    /// The error of a fault that is retried.
    pub(super) fn retried(self) -> Option<Kind> {
        Some(match self {
            Self::LimitedSeconds | Self::LimitedDate | Self::Limited | Self::QuotaUsedUp => Kind::RateLimited,
            Self::ServerError => Kind::Unavailable,
            Self::ResetMidBody => Kind::Network,
            Self::CutJson | Self::LoginPage => Kind::BadResponse,
            Self::NoResponse => Kind::TimedOut,
            _ => return None,
        })
    }

    pub(super) fn is_of_one_partition(self) -> bool {
        matches!(self, Self::PartitionMissing | Self::PartitionClosed)
    }
}

/// The pages that a fault affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    First,
    Later,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) fault: Fault,
    pub(super) place: Place,
    /// On every request; otherwise on two.
    pub(super) lasts: bool,
    pub(super) paging: Paging,
}

impl Cell {
    pub(super) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for fault in Fault::ALL {
            for place in [Place::First, Place::Later] {
                for lasts in [false, true] {
                    all.extend(Paging::ALL.map(|paging| Self { fault, place, lasts, paging }));
                }
            }
        }
        all
    }

    /// Whether the fault can occur there.
    pub(super) fn exists(&self) -> bool {
        if self.paging == Paging::None && self.place == Place::Later {
            return false;
        }
        match self.fault {
            Fault::PageCap => self.lasts && self.paging != Paging::None,
            Fault::Doubled => self.lasts,
            Fault::NoEndSignal => self.paging != Paging::None && (self.place == Place::Later || !self.paging.ends_by_empty_page()),
            _ => true,
        }
    }

    /// Whether the API itself says that the list ends where it does not: its empty page is a proof, so the pull is complete. A
    /// warning is all that is left to do.
    pub(super) fn claims_an_end(&self) -> bool {
        let proves = matches!(self.paging, Paging::None | Paging::Offset | Paging::PageNumber | Paging::KeySet);
        self.fault == Fault::EmptyPage && proves
    }
}
