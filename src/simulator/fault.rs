//! Faults that a test scripts: what goes wrong, for which requests, how often.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{answer::Answer, bugzilla, testrail};

/// A fault for some requests.
///
/// Several may be scripted. Each counts the requests that match its route on its own; where more than one is due, the one
/// scripted first happens.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Text that the path and query of a request contain, such as `get_cases/17`; empty for every request.
    pub route: String,
    /// So many matching requests are answered as usual before.
    pub after: u32,
    /// So many matching requests after those are hit.
    pub times: u32,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// Another status, with the API's own error body (429, 5xx: an HTML page at Bugzilla).
    Status {
        /// The HTTP status.
        code: u16,
        /// The header `Retry-After`, if any.
        retry_after: Option<RetryAfter>,
    },
    /// The connection is reset before the first byte of the answer.
    ResetBeforeAnswer,
    /// `Content-Length` promises the whole body, half of it comes, then the connection is closed.
    ResetMidBody,
    /// A complete HTTP answer whose JSON ends in the middle of a record.
    CutJson,
    /// Status 200 and the HTML page of a login form.
    LoginPage,
    /// Text where the array of records belongs: `{"cases": "oops"}`. An answer without an array is text as a whole.
    WrongType,
    /// The envelope without its array of records.
    MissingArray,
    /// Status 200 and a body that reports an error.
    ErrorBody,
    /// Status 200 and `[]` alone.
    EmptyArray,
    /// The usual answer, so much later.
    Latency(Duration),
    /// The usual body in small parts.
    SlowBody {
        /// Bytes of one part.
        bytes: usize,
        /// Time between two parts.
        every: Duration,
    },
    /// The usual body, followed by blanks up to this many bytes. No `Content-Length` warns of it.
    LargeBody(u64),
    /// `NaN` as a value in the first record, as some serialisers write it.
    NaN,
    /// Each page is the first one again, and says that there is a next one.
    EndlessNext,
    /// The page before the one asked for.
    DuplicatePage,
    /// Pages of at most so many records, whatever is requested.
    LoweredCap(u32),
}

/// The two forms of the header `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// `Retry-After: 7`
    Seconds(u64),
    /// `Retry-After: Wed, 21 Oct 2015 07:28:00 GMT`
    Date(DateTime<Utc>),
}

impl Fault {
    /// A fault that hits the first request whose path and query contain `route`.
    pub fn new(route: impl Into<String>, kind: FaultKind) -> Self {
        Self { route: route.into(), after: 0, times: 1, kind }
    }

    /// The same fault, after so many matching requests.
    #[must_use]
    pub fn after(self, after: u32) -> Self {
        Self { after, ..self }
    }

    /// The same fault, so many times; `u32::MAX` for always.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}

impl RetryAfter {
    pub(super) fn header(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Date(date) => date.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }
}

/// How a list is paged under a fault. Faults that change what a page holds cannot be applied to a finished body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paging {
    #[default]
    Plain,
    Endless,
    Repeated,
    Capped(u32),
}

/// How an answer goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    ResetBefore,
    ResetMidBody,
    Slow { bytes: usize, every: Duration },
    Padded { to: u64 },
}

/// The scripted faults that are still to happen.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<Scripted>);

#[derive(Debug)]
struct Scripted {
    fault: Fault,
    passed: u32,
    hit: u32,
}

impl Script {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(Scripted { fault, passed: 0, hit: 0 });
    }

    /// Counts a request and returns what happens to it.
    pub(super) fn due(&mut self, target: &str) -> Option<FaultKind> {
        let mut due = None;
        for scripted in self.0.iter_mut().filter(|scripted| target.contains(&scripted.fault.route)) {
            if scripted.passed < scripted.fault.after {
                scripted.passed += 1;
            } else if due.is_none() && scripted.hit < scripted.fault.times {
                scripted.hit = scripted.hit.saturating_add(u32::from(scripted.fault.times != u32::MAX));
                due = Some(scripted.fault.kind.clone());
            }
        }
        due
    }
}

impl FaultKind {
    pub(super) fn paging(&self) -> Paging {
        match self {
            Self::EndlessNext => Paging::Endless,
            Self::DuplicatePage => Paging::Repeated,
            Self::LoweredCap(most) => Paging::Capped(*most),
            _ => Paging::Plain,
        }
    }

    /// Time to wait before the answer.
    pub(super) fn latency(&self) -> Duration {
        if let Self::Latency(latency) = self { *latency } else { Duration::ZERO }
    }

