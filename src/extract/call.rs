//! One call of a pull: its pages in order, from the first request to the stop.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::{
    paginate::{Ask, Facts, Pager, Step},
    plan::{Call, Pull},
    prepare::prepare,
    slice::{Sliced, slice},
    writer::{Landing, Writer},
};
use crate::{
    catalog::{Endpoint, Replaces},
    digest::sha256,
    error::{Error, Kind},
    events::{Event, Observer},
    http::{Answer, Failure, Got, HttpClient, Request},
    lake::{PartitionStatus, Stop},
    secret::scrub,
};

/// After so many calls in a row that failed for want of the API, the rest of a pull is not tried: each would wait in vain for
/// as long as the source's retries allow.
const IN_VAIN: u32 = 5;
/// Of a failed answer's body so much is kept in the exchange log.
const KEPT_OF_FAILED: usize = 2_000;

/// What the calls of one pull share.
pub(super) struct Caller<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) pull: &'a Pull,
    pub(super) http: &'a HttpClient,
    pub(super) writer: &'a Writer,
    pub(super) observer: &'a dyn Observer,
    pub(super) given_up: AtomicBool,
    pub(super) failed_in_row: AtomicU32,
}

/// Cuts a body into its records. A body of the wrong shape is quoted in the error, unless it may hold what is to be blanked.
pub(super) fn read(endpoint: &Endpoint, http: &HttpClient, body: &[u8]) -> Result<Sliced, Error> {
    slice(body, &endpoint.records, endpoint.bare_array).map_err(|error| match error.kind() {
        Kind::WrongShape if endpoint.redact.is_empty() => error.because(format!("the response begins with `{}`", http.excerpt(body))),
        _ => error,
    })
}

/// How a call ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) stop: Option<Stop>,
    pub(super) error: Option<Error>,
    /// By position in the call's range.
    pub(super) statuses: Vec<PartitionStatus>,
    pub(super) records: Vec<u64>,
    pub(super) expected: Option<u64>,
    pub(super) requests: u64,
    pub(super) retries: u64,
    pub(super) bytes: u64,
    /// The response is an array without an envelope and without records.
    pub(super) is_empty_array: bool,
    pub(super) warnings: Vec<String>,
}

