//! `etl test`: runs the cases below `sql/tests`.

use std::sync::Arc;

use super::context::{Context, Outcome, blocking};
use crate::{
    cli::{Global, TestArgs},
    error::{Error, Kind, Result},
    names, parallel,
    settings::Env,
    term::Printer,
    transform::{cases, run_case},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: TestArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let mut chosen = cases(&context.settings.root, None)?;
    if !args.names.is_empty() {
        chosen.retain(|(name, _)| args.names.iter().any(|part| name.contains(part.as_str())));
    }
    if chosen.is_empty() {
        return Err(Error::new(Kind::NothingSelected, format!("sql/tests has no case of `{}`", args.names.join("`, `")))
            .hint("a case is sql/tests/<model>/<case>/case.toml"));
    }
    let (engine, settings, runtime) = (Arc::clone(&context.engine), context.settings.clone(), tokio::runtime::Handle::current());
    let results =
        blocking(move || Ok(parallel::map_init(&chosen, || (), |(), (name, folder)| run_case(&engine, &settings, &runtime, name, folder)))).await?;
    let mut outcome = Outcome::default();
    for result in &results {
        match &result.failure {
            None => printer.detail(&format!("ok      {}", result.name)),
            Some(what) => {
                outcome.failed(Kind::Contract);
                printer.data(&format!("FAILED  {}\n{}\n", result.name, indented(what)))?;
            }
        }
    }
    let failed = results.iter().filter(|result| result.failure.is_some()).count() as u64;
    let total = results.len() as u64;
    printer.data(&format!("{}, {} passed, {} failed\n", names::count(total, "case"), total - failed, failed))?;
    Ok(outcome)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("        {line}")).collect::<Vec<_>>().join("\n")
}
