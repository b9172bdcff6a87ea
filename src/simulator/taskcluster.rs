//! Taskcluster: the index of pushes, task definitions and task groups of three branches.

mod ids;
mod tasks;

use super::{
    answer::Answer,
    apis::Call,
    calendar::{Day, iso},
    json::{Object, Style, Value},
    random::Dice,
    world::Today,
};
use ids::TaskId;
use tasks::Task;

/// Branches with the most pushes of a day.
const BRANCHES: [(&str, u64); 3] = [("mozilla-central", 3), ("mozilla-beta", 2), ("mozilla-release", 1)];

/// Answers below `/taskcluster/api/`. Public: nobody has to log in.
pub(super) fn answer(call: &Call<'_>) -> Answer {
    let parts: Vec<&str> = call.path.split('/').collect();
    match parts[..] {
        ["queue", "v1", "ping"] => Answer::json(200, r#"{"alive":true,"uptime":1000}"#),
        ["index", "v1", "namespaces", namespace] => namespaces(call, namespace),
        ["index", "v1", "tasks", namespace] => indexed(call, namespace),
        ["queue", "v1", "task", id] => match TaskId::read(id).and_then(|id| Some((id, Push::find(call.today, id)?))) {
            Some((id, push)) if id.number < push.tasks => Answer::value(&Value::Object(Task::of(&push, id.number).definition()), Style::Compact),
            _ => not_found("task", id),
        },
        ["queue", "v1", "task-group", id, "list"] => {
            let push = TaskId::read(id).filter(|id| id.number == 0).and_then(|id| Push::find(call.today, id));
            push.map_or_else(|| not_found("listTaskGroup", id), |push| group(call, id, &push))
        }
        _ => not_found("route", call.path),
    }
}

fn not_found(method: &str, what: &str) -> Answer {
    let info: Object = vec![
        ("method".into(), method.to_owned().into()),
        ("params".into(), Value::Object(vec![("id".into(), what.to_owned().into())])),
        ("payload".into(), Value::Object(vec![])),
        ("time".into(), "2025-09-08T04:00:00.000Z".into()),
    ];
    let body: Object = vec![
        ("code".into(), "ResourceNotFound".into()),
        ("message".into(), format!("`{what}` does not correspond to anything that exists.").into()),
        ("requestInfo".into(), Value::Object(info)),
    ];
    Answer { status: 404, ..Answer::value(&Value::Object(body), Style::Pretty) }
}

/// One push to a branch, with its task group.
#[derive(Clone, Copy, Debug)]
struct Push<'a> {
    today: Today<'a>,
    branch: usize,
    day: Day,
    /// Place among the day's pushes of the branch.
    place: u64,
    dice: Dice,
    /// Unix seconds.
    at: i64,
    /// How many tasks its group has.
    tasks: u64,
}

impl<'a> Push<'a> {
    /// The pushes of a branch on a day.
    fn on(today: Today<'a>, branch: usize, day: Day) -> Vec<Self> {
        let of_day = today.world.dice("pushes", branch as u64).part("day", day.cast_unsigned());
        let count = if day > today.day { 0 } else { of_day.below("count", BRANCHES[branch].1 + 1).max(u64::from(branch == 0)) };
        let pushes = (0..count).map(|place| {
            let dice = of_day.part("push", place);
            // In the first two hours, so that most tasks end on the same day; later ones later.
            let at = today.world.calendar().now(day) - 4 * 3600 + (place * 2400 + dice.below("second", 2000)).cast_signed();
            let tasks = today.world.scale.tasks_per_push / (branch as u64 + 1) + dice.below("tasks", 4) + 2;
            Self { today, branch, day, place, dice, at, tasks }
        });
        pushes.collect()
    }

    fn find(today: Today<'a>, id: TaskId) -> Option<Self> {
        Self::on(today, id.branch, id.day).into_iter().find(|push| push.place == id.place)
    }

    fn id(&self, number: u64) -> TaskId {
        TaskId { branch: self.branch, day: self.day, place: self.place, number }
    }

    fn namespace(&self) -> String {
        let date = self.today.world.calendar().date(self.day);
        let stamp = iso(self.at).replace(['-', ':', 'T', 'Z'], "");
        format!("gecko.v2.{}.pushdate.{}.{stamp}", BRANCHES[self.branch].0, date.format("%Y.%m.%d"))
    }

