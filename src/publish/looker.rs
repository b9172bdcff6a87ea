//! Pictures of looks: a render task for each, watched until it is done, failed or too slow.

use std::sync::Arc;

use bytes::Bytes;
use chrono::SecondsFormat;
use futures::StreamExt;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::{Journal, images::Images};
use crate::{
    engine::Row,
    error::{Error, Kind, Result},
    events::{Event, Observer},
    http::{Body, HttpClient, Outgoing, Repeat, Verb},
    settings::LookerSettings,
};

/// The endpoint where renderings are recorded.
pub const RENDERS: &str = "etl_looker_renders";

/// What a PNG file begins with.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A look of `report_looker_looks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The file that its picture belongs into.
    pub file_name: String,
}

/// How the rendering of a look ended.
#[derive(Debug)]
pub struct Rendered {
    /// The look.
    pub look: Look,
    /// Seconds that it took; none if it was not rendered because today's picture stands.
    pub seconds: Option<f64>,
    /// Size of the new picture.
    pub bytes: u64,
    /// Why there is no new one.
    pub error: Option<Error>,
}

/// What rendering needs.
pub struct Job<'a> {
    /// The connection to Looker.
    pub client: &'a HttpClient,
    /// Where renderings are recorded.
    pub renders: &'a mut Journal,
    /// Where pictures go.
    pub images: &'a Images,
    /// Size and limits.
    pub limits: &'a LookerSettings,
    /// Render again what was rendered today.
    pub force: bool,
    /// Is told of the progress.
    pub observer: Arc<dyn Observer>,
}

impl Look {
    /// The query over `report_looker_looks` that [`Look::of`] reads.
    pub const QUERY: &str = "select look_id, folder_id, title, file_name from report_looker_looks order by folder_id, file_name";

    /// The look of a row, if it lies in one of `folders` (empty = all).
    pub fn of(row: &Row, folders: &[String]) -> Option<Self> {
        let text = |name: &str| {
            let (_, value) = row.iter().find(|(own, _)| own == name)?;
            value.to_json().as_str().map(str::to_owned)
        };
        let folder = text("folder_id")?;
        let wanted = folders.is_empty() || folders.contains(&folder);
        wanted.then_some(Self { id: text("look_id")?, title: text("title")?, file_name: text("file_name")? })
    }
}

/// Looks whose name carries their id because another look has the same one.
pub fn collisions(looks: &[Look]) -> Vec<String> {
    let plain = |look: &Look| look.file_name.strip_suffix(&format!("-{}.png", look.id)).map(|stem| format!("{stem}.png"));
    let collides = |look: &&Look| plain(look).is_some_and(|name| looks.iter().any(|other| other.file_name == name));
    looks
        .iter()
        .filter(collides)
        .map(|look| format!("the look {} `{}` is saved as `{}`: another look has the name", look.id, look.title, look.file_name))
        .collect()
}

/// Renders all looks, some at a time, and records how each ended. One failure does not stop the others.
///
/// # Errors
/// [`Kind::Lake`] if the outcome cannot be recorded.
pub async fn render(job: Job<'_>, looks: Vec<Look>) -> Result<Vec<Rendered>> {
    let today = job.renders.run_at().date_naive();
    let (mut due, mut done) = (Vec::new(), Vec::new());
    for look in looks {
        let made_today = time(job.renders.find(&[&look.id]), "rendered_at").is_some_and(|at| at.date_naive() == today);
        let same_name =
            job.renders.find(&[&look.id]).and_then(|record| record.get("file_name")).and_then(Value::as_str) == Some(look.file_name.as_str());
        if !job.force && made_today && same_name && job.images.find(&look.file_name).await?.is_some() {
            done.push(Rendered { look, seconds: None, bytes: 0, error: None });
        } else {
            due.push(look);
        }
    }
    let tasks = due.into_iter().map(|look| {
        let (client, limits, images, observer) = (job.client, job.limits, job.images, Arc::clone(&job.observer));
        async move {
            let begin = Instant::now();
            let kept = match picture(client, limits, &look).await {
                Ok(content) => images.keep(&look.file_name, &content).await.map(|sha256| (content.len() as u64, sha256)),
                Err(error) => Err(error),
            };
            if let Err(error) = &kept {
                observer.on(&Event::Warning(format!("no new picture of the look {} `{}`: {error}", look.id, look.title)));
            }
            (look, begin.elapsed().as_secs_f64(), kept)
        }
    });
    let mut ended: Vec<_> = futures::stream::iter(tasks).buffer_unordered(job.limits.at_once).collect().await;
    ended.sort_by(|a, b| a.0.file_name.cmp(&b.0.file_name));
    let mut records = Vec::new();
    for (look, seconds, kept) in ended {
        let former = job.renders.find(&[&look.id]).cloned();
        records.push(record(&look, seconds, &kept, former, job.renders));
        let (bytes, error) = match kept {
            Ok((bytes, _)) => (bytes, None),
            Err(error) => {
                // On an empty machine the former picture is in the lake only; who reads the folder shall find it.
                if let Some(former) = job.renders.find(&[&look.id]).and_then(|record| record.get("file_name")).and_then(Value::as_str) {
                    job.images.find(former).await?;
                }
                (0, Some(error))
            }
        };
        done.push(Rendered { look, seconds: Some(seconds), bytes, error });
    }
    job.renders.append(records).await?;
    Ok(done)
}

