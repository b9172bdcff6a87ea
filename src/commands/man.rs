//! `etl man`: the manual pages, from the same source as `--help`.

use clap::CommandFactory;

use super::Outcome;
use crate::{
    cli::{Cli, ManArgs},
    error::{Kind, OrFail, Result},
    term::Printer,
};

pub(super) fn run(printer: &Printer, args: &ManArgs) -> Result<Outcome> {
    let mut command = Cli::command();
    command.build();
    match &args.folder {
        Some(folder) => {
            fs_err::create_dir_all(folder)?;
            // clap's own way names nested verbs `etl-migrate-run`, as git does.
            clap_mangen::generate_to(command, folder).or_fail(Kind::Io, || format!("cannot write the manual to `{}`", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page).or_fail(Kind::Internal, || "cannot write the manual")?;
            printer.data(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Outcome::default())
}
