//! Render tasks: begun, watched, fetched.

use axum::http::Method;

use crate::simulator::{
    answer::Answer,
    apis::Call,
    desk::{Rendering, Task},
    json::{Object, Style, Value},
    server::lock,
};

use super::message;

/// What a task is doing when its status is asked, one after the other.
const STATES: [&str; 4] = ["enqueued_for_query", "querying", "rendering", "success"];

/// Answers below `render_tasks/`.
pub(super) fn answer(call: &Call<'_>, path: &str) -> Answer {
    let parts: Vec<&str> = path.split('/').collect();
    match (call.method, parts.as_slice()) {
        (&Method::POST, ["looks", look, "png" | "jpg"]) => begin(call, look),
        (&Method::GET, [task]) => task.parse().ok().and_then(|id| state(call, id)).unwrap_or_else(|| message(404, "Not found")),
        (&Method::GET, [task, "results"]) => task.parse().ok().and_then(|id| results(call, id)).unwrap_or_else(|| message(404, "Not found")),
        _ => message(404, "Not found"),
    }
}

fn begin(call: &Call<'_>, look: &str) -> Answer {
    let (Some(width), Some(height)) = (call.query.number("width"), call.query.number("height")) else {
        return message(422, "width and height are required");
    };
    let mut desk = lock(call.desk);
    desk.tasks.push(Task { look: look.to_owned(), width, height, asked: 0, fetched: 0 });
    let id = desk.tasks.len() - 1;
    task(id, &desk.tasks[id], STATES[0])
}

fn state(call: &Call<'_>, id: usize) -> Option<Answer> {
    let mut desk = lock(call.desk);
    let look = desk.tasks.get(id)?.look.clone();
    let rendering = desk.renderings.get(&look).cloned();
    let known = desk.tasks.get_mut(id)?;
    known.asked += 1;
    let usual = STATES[(known.asked as usize).min(STATES.len() - 1)];
    let status = match rendering {
        Some(Rendering::Fails) if usual == "success" => "failure",
        Some(Rendering::Stuck(status)) => status,
        _ => usual,
    };
    Some(task(id, known, status))
}

fn results(call: &Call<'_>, id: usize) -> Option<Answer> {
    let mut desk = lock(call.desk);
    let look = desk.tasks.get(id)?.look.clone();
    let rendering = desk.renderings.get(&look).cloned();
    let known = desk.tasks.get_mut(id)?;
    known.fetched += 1;
    let picture = Answer { content_type: "image/png", ..Answer::json(200, picture(&look, call.today.day)) };
    Some(match rendering {
        Some(Rendering::Late(times)) if known.fetched <= times => Answer { retry_after: Some("0".to_owned()), ..Answer::json(202, "") },
        Some(Rendering::Expired) => message(404, "Not found"),
        Some(Rendering::NoPicture) => Answer { content_type: "image/png", ..Answer::json(200, "oops") },
        _ => picture,
    })
}

/// A picture, as far as its first bytes tell.
fn picture(look: &str, day: i64) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), format!("look {look} of day {day}").as_bytes()].concat()
}

fn task(id: usize, task: &Task, status: &str) -> Answer {
    let record: Object = vec![
        ("can".into(), Value::Object(vec![("show".into(), true.into())])),
        ("id".into(), id.to_string().into()),
        ("created_at".into(), "2025-09-08T02:00:00.000+00:00".into()),
        ("look_id".into(), task.look.clone().into()),
        ("width".into(), task.width.into()),
        ("height".into(), task.height.into()),
        ("result_format".into(), "png".into()),
        ("status".into(), status.to_owned().into()),
        ("status_detail".into(), if status == "failure" { "the query failed".into() } else { Value::Null }),
    ];
    Answer::value(&Value::Object(record), Style::Compact)
}
