//! Do the workflows pass the variables that the project's files name?

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use crate::{
    catalog::{Client, Project, read_text},
    error::{Error, Kind, Result},
    settings::Env,
};

const FOLDER: &str = ".github/workflows";
const PUMP: &str = ".github/workflows/pump.yml";

/// What of a workflow says which variables a step sees.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Workflow {
    env: BTreeMap<String, serde_json::Value>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Job {
    env: BTreeMap<String, serde_json::Value>,
    steps: Vec<Step>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Step {
    run: String,
    env: BTreeMap<String, serde_json::Value>,
}

/// Variables of `sources/` that the extract step of `pump.yml` does not get, and variables of `etl.toml` that no workflow passes.
/// None if the project has no such workflow.
///
/// # Errors
/// [`Kind::Config`] for a workflow that cannot be read.
pub(super) fn check(project: &Project) -> Result<Option<Vec<Error>>> {
    let root = &project.root;
    if !root.join(PUMP).is_file() {
        return Ok(None);
    }
    let passed = variables(&read(root, Path::new(PUMP))?, |step| step.run.split_whitespace().any(|word| word == "extract"));
    let mut wrong = Vec::new();
    for source in &project.sources {
        let Some(client) = &source.client else { continue };
        let text = read_text(&root.join(&source.file))?;
        for name in needed(client, &format!("ETL_{}_BASE_URL", source.name.to_uppercase()), &passed) {
            let line = line_with(&text, &name);
            let what = format!("{}{line}: `${{{name}}}` is not passed to the job that extracts", source.file.display());
            wrong.push(Error::new(Kind::Config, what).hint(format!("add it to `env` of the extract step in {PUMP}")));
        }
    }
    let mut anywhere = BTreeSet::new();
    for entry in fs_err::read_dir(root.join(FOLDER))? {
        let file = Path::new(FOLDER).join(entry?.file_name());
        if file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
            anywhere.extend(variables(&read(root, &file)?, |_| true));
        }
    }
    if root.join("etl.toml").is_file() {
        let text = read_text(&root.join("etl.toml"))?;
        // Comments name variables as well.
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let names: BTreeSet<String> = Env::names_in(&code.join("\n")).into_iter().collect();
        for name in names.difference(&anywhere) {
            let what = format!("etl.toml{}: `${{{name}}}` is not passed by any workflow", line_with(&text, name));
            wrong.push(Error::new(Kind::Config, what).hint(format!("add it to `env` of the step in {FOLDER} that needs it")));
        }
    }
    Ok(Some(wrong))
}

/// The variables of a source that `passed` lacks. The address may be replaced as a whole.
fn needed(client: &Client, base_url: &str, passed: &BTreeSet<String>) -> BTreeSet<String> {
    let mut texts = client.credential_texts();
    if !passed.contains(base_url) {
        texts.push(&client.base_url);
    }
    texts.into_iter().flat_map(Env::names_in).filter(|name| !passed.contains(name)).collect()
}

fn read(root: &Path, file: &Path) -> Result<Workflow> {
    serde_saphyr::from_str(&read_text(&root.join(file))?)
        .map_err(|error| Error::new(Kind::Config, format!("{}: is not a valid workflow", file.display())).because(error.to_string()))
}

/// The variables that the chosen steps see.
fn variables(workflow: &Workflow, chosen: impl Fn(&Step) -> bool) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = workflow.env.keys().cloned().collect();
    for job in workflow.jobs.values() {
        for step in job.steps.iter().filter(|step| chosen(step)) {
            names.extend(job.env.keys().chain(step.env.keys()).cloned());
        }
    }
    names
}

/// `:LINE` of the first line with the variable.
fn line_with(text: &str, name: &str) -> String {
    let form = format!("${{{name}}}");
    text.lines().position(|line| line.contains(&form)).map(|index| format!(":{}", index + 1)).unwrap_or_default()
}
