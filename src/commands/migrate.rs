//! `etl migrate`: the schema of the destination.

use super::context::{self, Outcome};
use crate::{
    catalog::Project,
    cli::{Global, MigrateArgs, MigrateVerb},
    error::Result,
    load::migrate,
    names,
    settings::Env,
    term::{Cell, Format, Printer, Rows},
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: MigrateArgs) -> Result<Outcome> {
    let settings = context::settings(global, env)?;
    let folder = settings.root.join("migrations");
    match args.verb {
        MigrateVerb::New { name } => {
            let project = Project::read(&settings.root)?;
            let written = migrate::new(&project, &folder, &name, settings.clock.now())?;
            if written.is_empty() {
                printer.say("the contracts are what the migrations make already; nothing was written");
            }
            for path in &written {
                printer.data(&format!("{}\n", path.display()))?;
            }
        }
        MigrateVerb::Run => {
            let applied = migrate::run(&settings.database, &folder).await?;
            printer.say(&format!("{} applied", names::count(applied.len() as u64, "migration")));
        }
        MigrateVerb::Status => {
            let mut rows = Rows::new(["version", "name", "state"]);
            for migration in migrate::status(&settings.database, &folder).await? {
                rows.push([Cell::from(migration.version.to_string()), migration.name.as_str().into(), migration.state.to_string().into()]);
            }
            printer.rows(&rows, Format::Table)?;
        }
    }
    Ok(Outcome::default())
}
