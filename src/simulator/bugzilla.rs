//! Bugzilla's REST API: search, single bugs, history, fields.

mod bug;
mod fields;
mod index;
mod search;
mod story;

use super::{
    BUGZILLA_KEY,
    answer::Answer,
    calendar::iso,
    fault::Paging,
    json::{Object, Style, Value},
    query::Query,
    recorded::RecordedFiles,
    world::{Kind, Today},
};
use bug::Bug;
pub(super) use index::BugIndex;
use search::Search;

/// A longer request target is refused by the web server, before Bugzilla sees it.
const LONGEST_TARGET: usize = 8_190;

/// One request to Bugzilla.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) kind: &'a Kind,
    /// The day of a seeded world.
    pub(super) day: i64,
    /// The path below `/bugzilla/rest/`.
    pub(super) path: &'a str,
    /// What stands after the `?`.
    pub(super) query: &'a str,
    pub(super) key: Option<&'a str>,
    pub(super) paging: Paging,
}

/// Why Bugzilla does not answer: its error code, and the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal(i64, String);

impl Refusal {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self(code, message.into())
    }
}

/// The answer to `call`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    if call.path.len() + call.query.len() > LONGEST_TARGET {
        let text = "<html><head><title>414 Request-URI Too Large</title></head></html>";
        return Answer { content_type: "text/plain", ..Answer::html(414, text) };
    }
    if call.key.is_some_and(|key| key != BUGZILLA_KEY) {
        let text = "The API key you specified is invalid. Please check that you typed it correctly.";
        return refusal(&Refusal::new(306, text));
    }
    let query = Query::parse(call.query);
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    let answered = match call.kind {
        Kind::Seeded(world) => seeded(call, Today { world, day: call.day }, &parts, &query),
        Kind::Recorded(recorded) => from_record(call, recorded, &parts, &query),
    };
    answered.unwrap_or_else(|refused| refusal(&refused))
}

fn seeded(call: &Call<'_>, today: Today<'_>, parts: &[&str], query: &Query) -> Result<Answer, Refusal> {
    match parts {
        ["bug"] => found(&Search::parse(query)?, call, today),
        ["bug", id] if *id == bug::META.to_string() => Ok(Answer::envelope("{", "bugs", std::iter::once(Bug::meta(today)))),
        ["bug", id] => {
            let bug = visible(today, id, call.key)?;
            Ok(Answer::envelope("{", "bugs", std::iter::once(bug.written(&query.words("include_fields")))))
        }
        ["bug", id, "history"] => {
            let bug = visible(today, id, call.key)?;
            Ok(Answer::value(&bug.history(query.get("new_since")), Style::Compact))
        }
        ["field", "bug"] => Ok(fields::answer(today.day, None, &query.words("include_fields"))),
        ["field", "bug", name] => Ok(fields::answer(today.day, Some(name), &query.words("include_fields"))),
        ["time"] => Ok(time(today)),
        ["version"] => Ok(version()),
        _ => Err(no_such_resource(call.path)),
    }
}

fn found(search: &Search, call: &Call<'_>, today: Today<'_>) -> Result<Answer, Refusal> {
    // A healthy server need not look at what was read before; the faults answer with it.
    let least = if matches!(call.paging, Paging::Plain | Paging::Capped(_)) { search.after.unwrap_or(0) } else { 0 };
    let mut matching: Vec<Bug> = Bug::candidates(today, search, least).filter(|bug| bug.is_visible(call.key) && search.matches(bug)).collect();
    if !search.by_id {
        // Without an order the rows come as the database likes: not the same way on each day.
        matching.sort_by_key(|bug| bug.dice.part("order", today.day.cast_unsigned()).below("place", u64::MAX));
    }
    let ids: Vec<u64> = matching.iter().map(|bug| bug.id).collect();
    if search.count_only {
        return Ok(bug_count(search.count(&ids)));
    }
    let page = search.page(&ids, call.paging).into_iter();
    Ok(Answer::envelope("{", "bugs", page.map(|place| matching[place].written(&search.include))))
}