    /// The last push of today is not indexed yet.
    fn is_indexed(&self) -> bool {
        self.day < self.today.day || self.place + 1 < Self::on(self.today, self.branch, self.day).len() as u64 || self.branch > 0
    }
}

/// Every push that the namespace of a day or of a push names.
fn pushes<'a>(call: &Call<'a>, namespace: &str) -> Vec<Push<'a>> {
    let near = (0..BRANCHES.len()).find(|branch| namespace.starts_with(&format!("gecko.v2.{}.pushdate.", BRANCHES[*branch].0)));
    let date = namespace.split(".pushdate.").nth(1).and_then(|rest| rest.get(..10)).unwrap_or_default().replace('.', "-");
    match (near, date.parse()) {
        (Some(branch), Ok(date)) => Push::on(call.today, branch, call.today.world.calendar().day(date)),
        _ => Vec::new(),
    }
}

fn namespaces(call: &Call<'_>, namespace: &str) -> Answer {
    let pushes = pushes(call, namespace);
    let records = pushes.iter().filter(|push| push.namespace().starts_with(&format!("{namespace}."))).map(|push| {
        let own = push.namespace();
        let name = own.rsplit('.').next().unwrap_or_default().to_owned();
        let expires = iso(push.at + 365 * 86_400);
        vec![("namespace".into(), own.into()), ("name".into(), name.into()), ("expires".into(), expires.into())]
    });
    listed(call, "{", "namespaces", records.collect(), 1000)
}

fn indexed(call: &Call<'_>, namespace: &str) -> Answer {
    let pushes = pushes(call, namespace);
    let push = pushes.iter().find(|push| format!("{}.firefox", push.namespace()) == namespace && push.is_indexed());
    let records = push.into_iter().flat_map(|push| {
        ["linux64-opt", "macosx64-opt", "win64-opt"].into_iter().zip(1_u64..).filter(|(_, number)| *number < push.tasks).map(|(leaf, number)| {
            vec![
                ("namespace".into(), format!("{namespace}.{leaf}").into()),
                ("taskId".into(), push.id(number).write(push.dice).into()),
                ("rank".into(), push.at.into()),
                ("data".into(), Value::Object(vec![])),
                ("expires".into(), iso(push.at + 365 * 86_400).into()),
            ]
        })
    });
    listed(call, "{", "tasks", records.collect(), 1000)
}

fn group(call: &Call<'_>, id: &str, push: &Push<'_>) -> Answer {
    let records: Vec<Object> = (0..push.tasks)
        .map(|number| {
            let task = Task::of(push, number);
            vec![("status".into(), Value::Object(task.status())), ("task".into(), Value::Object(task.definition()))]
        })
        .collect();
    let head = format!("{{\"taskGroupId\":\"{id}\",\"schedulerId\":\"gecko-level-3\",\"expires\":\"{}\"", iso(push.at + 365 * 86_400));
    // Fewer than asked for, as the service may answer.
    listed(call, &head, "tasks", records, (push.tasks / 2).max(5))
}

/// A page: at most `most` records. In one group of three the last page is followed by an empty one.
fn listed(call: &Call<'_>, head: &str, name: &str, records: Vec<Object>, most: u64) -> Answer {
    let limit = call.query.number("limit").unwrap_or(1000).clamp(1, 1000).unsigned_abs().min(most) as usize;
    let offset = call.query.get("continuationToken").and_then(|token| token.strip_prefix("1!")?.parse().ok()).unwrap_or(0_usize);
    let total = records.len();
    let trailing = most < 1000 && total.is_multiple_of(3);
    let more = offset + limit < total || (trailing && offset < total);
    let head = match more {
        true => format!("{head}{}\"continuationToken\":\"1!{}\"", if head == "{" { "" } else { "," }, offset + limit),
        false => head.to_owned(),
    };
    let page = records.into_iter().skip(offset).take(limit).map(|record| {
        let mut out = Vec::new();
        Value::Object(record).write(Style::Compact, &mut out);
        out
    });
    Answer::envelope(&head, name, page)
}