impl Caller<'_> {
    /// Makes call number `call_no` of the pull.
    pub(super) async fn make(&self, call_no: usize) -> Ended {
        let call = &self.pull.calls[call_no];
        let mut ended = Ended { records: vec![0; call.partitions.len()], ..Ended::default() };
        if self.given_up.load(Ordering::Relaxed) {
            ended.error = Some(Error::new(Kind::Incomplete, "not asked, because of the failures before"));
            ended.stop = Some(Stop::Error);
        } else {
            match self.pages(call_no, call, &mut ended).await {
                Ok(status) => {
                    self.failed_in_row.store(0, Ordering::Relaxed);
                    ended.statuses = match status {
                        // Of a batch, only who is not in the answer is absent.
                        PartitionStatus::Ok if self.endpoint.batch.is_some() => {
                            let status = |records: &u64| if *records == 0 { PartitionStatus::Absent } else { PartitionStatus::Ok };
                            ended.records.iter().map(status).collect()
                        }
                        status => vec![status; call.partitions.len()],
                    };
                }
                Err((stop, error)) => {
                    self.note_failure(&error);
                    ended.stop = Some(stop);
                    ended.error = Some(error);
                }
            }
        }
        if ended.error.is_some() {
            ended.statuses = vec![PartitionStatus::Failed; call.partitions.len()];
        }
        self.observer.on(&Event::PartitionDone { endpoint: self.endpoint.id.clone(), scope: self.pull.scope_key.clone() });
        ended
    }

    async fn pages(&self, call_no: usize, call: &Call, ended: &mut Ended) -> Result<PartitionStatus, (Stop, Error)> {
        let error = |error: Error| (Stop::Error, error);
        let mut pager = Pager::new(self.endpoint);
        for page_no in 0_u32.. {
            // Unique in the pull, rising with the page, and the same whatever the timing: "the last one wins" is certain.
            let request_no = u64::from(page_no) * self.pull.calls.len() as u64 + call_no as u64;
            let request_no = u32::try_from(request_no).map_err(|_| error(Error::new(Kind::Incomplete, "too many pages for one pull")))?;
            let mut query = call.asked.query.clone();
            let follow = match pager.ask() {
                Ask::Url(url) => Some(url),
                Ask::Params(params) => {
                    query.retain(|(name, _)| !params.iter().any(|(other, _)| other == name));
                    query.extend(params);
                    None
                }
            };
            // A fact about one thing is only believed where things are asked for one by one, and on their first page.
            let single = page_no == 0 && self.endpoint.batch.is_none() && !self.endpoint.partition.is_empty();
            let request = Request {
                endpoint: &self.endpoint.id,
                method: self.endpoint.method,
                path: &call.asked.path,
                query: &query,
                body: call.asked.body.as_ref(),
                follow: follow.as_deref(),
                gone: if single { &self.endpoint.gone } else { &[] },
                forbidden: if single { &self.endpoint.forbidden } else { &[] },
            };
            let fetched = self.http.ask(&request, |body| read(self.endpoint, self.http, body)).await;
            let partition_no = u32::try_from(call.partitions.start).unwrap_or(u32::MAX);
            let empty = |answer: Answer, body_sha256: String| Landing {
                request_no,
                partition_no,
                page_no,
                answer,
                body_sha256,
                envelope: None,
                error: None,
                page: None,
            };
            let fetched = match fetched {
                Ok(fetched) => fetched,
                Err(failure) => {
                    let Failure { error: failed, answer } = *failure;
                    if let Some(answer) = answer {
                        ended.requests += 1;
                        ended.retries += u64::from(answer.attempts - 1);
                        ended.bytes += answer.body.len() as u64;
                        let envelope = self.kept_of_failed(&answer.body);
                        let hash = sha256(&answer.body);
                        self.land(Landing { envelope, error: Some(failed.told()), ..empty(answer, hash) }).await.map_err(error)?;
                    }
                    return Err(error(failed));
                }
            };
            ended.requests += 1;
            ended.retries += u64::from(fetched.answer.attempts - 1);
            ended.bytes += fetched.answer.body.len() as u64;
            let sliced: Sliced = match fetched.got {
                Got::Read(sliced) => sliced,
                fact => {
                    let (status, means) = match fact {
                        Got::Gone => (PartitionStatus::Gone, Kind::NotFound),
                        _ => (PartitionStatus::Forbidden, Kind::Unauthorized),
                    };
                    let status_code = fetched.answer.status;
                    let failed = (!single).then(|| {
                        Error::new(
                            means,
                            format!("`{}`: {} {} answered {status_code}", self.endpoint.id, self.endpoint.method.name(), fetched.answer.url),
                        )
                    });
                    let envelope = self.kept_of_failed(&fetched.answer.body);
                    let hash = sha256(&fetched.answer.body);
                    self.land(Landing { envelope, error: failed.as_ref().map(Error::told), ..empty(fetched.answer, hash) }).await.map_err(error)?;
                    ended.stop = Some(Stop::Single);
                    return failed.map_or(Ok(status), |failed| Err(error(failed)));
                }
            };
            let (url, body) = (fetched.answer.url.clone(), fetched.answer.body.clone());
            let (link, method) = (fetched.answer.link.clone(), self.endpoint.method.name());
            let within = |failed: Error| failed.within(format!("`{}`: {method} {url}", self.endpoint.id));
            // Where the processor cannot help, hashing takes longer than everything else: it has a thread of its own meanwhile.
            let hashing = tokio::task::spawn_blocking({
                let body = body.clone();
                move || sha256(&body)
            });
            let mut page = prepare(self.endpoint, self.pull, call, request_no, body, &sliced);
            self.observer.on(&Event::Page {
                endpoint: self.endpoint.id.clone(),
                scope: self.pull.scope_key.clone(),
                records: page.records.len() as u64,
                bytes: page.body.len() as u64,
            });
            let step = if let Some(problem) = page.problem.take() {
                Step::Failed(Stop::Error, problem)
            } else {
                let keys: Vec<&str> = page.records.iter().map(|record| record.key.as_str()).collect();
                pager.after(&Facts {
                    keys: &keys,
                    ordered: page.ordered.clone(),
                    envelope: &sliced.envelope,
                    bare: sliced.bare,
                    link: link.as_deref(),
                })
            };
            ended.expected = pager.expected();
            let hash = hashing.await.map_err(|cause| error(Error::new(Kind::Internal, "hashing broke off").because(cause)))?;
            let envelope = (!sliced.envelope.is_null()).then(|| sliced.envelope.to_string());
            let failed = if let Step::Failed(_, failed) = &step { Some(failed.told()) } else { None };
            let is_empty_array = page_no == 0 && sliced.envelope.is_null() && page.records.is_empty();
            // Records of a page that was read twice are landed once.
            let page = (!matches!(step, Step::Confirmed(_))).then_some(page);
            for record in page.iter().flat_map(|page| &page.records) {
                ended.records[record.partition - call.partitions.start] += 1;
            }
            self.land(Landing { envelope, error: failed, page, ..empty(fetched.answer, hash) }).await.map_err(error)?;
            match step {
                Step::More => {}
                Step::Done(stop) | Step::Confirmed(stop) => {
                    ended.stop = Some(stop);
                    ended.is_empty_array = is_empty_array && matches!(stop, Stop::Single | Stop::EmptyPage);
                    if ended.is_empty_array && sliced.bare && self.pull.is_enveloped {
                        let what =
                            "the response is `[]` alone, and the last complete pull came in an envelope: that does not say that the list is empty";
                        return Err(error(within(Error::new(Kind::Incomplete, what))));
                    }
                    if let (Some(total), Some(came)) = (pager.expected(), pager.shortfall()) {
                        ended.warnings.push(format!(
                            "`{}`: {method} {url}: the API says that there are {total} records, and {came} came on two reads; the list counts as complete",
                            self.endpoint.id
                        ));
                    }
                    return Ok(PartitionStatus::Ok);
                }
                Step::Failed(stop, failed) => return Err((stop, within(failed))),
            }
        }
        Err(error(Error::new(Kind::Internal, "paging without an end")))
    }

    async fn land(&self, landing: Landing) -> Result<(), Error> {
        if self.writer.land(landing).await {
            Ok(())
        } else {
            self.given_up.store(true, Ordering::Relaxed);
            Err(Error::new(Kind::Io, "the pull's files cannot be written"))
        }
    }

    /// Enough of a body to see what went wrong; nothing where something must not be kept.
    fn kept_of_failed(&self, body: &[u8]) -> Option<String> {
        // Secrets go first, so that the cut cannot leave half of one.
        let text = String::from_utf8_lossy(&body[..body.len().min(32 * KEPT_OF_FAILED)]);
        let text: String = scrub(&text).chars().take(KEPT_OF_FAILED).collect();
        (self.endpoint.redact.is_empty() && !text.is_empty()).then(|| serde_json::Value::from(text).to_string())
    }

    /// Decides whether the pull's other calls still make sense.
    fn note_failure(&self, error: &Error) {
        let in_vain = matches!(error.kind(), Kind::Unavailable | Kind::Network | Kind::TimedOut | Kind::RateLimited);
        let in_row = if in_vain { self.failed_in_row.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        // Only partitions count one by one. Elsewhere one failure spoils the pull, and asking on would be waste.
        let spoilt = self.endpoint.replaces != Replaces::Partition;
        if spoilt || in_row >= IN_VAIN || matches!(error.kind(), Kind::Unauthorized | Kind::Config | Kind::Io) {
            self.given_up.store(true, Ordering::Relaxed);
        }
    }
}
