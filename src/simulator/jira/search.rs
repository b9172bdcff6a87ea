//! Search by JQL: a saved filter, or the children of an issue.

use super::{
    super::{
        answer::Answer,
        apis::Call,
        json::{Style, Value},
    },
    error,
    issue::Issue,
};

/// Issues of a page at most where more than ids is asked for; the server lowers the size without a word.
const MOST: usize = 50;

/// The answer to `search/jql`.
pub(super) fn answer(call: &Call<'_>, known: bool) -> Answer {
    let query = &call.query;
    let Some(jql) = query.get("jql").and_then(|jql| jql.strip_suffix(" ORDER BY key ASC")) else {
        return error(400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.");
    };
    let found = match (jql.strip_prefix("filter="), jql.strip_prefix("parent = ")) {
        (Some(filter), _) => match filter.parse().ok().and_then(|filter| Issue::of_filter(call.today, filter)) {
            Some(issues) => issues,
            None => return error(400, &format!("A value with ID '{filter}' does not exist for the field 'filter'.")),
        },
        (_, Some(parent)) if Issue::find(call.today, parent).is_none() => {
            return error(400, &format!("An issue with key '{parent}' does not exist for field 'parent'."));
        }
        (_, Some(parent)) => Issue::children(call.today, parent),
        _ => return error(400, &format!("Error in the JQL Query: '{jql}' is not simulated.")),
    };
    let found = if known { found } else { Vec::new() };
    let start = match query.get("nextPageToken") {
        None => 0,
        Some(token) => match token.strip_prefix("Cha").and_then(|rest| usize::from_str_radix(rest, 16).ok()) {
            Some(start) if start <= found.len() => start,
            _ => return error(400, "The provided next page token is invalid or has expired."),
        },
    };
    let asked = query.number("maxResults").and_then(|number| usize::try_from(number).ok()).unwrap_or(MOST);
    let end = found.len().min(start + asked.min(MOST));
    let is_last = end == found.len();
    let head = if is_last { "{\"isLast\":true".to_owned() } else { format!("{{\"isLast\":false,\"nextPageToken\":\"Cha{end:x}\"") };
    let fields = query.words("fields");
    Answer::envelope(
        &head,
        "issues",
        found[start..end].iter().map(|issue| {
            let mut out = Vec::new();
            Value::Object(issue.record(&fields)).write(Style::Compact, &mut out);
            out
        }),
    )
}
