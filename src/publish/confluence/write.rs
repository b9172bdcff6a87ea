//! Writes pages: read, merge, upload what is missing, write the next version; on a conflict from the start.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{
    attachments::{self, Attachment, Step},
    region::{self, State},
    render::PLACEHOLDER,
};
use crate::{
    digest::{Sha256, sha256, short},
    error::{Error, Kind, Result},
    http::{Body, HttpClient, Outgoing, Repeat, Verb},
    publish::{
        images::Image,
        looker::segment,
        outcomes::{Outcome, Outcomes, Status},
    },
};

/// Times that a page is read and merged anew because somebody saved it meanwhile.
const CONFLICTS: u32 = 5;

/// The picture that says that one is missing.
const MISSING: &[u8] = include_bytes!("404.png");

/// A page to be written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What kind of publication it is: `confluence_page`.
    pub kind: &'static str,
    /// The page.
    pub page_id: String,
    /// The title that it gets; `None` leaves it as it is.
    pub title: Option<String>,
    /// The file that describes it.
    pub config_file: String,
    /// What belongs on it.
    pub content: Content,
    /// Below that, of when it is: written with what changed, and no change by itself.
    pub as_of: Option<String>,
    /// Its pictures by name.
    pub images: Vec<(String, Image)>,
    /// Names of pictures that are missing.
    pub missing: Vec<String>,
}

/// What belongs on a page.
#[derive(Clone, Debug)]
pub enum Content {
    /// A region between what people write. The headings are those of generated tables.
    Region { text: String, headings: Vec<String> },
    /// The whole page, unless it has a region.
    Whole(String),
}

/// What was done with a page, or would be.
#[derive(Debug, Default)]
pub struct Written {
    /// The page.
    pub page_id: String,
    /// Its title.
    pub title: String,
    /// The file that describes it.
    pub config_file: String,
    /// `published`, `unchanged`, `failed`; in a plan `would write`.
    pub result: &'static str,
    /// What its region was: `ok`, `missing`, `old`, `damaged`, `whole page`.
    pub region: &'static str,
    /// Files uploaded.
    pub uploaded: Vec<String>,
    /// Files deleted.
    pub deleted: Vec<String>,
    /// Pictures that are missing.
    pub missing: Vec<String>,
    /// The page as it would be written, for a plan.
    pub preview: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
}

/// How pages are written.
pub struct Writer<'a> {
    /// The connection to Confluence.
    pub client: &'a HttpClient,
    /// Say what would be done; change nothing.
    pub plan: bool,
    /// Write also what is unchanged.
    pub force: bool,
}

/// A page as Confluence gives it.
struct Page {
    kind: String,
    title: String,
    space: Option<String>,
    version: u64,
    when: Option<DateTime<Utc>>,
    body: String,
}

impl Draft {
    /// Adds the picture that stands for missing ones, where one is.
    pub fn with_placeholder(mut self) -> Self {
        if !self.missing.is_empty() {
            let image = Image { content: Bytes::from_static(MISSING), sha256: sha256(MISSING), rendered_at: None };
            self.images.push((PLACEHOLDER.to_owned(), image));
        }
        self
    }

    /// What the page is made from: the text and the pictures. That it says of when they are counts, when that is does not: a page on
    /// which nothing else changed gets no new version for it.
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        let (Content::Region { text, .. } | Content::Whole(text)) = &self.content;
        hash.update(text);
        for (name, image) in &self.images {
            hash.update(format!("\n{name} {}", image.sha256));
        }
        if self.as_of.is_some() {
            hash.update("\nas of");
        }
        short(&hash.finish(), 16)
    }
}

