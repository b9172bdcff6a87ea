//! What the tests of messages have in common.

use chrono::NaiveDate;
use serde_json::Value;

use crate::{
    publish::{product::Subject, standing::Standing},
    settings::{Footer, Messages, Product, Sites},
};

pub(super) fn messages() -> Messages {
    Messages {
        health_icon: ":health:".into(),
        adoption_above: 1.0,
        significant_above: 500,
        issues_shown: 3,
        title_length: 50,
        footer: Footer { logo: "https://logo.example/72.png".into(), made_by: "Mobile Test Engineering".into(), data_source: "Sentry".into() },
        sites: Sites {
            sentry: "https://sentry.example".into(),
            looker: "https://looker.example".into(),
            confluence: "https://confluence.example/wiki".into(),
            github: "https://github.example".into(),
        },
        ..Messages::default()
    }
}

pub(super) fn product() -> Product {
    Product {
        name: "Firefox iOS".into(),
        icon: ":testops-apple:".into(),
        low_crash_free_rate_threshold: 99.5,
        looker_dashboard: Some(2667),
        confluence_page: Some("1631911951".into()),
    }
}

pub(super) fn subject() -> Subject {
    Subject {
        project: "firefox-ios".into(),
        sentry_project_id: "6176941".into(),
        environment: "Production".into(),
        package: "org.mozilla.ios.Firefox".into(),
        repository: "mozilla-mobile/firefox-ios".into(),
    }
}

pub(super) fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, 3).unwrap_or_default()
}

pub(super) fn whole() -> Standing {
    Standing { as_of: "2026-03-03T08:00:00Z".parse().ok(), gaps: Vec::new() }
}

pub(super) fn broken() -> Standing {
    Standing { as_of: None, gaps: vec!["sentry_sessions of firefox-ios: answered 503 & <more>".into()] }
}

/// For snapshots: as people read it.
pub(super) fn shown(payload: &Value) -> String {
    serde_json::to_string_pretty(payload).unwrap_or_default()
}
