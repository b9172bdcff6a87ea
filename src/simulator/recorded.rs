//! Recorded answers, served byte for byte.

use std::io;

use bytes::Bytes;
use serde::Deserialize;

use super::{
    answer::{Answer, Records},
    query::Query,
};

/// Recorded answers of the APIs.
///
/// Filters are not applied to them: a TestRail method answers its whole file, and a Bugzilla search finds every bug, save
/// that ids, `bug_id` charts, `limit` and `offset` are honoured. `include_fields` leaves records as they are.
#[derive(Clone, Debug, Default)]
pub struct RecordedFiles {
    /// Bugs by id.
    bugs: Vec<(u64, Bytes)>,
    histories: Vec<(u64, Bytes)>,
    fields: Option<Bytes>,
    testrail: Vec<(String, Bytes)>,
    others: Vec<(String, Bytes)>,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct Body {
    bugs: Vec<Id>,
}

impl RecordedFiles {
    /// No recordings: every request is answered with an error.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bugs: one JSON object a line, each with a numeric `id`.
    ///
    /// # Errors
    /// `InvalidData` when a line is no such object; the message has its number.
    pub fn bugs(mut self, jsonl: impl Into<Bytes>) -> io::Result<Self> {
        for (number, line) in lines(&jsonl.into()) {
            let Id { id } = serde_json::from_slice(&line).map_err(|error| bad_line("bugs", number, &error))?;
            self.bugs.push((id, line));
        }
        self.bugs.sort_by_key(|(id, _)| *id);
        Ok(self)
    }

    /// Adds whole bodies of `/bug/{id}/history`, one a line.
    ///
    /// # Errors
    /// `InvalidData` when a line is no such body; the message has its number.
    pub fn histories(mut self, jsonl: impl Into<Bytes>) -> io::Result<Self> {
        for (number, line) in lines(&jsonl.into()) {
            let body: Body = serde_json::from_slice(&line).map_err(|error| bad_line("histories", number, &error))?;
            self.histories.extend(body.bugs.first().map(|Id { id }| (*id, line)));
        }
        Ok(self)
    }

    /// Sets the body of `/field/bug`.
    #[must_use]
    pub fn fields(self, body: impl Into<Bytes>) -> Self {
        Self { fields: Some(body.into()), ..self }
    }

    /// Adds the body of a TestRail method, a bare array or an envelope. `call` is the method (`get_runs`), or with an id
    /// (`get_runs/2`), or with parameters too (`get_cases/2&suite_id=17`); of several that fit, the longest answers.
    #[must_use]
    pub fn testrail(mut self, call: impl Into<String>, body: impl Into<Bytes>) -> Self {
        self.testrail.push((call.into(), body.into()));
        self
    }

    /// Adds the body of any other API. `call` is a path (`/sentry/api/0/…`), or begins one with its query (`/a/b?c=1`); of several
    /// that fit, the longest answers.
    #[must_use]
    pub fn other(mut self, call: impl Into<String>, body: impl Into<Bytes>) -> Self {
        self.others.push((call.into(), body.into()));
        self
    }

    pub(super) fn answer(&self, path: &str, query: &str) -> Option<Answer> {
        let asked = format!("{path}?{query}");
        let fits = |call: &str| call == path || (call.contains('?') && asked.starts_with(call));
        let (_, body) = self.others.iter().filter(|(call, _)| fits(call)).max_by_key(|(call, _)| call.len())?;
        let mut answer = Answer::json(200, body.to_vec());
        // A recording is one page: what the APIs send with the last page, and for the page after it.
        if path.starts_with("/sentry/") {
            answer.headers.push(("link", r#"</sentry/?cursor=0:100:0>; rel="next"; results="false"; cursor="0:100:0""#.to_owned()));
        } else if path.starts_with("/github/") && Query::parse(query).number("page").is_some_and(|page| page > 1) {
            answer.body = b"[]".to_vec();
        }
        Some(answer)
    }

    pub(super) fn bug_list(&self) -> impl Iterator<Item = &(u64, Bytes)> {
        self.bugs.iter()
    }

    pub(super) fn history(&self, id: u64) -> Option<&Bytes> {
        self.histories.iter().find(|(other, _)| *other == id).map(|(_, body)| body)
    }

    pub(super) fn field_list(&self) -> Option<&Bytes> {
        self.fields.as_ref()
    }

    pub(super) fn testrail_answer(&self, method: &str, filters: &str) -> Option<Answer> {
        let request = format!("{method}&{filters}&");
        let name = method.split('/').next().unwrap_or_default();
        let fits = |call: &str| call == name || request.starts_with(&format!("{call}&"));
        let (_, body) = self.testrail.iter().filter(|(call, _)| fits(call)).max_by_key(|(call, _)| call.len())?;
        let mut answer = Answer::json(200, body.to_vec());
        if body.trim_ascii_start().starts_with(b"[") {
            answer.records = Some(Records { member: 0..body.len(), array: 0..body.len() });
        }
        Some(answer)
    }
}

/// The lines that are not blank, with their numbers, without the line end; slices of the file.
fn lines(file: &Bytes) -> impl Iterator<Item = (usize, Bytes)> {
    let lines = file.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let full = lines.enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    full.map(|(number, line)| (number + 1, file.slice_ref(line)))
}

fn bad_line(what: &str, number: usize, error: &serde_json::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("line {number} of the recorded {what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bug_lines_are_kept_byte_for_byte_in_order_of_id() {
        let file = "{\"id\" : 7, \"summary\":\"half \\ud83d\"}\r\n\n{\"id\":3}\n";
        let recorded = RecordedFiles::new().bugs(file).unwrap();
        let bugs: Vec<_> = recorded.bug_list().cloned().collect();
        assert_eq!(bugs[0], (3, Bytes::from_static(b"{\"id\":3}")));
        assert_eq!(bugs[1], (7, Bytes::from_static(b"{\"id\" : 7, \"summary\":\"half \\ud83d\"}")));
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = RecordedFiles::new().bugs("{\"id\":1}\n{\"no\":1}").unwrap_err();
        assert!(error.to_string().starts_with("line 2 of the recorded bugs: missing field `id`"), "{error}");
        assert!(RecordedFiles::new().histories("{}").is_err());
    }

    #[test]
    fn the_longest_call_that_fits_answers() {
        let recorded = RecordedFiles::new().testrail("get_cases", "[1]").testrail("get_cases/2", "[2]").testrail("get_cases/2&suite_id=17", "[3]");
        let body = |method, filters| recorded.testrail_answer(method, filters).map(|answer| answer.body);
        assert_eq!(body("get_cases/9", ""), Some(b"[1]".to_vec()));
        assert_eq!(body("get_cases/2", "limit=250"), Some(b"[2]".to_vec()));
        assert_eq!(body("get_cases/2", "suite_id=17&limit=250"), Some(b"[3]".to_vec()));
        assert_eq!(body("get_cases/2", "suite_id=170"), Some(b"[2]".to_vec()));
        assert_eq!(body("get_runs/2", ""), None);
    }
}
