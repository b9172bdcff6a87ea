//! Runs the `run:` steps of the workflows as GitHub's runner would: job by job in the order of `needs`, each on an empty disk of
//! its own, with environments, outputs, results and expressions. `uses:` steps bring programs, and those the test has.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use regex::{Captures, Regex};
use serde_json::Value;

/// Values that expressions read: `vars.ETL_LAKE`, `secrets.GCLOUD_AUTH`, `inputs.select`, `needs.extract.result`.
type Context = BTreeMap<String, String>;

/// What a workflow runs in.
pub(super) struct Runner {
    root: PathBuf,
    /// Variables and secrets of each environment: only jobs that name it see them.
    environments: BTreeMap<String, Context>,
    /// Variables of the machine: the path, and where the simulated APIs are.
    machine: BTreeMap<String, String>,
    /// How many workflows were started.
    runs: Cell<u32>,
    /// Steps that ran, as `workflow: job: step`.
    ran: RefCell<BTreeSet<String>>,
}

/// A step that ran.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) code: i32,
    pub(super) text: String,
    pub(super) summary: String,
}

/// A workflow that ran.
#[derive(Debug, Default)]
pub(super) struct Finished {
    pub(super) steps: Vec<Step>,
    /// `success`, `failure` or `skipped`, by job.
    pub(super) results: BTreeMap<String, String>,
}

impl Finished {
    pub(super) fn is_green(&self) -> bool {
        self.results.values().all(|result| result == "success" || result == "skipped")
    }

    /// The step of this name; it must have run.
    pub(super) fn step(&self, name: &str) -> &Step {
        self.steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("no step `{name}` ran: {self:#?}"))
    }
}

