//! Tasks and what becomes of them: most are completed at the first go, some fail, are lost, cancelled or run again.

use super::{
    super::{
        calendar::iso,
        json::{Object, Value},
        random::Dice,
    },
    BRANCHES, Push,
};

/// Kinds of tasks with their worker pool, name and whether they carry tags about tests.
const KINDS: [(&str, &str, &str, bool); 6] = [
    ("build", "gecko-3/b-linux", "build-linux64/opt", false),
    ("build", "gecko-3/b-win2022", "build-win64/opt", false),
    ("test", "gecko-t/t-linux-docker", "test-linux2404-64/opt-mochitest-browser-chrome-", true),
    ("test", "gecko-t/t-linux-docker", "test-linux2404-64/opt-xpcshell-", true),
    ("test", "releng-hardware/gecko-t-osx-1500-m4", "test-macosx1500-aarch64/opt-web-platform-tests-", true),
    ("source-test", "gecko-t/t-linux-docker", "source-test-mozlint-eslint-🦊", false),
];
const DAY: i64 = 86_400;

/// One task of a push as it is today.
pub(super) struct Task<'a> {
    push: &'a Push<'a>,
    number: u64,
    dice: Dice,
    kind: (&'static str, &'static str, &'static str, bool),
    runs: Vec<Run>,
    state: &'static str,
}

struct Run {
    state: &'static str,
    why: &'static str,
    reason: Option<&'static str>,
    scheduled: i64,
    started: Option<i64>,
    resolved: Option<i64>,
}

impl<'a> Task<'a> {
    pub(super) fn of(push: &'a Push<'a>, number: u64) -> Self {
        let dice = push.dice.part("task", number);
        let kind = if number == 0 { ("decision-task", "gecko-3/decision", "Gecko Decision Task", false) } else { dice.pick("kind", &KINDS) };
        let mut task = Self { push, number, dice, kind, runs: Vec::new(), state: "completed" };
        task.tell();
        task
    }

    /// The runs that there are by the end of today, and the state that they leave the task in.
    fn tell(&mut self) {
        let dice = self.dice;
        let ready = self.push.at + 60 + dice.below("ready after", 900).cast_signed();
        let outcome = if self.number == 0 { 50 } else { dice.below("outcome", 100) };
        match outcome {
            0..=4 => {
                self.run("scheduled", ready, "failed", "failed");
                // Somebody retriggers it on the next day.
                self.run("rerun", ready + DAY, "completed", "completed");
            }
            5..=8 => self.run("scheduled", ready, "failed", "failed"),
            9..=11 => {
                self.run("scheduled", ready, "exception", "worker-shutdown");
                self.run("retry", ready + 900, "completed", "completed");
            }
            12..=13 => {
                self.run("scheduled", ready, "exception", "intermittent-task");
                self.run("task-retry", ready + 900, "completed", "completed");
            }
            14 => self.never_started(ready, ready + 600, "canceled"),
            15 => self.never_started(ready, self.push.at + DAY, "deadline-exceeded"),
            // Ends on the next day.
            16..=19 => self.run("scheduled", ready + DAY - 4 * 3600, "completed", "completed"),
            _ => self.run("scheduled", ready, "completed", "completed"),
        }
        self.state = match self.runs.last() {
            None => "unscheduled",
            Some(run) => run.state,
        };
    }

    fn run(&mut self, why: &'static str, scheduled: i64, state: &'static str, reason: &'static str) {
        let now = self.push.today.now();
        if scheduled > now {
            return;
        }
        let dice = self.dice.part("run", self.runs.len() as u64);
        let started = scheduled + dice.between("waits", 3, 600).cast_signed();
        let resolved = started + dice.between("runs", 20, 2400).cast_signed();
        let run = match now {
            _ if started > now => Run { state: "pending", why, reason: None, scheduled, started: None, resolved: None },
            _ if resolved > now => Run { state: "running", why, reason: None, scheduled, started: Some(started), resolved: None },
            _ => Run { state, why, reason: Some(reason), scheduled, started: Some(started), resolved: Some(resolved) },
        };
        self.runs.push(run);
    }

    fn never_started(&mut self, scheduled: i64, resolved: i64, reason: &'static str) {
        let over = resolved <= self.push.today.now();
        self.runs.push(Run {
            state: if over { "exception" } else { "pending" },
            why: "scheduled",
            reason: over.then_some(reason),
            scheduled,
            started: None,
            resolved: over.then_some(resolved),
        });
    }