fn time(record: Option<&Map<String, Value>>, name: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    record?.get(name)?.as_str()?.parse().ok()
}

/// What is recorded: how it ended, and the picture that stands now.
fn record(look: &Look, seconds: f64, kept: &Result<(u64, String)>, former: Option<Map<String, Value>>, renders: &Journal) -> Map<String, Value> {
    let mut record = Map::new();
    let mut set = |name: &str, value: Value| drop(record.insert(name.to_owned(), value));
    set("look_id", look.id.as_str().into());
    set("file_name", look.file_name.as_str().into());
    set("seconds", ((seconds * 1000.0).round() / 1000.0).into());
    match kept {
        Ok((bytes, sha256)) => {
            set("status", "success".into());
            set("error", Value::Null);
            set("rendered_at", renders.now().to_rfc3339_opts(SecondsFormat::Micros, true).into());
            set("image_bytes", (*bytes).into());
            set("image_sha256", sha256.as_str().into());
        }
        Err(error) => {
            set("status", "failure".into());
            set("error", error.told().into());
            let former = former.unwrap_or_default();
            for name in ["file_name", "rendered_at", "image_bytes", "image_sha256"] {
                if let Some(value) = former.get(name).filter(|value| !value.is_null()) {
                    set(name, value.clone());
                }
            }
        }
    }
    record
}

/// An id as part of a path.
pub(super) fn segment(id: &str) -> String {
    let mut text = String::new();
    crate::http::encode(id, &mut text);
    text
}

/// Makes one picture.
async fn picture(client: &HttpClient, limits: &LookerSettings, look: &Look) -> Result<Bytes> {
    let begin = Instant::now();
    let what = format!("the picture of the look {}", look.id);
    let ask = |verb, path: String, query: Vec<(String, String)>, accept: &'static [u16]| {
        let what = what.clone();
        async move {
            // A second task for the same look makes the same picture: repeating is harmless.
            let outgoing =
                Outgoing { what: &what, verb, path: &path, query: &query, headers: &[], body: Body::Nothing, repeat: Repeat::Always, accept };
            client.send(&outgoing).await
        }
    };
    let size = vec![("width".to_owned(), limits.width.to_string()), ("height".to_owned(), limits.height.to_string())];
    let id = segment(&look.id);
    let mut task = ask(Verb::Post, format!("render_tasks/looks/{id}/png"), size, &[]).await?.json()?;
    let task_id = match &task["id"] {
        Value::String(id) => segment(id),
        Value::Number(id) => id.to_string(),
        _ => return Err(Error::new(Kind::BadResponse, format!("{what}: Looker named no render task"))),
    };
    let mut rendering: Option<Instant> = None;
    let mut wait = limits.poll;
    loop {
        let status = task["status"].as_str().unwrap_or_default();
        match status {
            "success" => break,
            "failure" => {
                let detail = task["status_detail"].as_str().unwrap_or("without a reason");
                return Err(Error::new(Kind::Refused, format!("{what}: Looker failed: {detail}")));
            }
            "enqueued_for_query" | "querying" | "enqueued_for_render" => {}
            "rendering" => drop(rendering.get_or_insert_with(Instant::now)),
            other => return Err(Error::new(Kind::BadResponse, format!("{what}: Looker's status is `{other}`, which is not known here"))),
        }
        let slow = |since: Instant, limit: std::time::Duration| since.elapsed() + wait > limit;
        if slow(begin, limits.whole) || rendering.is_some_and(|since| slow(since, limits.rendering)) {
            let seconds = begin.elapsed().as_secs();
            return Err(Error::new(Kind::TimedOut, format!("{what}: still `{status}` after {seconds} s"))
                .hint("raise `rendering` or `whole` under [publish.looker] in etl.toml"));
        }
        sleep(wait).await;
        wait = wait.mul_f64(1.5).min(limits.longest_poll);
        task = ask(Verb::Get, format!("render_tasks/{task_id}"), Vec::new(), &[]).await?.json()?;
    }
    loop {
        let sent = ask(Verb::Get, format!("render_tasks/{task_id}/results"), Vec::new(), &[202, 404]).await?;
        match sent.status {
            202 => {
                let wait = sent.retry_after.unwrap_or(limits.poll);
                if begin.elapsed() + wait > limits.whole {
                    return Err(Error::new(Kind::TimedOut, format!("{what}: Looker says that it is ready and does not hand it out")));
                }
                sleep(wait).await;
            }
            404 => return Err(Error::new(Kind::NotFound, format!("{what}: it expired before it was fetched"))),
            _ if sent.body.starts_with(SIGNATURE) => return Ok(sent.body),
            _ => {
                return Err(Error::new(
                    Kind::BadResponse,
                    format!("{what}: the answer ({}, {} bytes) is no PNG", sent.content_type, sent.body.len()),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_of_one_name_are_named() {
        let look = |id: &str, file: &str| Look { id: id.to_owned(), title: "a".to_owned(), file_name: file.to_owned() };
        let looks = [look("1", "a.png"), look("2", "a-2.png"), look("3", "b-3.png"), look("4", "look-4.png")];
        assert_eq!(collisions(&looks), ["the look 2 `a` is saved as `a-2.png`: another look has the name"]);
    }
}