    pub(super) fn delivery(&self) -> Delivery {
        match self {
            Self::ResetBeforeAnswer => Delivery::ResetBefore,
            Self::ResetMidBody => Delivery::ResetMidBody,
            Self::SlowBody { bytes, every } => Delivery::Slow { bytes: (*bytes).max(1), every: *every },
            Self::LargeBody(to) => Delivery::Padded { to: *to },
            _ => Delivery::Whole,
        }
    }

    /// Changes a good answer as this fault does.
    pub(super) fn spoil(&self, answer: Answer, of_bugzilla: bool) -> Answer {
        match self {
            Self::Status { code, retry_after } => {
                let spoilt = match (of_bugzilla, code) {
                    (true, 429 | 500..) => Answer::html(*code, "<html><body><h1>Service unavailable</h1></body></html>"),
                    (true, _) => bugzilla::error(*code, 32000, "simulated error"),
                    (false, 409) => testrail::refusal(409, "Maintenance in progress."),
                    (false, 429) => testrail::refusal(429, "API Rate Limit Exceeded"),
                    (false, _) => testrail::refusal(*code, "simulated error"),
                };
                Answer { retry_after: retry_after.map(RetryAfter::header), ..spoilt }
            }
            Self::LoginPage => {
                Answer::html(200, "<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><form action=\"login\"></form></body></html>")
            }
            Self::ErrorBody if of_bugzilla => bugzilla::error(200, 1001, "The search took too long."),
            Self::ErrorBody => testrail::refusal(200, "Internal error."),
            Self::EmptyArray => Answer::json(200, b"[]".to_vec()),
            Self::CutJson => {
                let mut cut = answer;
                cut.body.truncate(cut.body.len() * 2 / 3);
                cut
            }
            Self::WrongType => replaced(answer, |records| records.array.clone(), "\"oops\"", "\"oops\""),
            Self::MissingArray => replaced(answer, |records| records.member.clone(), "", "{}"),
            Self::NaN => {
                let mut spoilt = answer;
                let from = spoilt.records.as_ref().map_or(0, |records| records.array.start);
                if let Some(at) = spoilt.body[from..].iter().position(|byte| *byte == b'{') {
                    let at = from + at + 1;
                    spoilt.body.splice(at..at, *b"\"simulated_nan\":NaN,");
                }
                spoilt
            }
            _ => answer,
        }
    }
}

/// Puts `text` in the place of a part of the envelope, or `whole` in the place of a body that is all records.
fn replaced(mut answer: Answer, part: impl Fn(&super::answer::Records) -> std::ops::Range<usize>, text: &str, whole: &str) -> Answer {
    match answer.records.take() {
        Some(records) if records.array.len() < answer.body.len() => {
            answer.body.splice(part(&records), text.bytes());
        }
        _ => answer.body = whole.into(),
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Answer {
        Answer::envelope(r#"{"size":1"#, "cases", std::iter::once(br#"{"id":1}"#.to_vec()))
    }

    fn spoilt(kind: FaultKind) -> String {
        String::from_utf8(kind.spoil(page(), false).body).unwrap()
    }

    #[test]
    fn a_script_counts_each_fault_on_its_own() {
        let mut script = Script::default();
        script.add(Fault::new("cases", FaultKind::CutJson).after(1).times(2));
        script.add(Fault::new("", FaultKind::LoginPage));
        let hits: Vec<_> = ["cases", "plans", "cases", "cases", "cases"].map(|target| script.due(target)).into();
        assert!(matches!(hits[..], [Some(FaultKind::LoginPage), None, Some(FaultKind::CutJson), Some(FaultKind::CutJson), None]));
    }

    #[test]
    fn bodies_are_spoilt_as_told() {
        assert_eq!(spoilt(FaultKind::WrongType), r#"{"size":1,"cases":"oops"}"#);
        assert_eq!(spoilt(FaultKind::MissingArray), r#"{"size":1}"#);
        assert_eq!(spoilt(FaultKind::NaN), r#"{"size":1,"cases":[{"simulated_nan":NaN,"id":1}]}"#);
        assert_eq!(spoilt(FaultKind::CutJson), r#"{"size":1,"cases":["#);
        assert!(spoilt(FaultKind::LoginPage).starts_with("<!DOCTYPE html>"));
        assert_eq!(spoilt(FaultKind::ErrorBody), r#"{"error":"Internal error."}"#);
    }

    #[test]
    fn retry_after_has_both_forms() {
        let date = DateTime::<Utc>::from_timestamp(1_445_412_480, 0).unwrap();
        assert_eq!(RetryAfter::Date(date).header(), "Wed, 21 Oct 2015 07:28:00 GMT");
        let busy = FaultKind::Status { code: 429, retry_after: Some(RetryAfter::Seconds(7)) }.spoil(page(), false);
        assert_eq!((busy.status, busy.retry_after.as_deref()), (429, Some("7")));
    }
}
