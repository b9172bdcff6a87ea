//! `etl shell`: the DuckDB shell on lake.duckdb where it is installed, else statements from standard input.

use std::{
    io::{BufRead, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    context::{Context, Outcome, blocking},
    query::{answer, explained},
    too_early,
};
use crate::{
    cli::{Global, ShellArgs},
    engine::{Moment, RunRow},
    error::{Kind, OrFail, Result},
    lake::Receipts,
    secret::{self, scrub},
    settings::Env,
    term::{Format, Printer},
};

/// Rows of a table that are shown to people.
const SHOWN: usize = 1_000;

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: ShellArgs) -> Result<Outcome> {
    let terminal = std::io::stdin().is_terminal();
    let installed = if args.builtin || args.as_of.is_some() || !terminal { None } else { find(env.get("PATH").unwrap_or_default()) };
    let context = Context::open(global, env, printer).await?;
    let file = context.settings.data.join("lake.duckdb");
    if let Some(shell) = installed.filter(|_| file.exists()) {
        return installed_shell(&shell, &file, &context.settings.env);
    }
    let receipts = context.receipts().await?;
    too_early::check_lake(&context, &receipts).await?;
    if let Some(at) = args.as_of {
        too_early::check_pulls(&receipts, at)?;
    }
    let row = RunRow::of(receipts.iter(), args.as_of);
    let format = args.format.unwrap_or(if printer.stdout_is_terminal() { Format::Table } else { Format::Csv });
    if terminal {
        printer.say(&format!("the lake as of {}; end a statement with `;`, leave with .quit", row.as_of.format("%Y-%m-%d %H:%M:%S")));
    }
    let (engine, printer) = (Arc::clone(&context.engine), printer.clone());
    blocking(move || {
        let mut session = Reading { engine: &engine, row, receipts, printer, format, terminal };
        session.read()
    })
    .await?;
    Ok(Outcome::default())
}

/// The program `duckdb` in the folders of a PATH.
fn find(path: &str) -> Option<PathBuf> {
    path.split(':').filter(|folder| !folder.is_empty()).map(|folder| Path::new(folder).join("duckdb")).find(|file| file.is_file())
}

/// Hands over to the DuckDB shell and waits for it.
fn installed_shell(shell: &Path, file: &Path, env: &Env) -> Result<Outcome> {
    let mut command = std::process::Command::new(shell);
    // The shell needs no credentials, and others can read the variables of a process.
    for (name, _) in env.starting_with("").filter(|(name, value)| secret::is_secret_name(name) || scrub(value) != *value) {
        command.env_remove(name);
    }
    let ended = command.arg("-readonly").arg(file).status();
    let ended = ended.or_fail(Kind::Io, || format!("cannot start `{}`", shell.display()))?;
    let mut outcome = Outcome::default();
    if !ended.success() {
        outcome.failed(Kind::Io);
    }
    Ok(outcome)
}

struct Reading<'e> {
    engine: &'e crate::engine::Engine,
    row: RunRow,
    receipts: Receipts,
    printer: Printer,
    format: Format,
    terminal: bool,
}

impl Reading<'_> {
    fn read(&mut self) -> Result<()> {
        let mut moment: Option<Moment<'_>> = None;
        let mut statements = Statements::default();
        let input = std::io::stdin().lock();
        self.prompt(&statements)?;
        for line in input.lines() {
            let line = line.or_fail(Kind::Io, || "cannot read from standard input")?;
            if statements.is_empty() {
                match line.trim() {
                    ".quit" | ".exit" | "quit" | "exit" => return Ok(()),
                    ".help" => self.printer.say("SELECT …;  .tables lists the relations  .quit ends"),
                    ".tables" => self.relations()?,
                    _ => statements.push(&line),
                }
            } else {
                statements.push(&line);
            }
            while let Some(sql) = statements.next() {
                self.one(&mut moment, &sql)?;
            }
            if self.printer.closed() {
                return Ok(());
            }
            self.prompt(&statements)?;
        }
        match statements.rest() {
            Some(sql) => self.one(&mut moment, &sql),
            None => Ok(()),
        }
    }

    /// Answers a statement. On a terminal a failure is told and forgotten.
    fn one<'m>(&'m self, moment: &mut Option<Moment<'m>>, sql: &str) -> Result<()> {
        let open = match moment {
            Some(moment) => moment,
            None => moment.insert(self.engine.moment_apart(&self.row, &self.receipts)?),
        };
        let limit = if self.format == Format::Table { SHOWN } else { usize::MAX };
        match answer(open, sql, self.format, limit, &self.printer).map_err(explained) {
            Err(error) if self.terminal => {
                self.printer.error(&error);
                Ok(())
            }
            ended => ended,
        }
    }

    fn relations(&self) -> Result<()> {
        let mut names: Vec<String> = ["partitions", "pulls", "run", "vars"].map(str::to_owned).to_vec();
        let project = self.engine.project();
        names.extend(project.endpoints().flat_map(|endpoint| ["landed", "latest", "history"].map(|schema| format!("{schema}.{}", endpoint.id))));
        let models = project.models.iter().filter(|model| project.endpoint(&model.name).is_none());
        names.extend(models.filter(|model| !matches!(model.kind, crate::catalog::ModelKind::Audit { .. })).map(|model| model.name.clone()));
        names.sort();
        self.printer.data(&(names.join("\n") + "\n"))
    }

    fn prompt(&self, statements: &Statements) -> Result<()> {
        if !self.terminal {
            return Ok(());
        }
        self.printer.data(if statements.is_empty() { "etl> " } else { "  -> " })
    }
}

/// Cuts text at semicolons that are not inside of quotes or comments.
#[derive(Default)]
struct Statements {
    text: String,
}

impl Statements {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The next whole statement, without its semicolon.
    fn next(&mut self) -> Option<String> {
        loop {
            let end = end(&self.text)?;
            let rest = self.text.split_off(end + 1);
            let mut statement = std::mem::replace(&mut self.text, rest);
            statement.pop();
            if !statement.trim().is_empty() {
                return Some(statement);
            }
        }
    }

    /// What is left when the input ends.
    fn rest(self) -> Option<String> {
        Some(self.text).filter(|text| !text.trim().is_empty())
    }
}

/// Where the first statement ends: the place of its semicolon.
fn end(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        match letter {
            ';' => return Some(place),
            // A doubled quote closes and opens again.
            '\'' | '"' => while letters.next()?.1 != letter {},
            '-' if letters.peek().is_some_and(|(_, next)| *next == '-') => while letters.next()?.1 != '\n' {},
            '/' if letters.peek().is_some_and(|(_, next)| *next == '*') => {
                letters.next();
                let mut last = ' ';
                loop {
                    let next = letters.next()?.1;
                    if last == '*' && next == '/' {
                        break;
                    }
                    last = next;
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(lines: &[&str]) -> (Vec<String>, Option<String>) {
        let mut statements = Statements::default();
        let mut found = Vec::new();
        for line in lines {
            statements.push(line);
            found.extend(std::iter::from_fn(|| statements.next()).map(|sql| sql.trim().to_owned()));
        }
        (found, statements.rest().map(|rest| rest.trim().to_owned()))
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        assert_eq!(cut(&["select 1; select", "2;;"]), (vec!["select 1".to_owned(), "select\n2".to_owned()], None));
        assert_eq!(cut(&["select ';', \"a;b\", 'it''s;' -- no; end", "/* ; **/ ;"]).0.len(), 1);
        assert_eq!(cut(&["select 'open;", "still'"]), (vec![], Some("select 'open;\nstill'".to_owned())));
    }
}
