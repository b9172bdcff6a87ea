//! Looker's API 4.0: a login, and the looks of two folders.

mod renders;

use axum::http::Method;

use super::{
    LOOKER_CLIENT, LOOKER_SECRET,
    answer::Answer,
    apis::Call,
    calendar::iso,
    json::{Object, Style, Value},
    query::Query,
    random::Dice,
};

/// What a login gives.
const TOKEN: &str = "simulated-looker-token";
/// Folders with the number of their looks.
const FOLDERS: [(&str, u64); 2] = [("1820", 14), ("1946", 6)];

const SUBJECTS: [&str; 7] = [
    "Test Cases by Suite",
    "Automation Coverage: Smoke & Sanity",
    "Crash-Free Users (iOS)",
    "New Bugs 🐞 per Week",
    "test cases by suite!",
    "…",
    "Build  Times -- p90",
];

/// Answers below `/looker/api/4.0/`.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    match (call.method, call.path) {
        (&Method::POST, "login") => login(call),
        _ if !["token ", "Bearer "].iter().any(|scheme| call.authorization.and_then(|text| text.strip_prefix(scheme)) == Some(TOKEN)) => {
            message(401, "Requires authentication.")
        }
        (&Method::DELETE, "logout") => Answer::json(204, ""),
        (&Method::GET, "user") => Answer::json(200, r#"{"id":"7","display_name":"etl"}"#),
        (_, path) if path.starts_with("render_tasks/") => renders::answer(call, &path["render_tasks/".len()..]),
        (&Method::GET, path) => {
            let folder = path.strip_prefix("folders/").and_then(|rest| rest.strip_suffix("/looks"));
            match folder.and_then(|id| FOLDERS.iter().find(|(own, _)| *own == id)) {
                Some((folder, count)) => looks(call, folder, *count),
                None => message(404, "Not found"),
            }
        }
        _ => message(404, "Not found"),
    }
}

fn login(call: &Call<'_>) -> Answer {
    let form = Query::parse(&String::from_utf8_lossy(call.body));
    if form.get("client_id") != Some(LOOKER_CLIENT) || form.get("client_secret") != Some(LOOKER_SECRET) {
        // Recorded: wrong credentials are a web page that is not found.
        return Answer::html(404, "<!DOCTYPE html>\n<html><head><title>Looker Not Found (404)</title></head><body></body></html>");
    }
    Answer::json(200, format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}"#))
}

fn message(status: u16, text: &str) -> Answer {
    Answer::json(status, format!(r#"{{"message":"{text}","documentation_url":"https://cloud.google.com/looker/docs/"}}"#))
}

/// The whole folder in one answer; what is in the trash is not in it.
fn looks(call: &Call<'_>, folder: &str, count: u64) -> Answer {
    let today = call.today;
    let first = folder.parse::<u64>().unwrap_or(0) * 10;
    let looks = (0..count).filter_map(|number| {
        let dice: Dice = today.world.dice("look", first + number);
        let created = dice.below("created", 200).cast_signed() - 200;
        if dice.one_in("deleted", 12) && today.day > 3 {
            return None;
        }
        // Edited about every second week.
        let edited = (created..=today.day).rev().find(|day| dice.part("edit", day.cast_unsigned()).one_in("edited", 14)).unwrap_or(created);
        let id = first + number;
        let subject = SUBJECTS[(number % 7) as usize];
        let title = if folder == FOLDERS[0].0 && number < 7 { subject.to_owned() } else { format!("{subject} {}", number + 20) };
        let record: Object = vec![
            ("can".into(), Value::Object(vec![("show".into(), true.into())])),
            ("content_metadata_id".into(), (id + 50_000).to_string().into()),
            ("id".into(), id.to_string().into()),
            ("title".into(), title.into()),
            ("created_at".into(), iso(today.world.calendar().seconds(created, dice, "created")).into()),
            ("updated_at".into(), iso(today.world.calendar().seconds(edited, dice, "updated")).replace('Z', ".000+00:00").into()),
            ("deleted".into(), false.into()),
            ("deleted_at".into(), Value::Null),
            ("description".into(), Value::Null),
            ("favorite_count".into(), dice.below("favourites", 9).into()),
            ("is_run_on_load".into(), true.into()),
            ("public".into(), false.into()),
            ("query_id".into(), dice.between("query", 1, 90_000).to_string().into()),
            ("short_url".into(), format!("/looks/{id}").into()),
            ("view_count".into(), dice.below("views", 900).into()),
            ("folder_id".into(), folder.to_owned().into()),
        ];
        Some(Value::Object(record))
    });
    let mut answer = Answer::value(&Value::List(looks.collect()), Style::Compact);
    let whole = 0..answer.body.len();
    answer.records = Some(super::answer::Records { member: whole.clone(), array: whole });
    answer
}