    fn id(&self) -> String {
        self.push.id(self.number).write(self.push.dice)
    }

    fn group_id(&self) -> String {
        self.push.id(0).write(self.push.dice)
    }

    fn common(&self) -> Object {
        let (pool, worker) = self.kind.1.split_once('/').unwrap_or((self.kind.1, ""));
        vec![
            ("provisionerId".into(), pool.into()),
            ("workerType".into(), worker.into()),
            ("taskQueueId".into(), self.kind.1.into()),
            ("schedulerId".into(), "gecko-level-3".into()),
            ("projectId".into(), "none".into()),
            ("taskGroupId".into(), self.group_id().into()),
            ("deadline".into(), milliseconds(self.push.at + DAY).into()),
            ("expires".into(), milliseconds(self.push.at + 365 * DAY).into()),
        ]
    }

    pub(super) fn status(&self) -> Object {
        let mut status: Object = vec![("taskId".into(), self.id().into())];
        status.extend(self.common());
        let runs = self.runs.iter().zip(0_u64..).map(|(run, number)| {
            let mut record: Object =
                vec![("runId".into(), number.into()), ("state".into(), run.state.into()), ("reasonCreated".into(), run.why.into())];
            record.extend(run.reason.map(|reason| ("reasonResolved".into(), reason.into())));
            if let Some(started) = run.started {
                record.push(("workerGroup".into(), self.dice.pick("group", &["us-west-2", "us-central1", "mdc1"]).into()));
                record.push(("workerId".into(), format!("i-{:012x}", self.dice.part("worker", number).below("id", 1 << 48)).into()));
                record.push(("takenUntil".into(), milliseconds(started + 1200).into()));
            }
            record.push(("scheduled".into(), milliseconds(run.scheduled).into()));
            record.extend(run.started.map(|started| ("started".into(), milliseconds(started).into())));
            record.extend(run.resolved.map(|resolved| ("resolved".into(), milliseconds(resolved).into())));
            Value::Object(record)
        });
        status.extend([
            ("priority".into(), "medium".into()),
            ("retriesLeft".into(), (5 - (self.runs.len() as u64).min(5)).into()),
            ("state".into(), self.state.into()),
            ("runs".into(), Value::List(runs.collect())),
        ]);
        status
    }

    pub(super) fn definition(&self) -> Object {
        let (kind, _, name, tests) = self.kind;
        let name = if tests { format!("{name}{}", self.dice.between("chunk", 1, 8)) } else { name.to_owned() };
        let mut tags: Object = vec![("createdForUser".into(), "ana@example.test".into()), ("label".into(), name.clone().into())];
        // Some tasks have no kind.
        if !self.dice.one_in("no kind", 15) {
            tags.push(("kind".into(), kind.into()));
        }
        if tests {
            tags.push((
                "test-suite".into(),
                name.split("opt-").nth(1).unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned().into(),
            ));
            tags.push((
                "test-platform".into(),
                name.trim_start_matches("test-")
                    .split("-opt")
                    .next()
                    .and_then(|text| text.split("/opt").next())
                    .map(|text| format!("{text}/opt"))
                    .into(),
            ));
        }
        let metadata: Object = vec![
            ("owner".into(), "ana@example.test".into()),
            ("source".into(), format!("https://hg.example.test/{}/file/tip/taskcluster", BRANCHES[self.push.branch].0).into()),
            ("description".into(), "A task of the simulated Firefox CI".into()),
            ("name".into(), name.into()),
        ];
        let mut record = self.common();
        record.extend([
            ("dependencies".into(), if self.number == 0 { Value::List(vec![]) } else { Value::list([self.group_id()]) }),
            ("requires".into(), "all-completed".into()),
            ("routes".into(), Value::List(vec![])),
            ("priority".into(), "medium".into()),
            ("retries".into(), 5_u64.into()),
            ("created".into(), milliseconds(self.push.at + i64::from(self.number > 0) * 30).into()),
            ("scopes".into(), Value::List(vec![])),
            ("payload".into(), Value::Object(vec![("maxRunTime".into(), 3600_u64.into())])),
            ("metadata".into(), Value::Object(metadata)),
            ("tags".into(), Value::Object(tags)),
            ("extra".into(), Value::Object(vec![])),
        ]);
        record
    }
}

/// Times have milliseconds; they rise with the second, so that order stays.
fn milliseconds(seconds: i64) -> String {
    iso(seconds).replace('Z', &format!(".{:03}Z", seconds.rem_euclid(997)))
}