impl Writer<'_> {
    /// Writes all pages, one after the other, and records each outcome. One page's failure does not stop the others.
    ///
    /// # Errors
    /// [`Kind::Lake`] if an outcome cannot be recorded.
    pub async fn publish(&self, drafts: &[Draft], outcomes: &mut Outcomes) -> Result<Vec<Written>> {
        let mut all = Vec::new();
        for draft in drafts {
            let (begin, hash) = (Instant::now(), draft.hash());
            let mut outcome = Outcome::begin(draft.kind, &draft.page_id, draft.title.as_deref().unwrap_or_default(), &hash, outcomes.now());
            let mut written = Written {
                page_id: draft.page_id.clone(),
                title: draft.title.clone().unwrap_or_default(),
                config_file: draft.config_file.clone(),
                missing: draft.missing.clone(),
                ..Written::default()
            };
            let result = self.page(draft, &hash, &mut written).await;
            if !self.plan {
                let former = outcomes.find(draft.kind, &draft.page_id);
                outcome.seconds = (begin.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
                match &result {
                    Ok(Wrote { status, bytes, saved_at }) => {
                        (outcome.status, outcome.bytes) = (*status, *bytes);
                        // It stands there and nobody recorded it: the process that wrote it ended too early.
                        if *status == Status::Unchanged && former.and_then(|former| former.published_sha256).as_ref() != Some(&hash) {
                            outcome.published_at = Some(saved_at.unwrap_or(outcome.attempted_at));
                            outcome.published_sha256 = Some(hash.clone());
                        }
                    }
                    Err(error) => {
                        outcome.status = Status::Failed;
                        outcome.error = Some(error.told());
                    }
                }
                outcome.target.clone_from(&written.title);
                outcome.detail = detail(draft, &written);
                outcomes.record(vec![outcome]).await?;
            }
            match result {
                Ok(Wrote { status: Status::Unchanged, .. }) => written.result = "unchanged",
                Ok(_) => written.result = if self.plan { "would write" } else { "published" },
                Err(error) => {
                    written.result = "failed";
                    written.error = Some(error.within(format!("page {} ({})", draft.page_id, draft.config_file)));
                }
            }
            all.push(written);
        }
        Ok(all)
    }

    async fn page(&self, draft: &Draft, hash: &str, written: &mut Written) -> Result<Wrote> {
        let mut there: Option<Vec<Attachment>> = None;
        for conflict in 0..=CONFLICTS {
            let page = self.read(&draft.page_id).await?;
            if written.title.is_empty() {
                written.title.clone_from(&page.title);
            }
            let (text, unchanged) = merged(draft, hash, &page, written)?;
            let attachments = match there.take() {
                Some(there) => there,
                None => self.upload(draft, written).await?,
            };
            if unchanged && !self.force {
                // After a conflict it is our own write whose answer was lost.
                let status = if conflict == 0 { Status::Unchanged } else { Status::Published };
                self.clean_up(&attachments, &page.body, written).await?;
                return Ok(Wrote { status, bytes: page.body.len() as u64, saved_at: page.when });
            }
            if self.plan || self.write(draft, hash, &page, &text).await? {
                self.clean_up(&attachments, &text, written).await?;
                let bytes = text.len() as u64;
                written.preview = self.plan.then_some(text);
                return Ok(Wrote { status: Status::Published, bytes, saved_at: None });
            }
            there = Some(attachments);
        }
        Err(Error::new(Kind::Locked, format!("the page was saved by others {CONFLICTS} times while it was being written")))
    }

    async fn read(&self, id: &str) -> Result<Page> {
        let what = format!("page {id}");
        let path = format!("content/{}", segment(id));
        let query = [("expand".to_owned(), "body.storage,version,space".to_owned())];
        let outgoing = Outgoing::get(&what, &path, &query);
        let value = self.client.send(&outgoing).await?.json()?;
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        // A page that is not all there must not be taken for an empty one.
        let lacks = |name: &str| Error::new(Kind::BadResponse, format!("{what}: the answer has no `{name}`"));
        if text("/id").as_deref() != Some(id) && value["id"].as_u64().map(|id| id.to_string()).as_deref() != Some(id) {
            return Err(lacks("id"));
        }
        if let Some(status) = text("/status").filter(|status| status != "current") {
            return Err(Error::new(Kind::Refused, format!("{what} is `{status}`")));
        }
        Ok(Page {
            kind: text("/type").ok_or_else(|| lacks("type"))?,
            title: text("/title").ok_or_else(|| lacks("title"))?,
            space: text("/space/key"),
            version: value.pointer("/version/number").and_then(Value::as_u64).ok_or_else(|| lacks("version.number"))?,
            when: text("/version/when").and_then(|when| when.parse().ok()),
            body: text("/body/storage/value").ok_or_else(|| lacks("body.storage.value"))?,
        })
    }

    /// Uploads what the page will show and lacks; gives the files that were there.
    async fn upload(&self, draft: &Draft, written: &mut Written) -> Result<Vec<Attachment>> {
        let there = attachments::list(self.client, &draft.page_id).await?;
        for (name, image) in &draft.images {
            let step = attachments::step(&there, name, image);
            if step != Step::Keep {
                if !self.plan {
                    attachments::upload(self.client, &draft.page_id, name, image, &step).await?;
                }
                written.uploaded.push(name.clone());
            }
        }
        Ok(there)
    }

    /// Writes the next version. `false`: somebody else did.
    async fn write(&self, draft: &Draft, hash: &str, page: &Page, text: &str) -> Result<bool> {
        let title = draft.title.as_ref().unwrap_or(&page.title);
        let mut body = json!({
            "id": draft.page_id,
            "type": page.kind,
            "status": "current",
            "title": title,
            "version": { "number": page.version + 1, "minorEdit": true, "message": format!("etl sha256:{hash}") },
            "body": { "storage": { "value": text, "representation": "storage" } },
        });
        if let Some(space) = &page.space {
            body["space"] = json!({ "key": space });
        }
        let what = format!("page {}", draft.page_id);
        let path = format!("content/{}", segment(&draft.page_id));
        let outgoing = Outgoing {
            what: &what,
            verb: Verb::Put,
            path: &path,
            query: &[],
            headers: &[],
            body: Body::Json(&body),
            // The version is part of it: what arrived twice is refused the second time.
            repeat: Repeat::Always,
            accept: &[409],
        };
        let sent = self.client.send(&outgoing).await?;
        if sent.status == 409 {
            return Ok(false);
        }
        match sent.json()?.pointer("/version/number").and_then(Value::as_u64) {
            Some(number) if number == page.version + 1 => Ok(true),
            _ => Err(Error::new(Kind::BadResponse, format!("{what}: the answer does not say that version {} was saved", page.version + 1))),
        }
    }

    /// Deletes files that only `etl` brought and that the page does not name any more.
    async fn clean_up(&self, there: &[Attachment], text: &str, written: &mut Written) -> Result<()> {
        for attachment in attachments::surplus(there, text) {
            if !self.plan {
                attachments::delete(self.client, attachment).await?;
            }
            written.deleted.push(attachment.title.clone());
        }
        Ok(())
    }
}