/// The bug of this id, if there is one and this caller may see it.
fn visible<'a>(today: Today<'a>, id: &str, key: Option<&str>) -> Result<Bug<'a>, Refusal> {
    let number = id.parse().map_err(|_| Refusal::new(100, format!("'{id}' is not a valid bug number nor an alias to a bug.")))?;
    let bug = Bug::find(today, number).ok_or_else(|| no_such_bug(id))?;
    if bug.is_visible(key) { Ok(bug) } else { Err(Refusal::new(102, format!("You are not authorized to access bug {id}."))) }
}

fn from_record(call: &Call<'_>, recorded: &RecordedFiles, parts: &[&str], query: &Query) -> Result<Answer, Refusal> {
    match parts {
        ["bug"] => {
            let search = Search::parse(query)?;
            let matching: Vec<_> = recorded.bug_list().filter(|(id, _)| search.wants_id(*id)).collect();
            let ids: Vec<u64> = matching.iter().map(|(id, _)| *id).collect();
            if search.count_only {
                return Ok(bug_count(search.count(&ids)));
            }
            let page = search.page(&ids, call.paging).into_iter();
            Ok(Answer::envelope("{", "bugs", page.map(|place| matching[place].1.to_vec())))
        }
        ["bug", id] => {
            let bug = recorded.bug_list().find(|(other, _)| other.to_string() == *id).ok_or_else(|| no_such_bug(id))?;
            Ok(Answer::envelope("{", "bugs", std::iter::once(bug.1.to_vec())))
        }
        ["bug", id, "history"] => {
            let body = id.parse().ok().and_then(|id| recorded.history(id)).ok_or_else(|| no_such_bug(id))?;
            Ok(Answer::json(200, body.to_vec()))
        }
        ["field", "bug"] => {
            let body = recorded.field_list().ok_or_else(|| no_such_resource(call.path))?;
            Ok(Answer::json(200, body.to_vec()))
        }
        ["version"] => Ok(version()),
        _ => Err(no_such_resource(call.path)),
    }
}

fn time(today: Today<'_>) -> Answer {
    let now = iso(today.now());
    let record: Object = vec![
        ("db_time".into(), now.clone().into()),
        ("web_time".into(), now.clone().into()),
        ("web_time_utc".into(), now.into()),
        ("tz_name".into(), "UTC".into()),
        ("tz_offset".into(), "+0000".into()),
        ("tz_short_name".into(), "UTC".into()),
    ];
    Answer::value(&Value::Object(record), Style::Compact)
}

fn bug_count(count: usize) -> Answer {
    Answer::json(200, format!("{{\"bug_count\":{count}}}"))
}

fn version() -> Answer {
    Answer::json(200, r#"{"version":"20250902.1"}"#)
}

fn no_such_bug(id: &str) -> Refusal {
    Refusal::new(101, format!("Bug #{id} does not exist."))
}

fn no_such_resource(path: &str) -> Refusal {
    Refusal::new(32614, format!("A REST API resource was not found for 'GET /{path}'."))
}

/// An error as Bugzilla words it.
pub(super) fn error(status: u16, code: i64, message: &str) -> Answer {
    let body: Object = vec![
        ("error".into(), true.into()),
        ("code".into(), code.into()),
        ("message".into(), message.to_owned().into()),
        ("documentation".into(), "https://bmo.readthedocs.io/en/latest/api/".into()),
    ];
    Answer { status, ..Answer::value(&Value::Object(body), Style::Compact) }
}

fn refusal(Refusal(code, message): &Refusal) -> Answer {
    // As in Bugzilla/WebService/Constants.pm; an invalid API key (306) is not in that list and so a 400.
    let status = match code {
        51 | 101 | 32614 => 404,
        102 | 106 | 109 | 110 | 113 | 115 | 120 | 300..=304 | 410 | 504 | 505 => 401,
        _ => 400,
    };
    error(status, *code, message)
}