impl Runner {
    /// `root` holds a checkout.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), environments: BTreeMap::new(), machine: BTreeMap::new(), runs: Cell::default(), ran: RefCell::default() }
    }

    /// Gives an environment a variable (`vars.X`) or a secret (`secrets.X`).
    pub(super) fn give(&mut self, environment: &str, name: &str, value: impl Into<String>) {
        self.environments.entry(environment.to_owned()).or_default().insert(name.to_owned(), value.into());
    }

    pub(super) fn machine(&mut self, name: &str, value: impl Into<String>) {
        self.machine.insert(name.to_owned(), value.into());
    }

    /// Runs all jobs of a workflow with these inputs and this event: `inputs.select`, `github.event.schedule`.
    pub(super) fn run(&self, workflow: &str, given: &[(&str, &str)]) -> Finished {
        self.run_only(&[], workflow, given)
    }

    /// Runs only these jobs, as "Re-run failed jobs" does.
    pub(super) fn run_only(&self, jobs: &[&str], workflow: &str, given: &[(&str, &str)]) -> Finished {
        let mut finished = Finished::default();
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.runs.set(self.runs.get() + 1);
        self.workflow(workflow, "workflow_dispatch", given, jobs, &mut finished);
        finished
    }

    /// A command that somebody types in the checkout, with the variables and secrets of an environment.
    pub(super) fn by_hand(&self, environment: &str, script: &str) -> Step {
        let disk = tempfile::tempdir().unwrap();
        let mut command = Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", script]).current_dir(&self.root).env_clear().envs(&self.machine);
        for (name, value) in &self.environments[environment] {
            command.env(name.split_once('.').unwrap().1, value);
        }
        let ran = command.env("ETL_DATA", disk.path()).env("HOME", disk.path()).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        Step { name: script.to_owned(), code: ran.status.code().unwrap_or(-1), text, summary: String::new() }
    }

    /// Steps of all workflows but `except` that never ran, as `workflow: job: step`.
    pub(super) fn never_ran(&self, except: &[&str]) -> Vec<String> {
        let mut steps = Vec::new();
        for file in crate::pump::files(&self.root.join(".github/workflows")) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if except.contains(&name) {
                continue;
            }
            let workflow: Value = serde_saphyr::from_str(&fs_err::read_to_string(&file).unwrap()).unwrap();
            for (id, job) in object(&workflow["jobs"]) {
                let runs = job["steps"].as_array().into_iter().flatten().filter(|step| step["run"].is_string());
                steps.extend(runs.map(|step| format!("{name}: {id}: {}", step["name"].as_str().unwrap())));
            }
        }
        assert!(steps.len() > 10, "{steps:?}");
        let ran = self.ran.borrow();
        steps.retain(|step| !ran.contains(step));
        steps
    }

    /// `event`: how it was started, which says where its inputs are described.
    fn workflow(&self, name: &str, event: &str, mut context: Context, only: &[&str], finished: &mut Finished) {
        let file = self.root.join(".github/workflows").join(name);
        let workflow: Value = serde_saphyr::from_str(&fs_err::read_to_string(&file).unwrap()).unwrap();
        for (input, about) in object(&workflow["on"][event]["inputs"]) {
            if let Some(default) = about["default"].as_str() {
                context.entry(format!("inputs.{input}")).or_insert_with(|| default.to_owned());
            }
        }
        for (id, job) in object(&workflow["jobs"]) {
            if !only.is_empty() && !only.contains(&id.as_str()) {
                continue;
            }
            let needs: Vec<&str> = match &job["needs"] {
                Value::String(one) => vec![one],
                several => several.as_array().map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default(),
            };
            let met = needs.iter().filter(|need| only.is_empty() || only.contains(*need)).all(|need| finished.results[*need] == "success");
            let wanted = match job["if"].as_str() {
                None => met,
                Some("always()") => true,
                Some(condition) if condition.starts_with("always() && ") => holds(condition.trim_start_matches("always() && "), &context),
                Some(condition) => met && holds(condition, &context),
            };
            let result = if !wanted {
                "skipped".to_owned()
            } else if let Some(called) = job["uses"].as_str() {
                let mut inner: Context = context.clone();
                inner.retain(|name, _| name.starts_with("github."));
                for (input, value) in object(&job["with"]) {
                    inner.insert(format!("inputs.{input}"), expand(value.as_str().unwrap(), &context));
                }
                let mut called_jobs = Finished::default();
                self.workflow(called.rsplit('/').next().unwrap(), "workflow_call", inner, &[], &mut called_jobs);
                let result = if called_jobs.is_green() { "success" } else { "failure" };
                finished.steps.extend(called_jobs.steps);
                finished.results.extend(called_jobs.results.into_iter().map(|(inner, result)| (format!("{id}.{inner}"), result)));
                result.to_owned()
            } else {
                self.job(name, id, job, &mut context, finished)
            };
            context.insert(format!("needs.{id}.result"), result.clone());
            finished.results.insert(id.clone(), result);
        }
    }

    fn job(&self, workflow: &str, id: &str, job: &Value, context: &mut Context, finished: &mut Finished) -> String {
        let disk = tempfile::tempdir().unwrap();
        let mut local = context.clone();
        if let Some(environment) = job["environment"].as_str().or_else(|| job["environment"]["name"].as_str()) {
            let environment = expand(environment, context);
            local.extend(self.environments.get(&environment).unwrap_or_else(|| panic!("no environment `{environment}`")).clone());
        }
        for (number, step) in job["steps"].as_array().unwrap().iter().enumerate() {
            let Some(script) = step["run"].as_str() else { continue };
            if step["if"].as_str().is_some_and(|condition| !holds(condition, &local)) {
                continue;
            }
            self.ran.borrow_mut().insert(format!("{workflow}: {id}: {}", step["name"].as_str().unwrap()));
            let (output, summary) = (disk.path().join(format!("output{number}")), disk.path().join(format!("summary{number}")));
            fs_err::write(&output, "").unwrap();
            let mut command = Command::new("bash");
            command.args(["-e", "-o", "pipefail", "-c", script]).current_dir(&self.root).env_clear().envs(&self.machine);
            for (name, value) in object(&job["env"]).chain(object(&step["env"])) {
                command.env(name, expand(value.as_str().unwrap(), &local));
            }
            let runner = [("GITHUB_ACTIONS", Path::new("true")), ("GITHUB_OUTPUT", &output), ("GITHUB_STEP_SUMMARY", &summary)];
            command.envs(runner).env("GITHUB_WORKFLOW", workflow).env("GITHUB_RUN_ID", self.runs.get().to_string());
            command.env("ETL_DATA", disk.path().join("data")).env("RUNNER_TEMP", disk.path()).env("HOME", disk.path());
            let ran = command.output().unwrap();
            if let Some(step) = step["id"].as_str() {
                for line in fs_err::read_to_string(&output).unwrap().lines() {
                    let (name, value) = line.split_once('=').unwrap();
                    local.insert(format!("steps.{step}.outputs.{name}"), value.to_owned());
                }
            }
            let code = ran.status.code().unwrap_or(-1);
            finished.steps.push(Step {
                name: step["name"].as_str().unwrap().to_owned(),
                code,
                text: format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr)),
                summary: fs_err::read_to_string(&summary).unwrap_or_default(),
            });
            if code != 0 {
                return "failure".to_owned();
            }
        }
        for (name, value) in object(&job["outputs"]) {
            context.insert(format!("needs.{id}.outputs.{name}"), expand(value.as_str().unwrap(), &local));
        }
        "success".to_owned()
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Replaces each `${{ name }}`. What nobody has set is empty, as it is there.
fn expand(text: &str, context: &Context) -> String {
    let expression = Regex::new(r"\$\{\{ *([a-zA-Z_.-]+) *\}\}").unwrap();
    let expanded = expression.replace_all(text, |found: &Captures<'_>| context.get(&found[1]).cloned().unwrap_or_default());
    assert!(!expanded.contains("${{"), "the test's runner knows names only: {text}");
    expanded.into_owned()
}

/// `name == 'text'` or `name != 'text'`.
fn holds(condition: &str, context: &Context) -> bool {
    let equal = condition.split_once(" == ").map(|sides| (sides, true));
    let ((name, text), wanted) = equal.or_else(|| condition.split_once(" != ").map(|sides| (sides, false))).unwrap();
    (context.get(name).map_or("", String::as_str) == text.trim_matches('\'')) == wanted
}
