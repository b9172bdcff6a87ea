//! The list of bug fields, which grows and shrinks with the releases.

use super::super::{
    answer::Answer,
    calendar::{Day, flag_versions},
    json::{Object, Style, Value},
};

/// Fields that are always there: name, display name, type, whether Mozilla added it.
const FIXED: [(&str, &str, u64, bool); 12] = [
    ("bug_id", "Bug ID", 0, false),
    ("short_desc", "Summary", 1, false),
    ("product", "Product", 2, false),
    ("bug_status", "Status", 2, false),
    ("resolution", "Resolution", 2, false),
    ("bug_severity", "Severity", 2, false),
    ("keywords", "Keywords", 8, false),
    ("cf_qa_whiteboard", "QA Whiteboard", 1, true),
    ("cf_last_resolved", "Last Resolved", 5, true),
    ("cf_status_firefox_esr140", "status-firefox-esr140", 99, true),
    ("cf_status_thunderbird_esr140", "status-thunderbird_esr140", 99, true),
    ("cf_has_str", "Has STR", 2, true),
];

/// The body of `/field/bug` or, with a name, `/field/bug/{name}`.
pub(super) fn answer(day: Day, name: Option<&str>, include: &[String]) -> Answer {
    let flags = flag_versions(day).flat_map(|version| {
        ["status", "tracking"].map(|kind| {
            let id = 900 + u64::from(version) * 2 + u64::from(kind == "tracking");
            (id, format!("cf_{kind}_firefox{version}"), format!("{kind}-firefox{version}"), 99, true)
        })
    });
    let fixed = (1..).zip(FIXED).map(|(id, (name, display, kind, custom))| (id, name.to_owned(), display.to_owned(), kind, custom));
    let wanted = fixed.chain(flags).filter(|(_, own, ..)| name.is_none_or(|name| name == own));
    let records = wanted.map(|(id, name, display, kind, custom)| {
        let mut record: Object = vec![
            ("id".into(), id.into()),
            ("type".into(), kind.into()),
            ("is_mandatory".into(), false.into()),
            ("is_custom".into(), custom.into()),
            ("visibility_field".into(), Value::Null),
            ("is_on_bug_entry".into(), false.into()),
            ("visibility_values".into(), Value::List(vec![])),
            ("name".into(), name.into()),
            ("display_name".into(), display.into()),
        ];
        record.retain(|(name, _)| include.is_empty() || include.iter().any(|word| word == name));
        let mut out = Vec::new();
        Value::Object(record).write(Style::Compact, &mut out);
        out
    });
    Answer::envelope("{", "fields", records)
}