/// How a page was written.
struct Wrote {
    status: Status,
    bytes: u64,
    /// When the version that stands was saved.
    saved_at: Option<DateTime<Utc>>,
}

/// The page as it should be, and whether it is so already.
fn merged(draft: &Draft, hash: &str, page: &Page, written: &mut Written) -> Result<(String, bool)> {
    let as_of = draft.as_of.as_deref().unwrap_or_default();
    let same_title = draft.title.as_ref().is_none_or(|title| *title == page.title);
    let (Content::Region { text, .. } | Content::Whole(text)) = &draft.content;
    let text = format!("{text}{as_of}");
    let headings = match &draft.content {
        Content::Region { headings, .. } => headings.as_slice(),
        Content::Whole(_) => match region::merge(&page.body, &text, hash, &[]) {
            // Somebody made room for the rest of the page: it has a region.
            Ok(found) if matches!(found.state, State::Ok { .. }) => [].as_slice(),
            Ok(_) => {
                written.region = "whole page";
                let marked = region::marked(&text, hash);
                return Ok((marked, same_title && region::mark(&page.body).as_deref() == Some(hash)));
            }
            Err(damage) => return Err(damaged(written, &damage)),
        },
    };
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let merged = region::merge(&page.body, &text, hash, &headings).map_err(|damage| damaged(written, &damage))?;
    let unchanged = same_title && matches!(&merged.state, State::Ok { hash: Some(known) } if known == hash);
    written.region = match merged.state {
        State::Ok { .. } => "ok",
        State::Missing => "missing",
        State::Old => "old",
    };
    Ok((merged.page, unchanged))
}

fn damaged(written: &mut Written, damage: &region::Damage) -> Error {
    written.region = "damaged";
    Error::new(Kind::Guard, format!("the managed region is damaged, the page was not touched: {}", damage.0))
        .hint("put both anchors back, or restore an earlier version of the page; docs/publishing.md says how")
}

fn detail(draft: &Draft, written: &Written) -> Map<String, Value> {
    let detail = json!({
        "config_file": draft.config_file,
        "region": written.region,
        "missing_images": draft.missing.len(),
        "missing": draft.missing,
        "uploaded": written.uploaded,
        "deleted": written.deleted,
    });
    detail.as_object().cloned().unwrap_or_default()
}
