//! The stage's entry for the schema: looks, plans, asks for consent, and takes one step after another.

use std::path::Path;

use sqlx::AssertSqlSafe;

use super::{
    look::look,
    rows,
    sets::{DayRow, older_sets},
    steps::{Step, Work, steps},
};
use crate::{
    catalog::{Contract, Project},
    error::{Error, Kind, OrFail, Result},
    load::{
        destination::Destination,
        flavour::Flavour,
        migrate::{self, Table},
        mysql::MysqlSession,
        session::Session,
        target::Target,
    },
    names::count,
    secret::Secret,
};

/// Rows deleted by one statement.
const AT_ONCE: usize = 5_000;

/// What adopting a database takes, or took.
#[derive(Debug, Default)]
pub struct Adoption {
    /// In their order.
    pub steps: Vec<AdoptStep>,
}

/// A step, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdoptStep {
    /// The table; the list of migrations has the name `_sqlx_migrations`.
    pub table: String,
    /// Why.
    pub why: String,
    /// It needs `--adopt-widen`.
    pub widens: bool,
    /// Rows that are changed or removed.
    pub rows: Option<u64>,
    /// What is run.
    pub statement: String,
}

/// Brings the schema and the rows of a MySQL database of the old scripts to what the contracts want, and records the
/// migrations as applied. With `plan_only` nothing is changed. Doing it again does nothing.
///
/// # Errors
/// [`Kind::Usage`] for another engine, or where types have to change and `widen` does not permit it; [`Kind::Database`] for
/// what a person has to decide, for missing rights, and for statements that fail; [`Kind::Config`] if the migrations do not
/// say what the contracts want.
pub async fn run(project: &Project, database: &Secret, migrations: &Path, plan_only: bool, widen: bool) -> Result<Adoption> {
    let destination = Destination::of(database)?;
    if destination.flavour() != Flavour::Mysql {
        return Err(Error::new(Kind::Usage, format!("`--adopt` takes over a MySQL database, and the destination is {destination}"))
            .hint("the old scripts wrote to MySQL only; in other engines `etl migrate run` makes the tables"));
    }
    let drift = migrate::behind(project, migrations)?;
    if !drift.is_empty() {
        return Err(Error::new(Kind::Config, format!("the migrations do not say what the contracts want: {}", drift.join("; ")))
            .hint("write what is missing by `etl migrate new NAME` first"));
    }
    let contracts: Vec<&Contract> = project.tables().filter_map(|model| model.contract.as_ref()).collect();
    adopt(&destination, &contracts, migrations, plan_only, widen, None).await
}

/// `limit`: steps after which the process is to break off, for the tests.
pub(super) async fn adopt(
    destination: &Destination,
    contracts: &[&Contract],
    migrations: &Path,
    plan_only: bool,
    widen: bool,
    limit: Option<usize>,
) -> Result<Adoption> {
    let tables = migrate::tables(contracts.iter().copied())?;
    let mut session = destination.open_mysql().await?;
    session.lock().await?;
    let done = Adopting { session: &mut session, tables: &tables, limit, adoption: Adoption::default() }
        .run(destination, contracts, migrations, plan_only, widen)
        .await;
    if done.is_ok() {
        session.unlock().await?;
    }
    Box::new(session).close().await;
    done
}

struct Adopting<'a> {
    session: &'a mut MysqlSession,
    tables: &'a [Table],
    limit: Option<usize>,
    adoption: Adoption,
}

impl Adopting<'_> {
    async fn run(mut self, destination: &Destination, contracts: &[&Contract], migrations: &Path, plan_only: bool, widen: bool) -> Result<Adoption> {
        let (mut planned, mut problems) = (Vec::new(), Vec::new());
        for table in self.tables {
            let (steps, more) = self.left(table).await?;
            planned.extend(steps.iter().map(|step| shown(table, step)));
            problems.extend(more);
        }
        if plan_only {
            for name in migrate::unrecorded(self.session, migrations).await? {
                planned.push(recorded(&name));
            }
            self.adoption.steps = planned;
            return Ok(self.adoption);
        }
        if !problems.is_empty() {
            return Err(Error::new(Kind::Database, format!("`{destination}` cannot be adopted as it is: {}", problems.join("; ")))
                .hint("nothing was changed"));
        }
        consent(&planned, widen)?;
        for table in self.tables {
            self.table(table, widen).await?;
        }
        for contract in contracts {
            let facts = self.session.facts(&contract.table).await?;
            Target::check(contract, facts.as_ref())?;
        }
        for name in migrate::unrecorded(self.session, migrations).await? {
            self.counted()?;
            migrate::record(self.session, migrations, &name).await?;
            self.adoption.steps.push(recorded(&name));
        }
        Ok(self.adoption)
    }

    /// Breaks off where a test wants it.
    fn counted(&self) -> Result<()> {
        match self.limit {
            Some(limit) if self.adoption.steps.len() >= limit => Err(Error::new(Kind::Internal, "broken off")),
            _ => Ok(()),
        }
    }

    async fn left(&mut self, table: &Table) -> Result<(Vec<Step>, Vec<String>)> {
        let found = look(self.session, table).await?;
        let mut children = Vec::new();
        for (child, column) in rows::children(&table.name) {
            if self.session.facts(child).await?.is_some_and(|facts| facts.columns.iter().any(|real| real.name == column)) {
                children.push((child, column));
            }
        }
        Ok(steps(table, found.as_ref(), |child, column| children.contains(&(child, column))))
    }

    /// Takes the first step that is left, and looks again, until none is.
    async fn table(&mut self, table: &Table, widen: bool) -> Result<()> {
        let mut last = None;
        loop {
            let (left, _) = self.left(table).await?;
            let Some(step) = left.into_iter().next() else { return Ok(()) };
            let show = shown(table, &step);
            consent(std::slice::from_ref(&show), widen)?;
            if last.as_ref() == Some(&show.statement) {
                return Err(Error::new(Kind::Internal, format!("`{}` is as it was after `{}`", table.name, show.statement)));
            }
            self.counted()?;
            self.take(table, &step)
                .await
                .map_err(|error| error.within(format!("cannot adopt `{}`: this failed: `{}`", table.name, show.statement)))?;
            last = Some(show.statement.clone());
            self.adoption.steps.push(show);
        }
    }

    async fn take(&mut self, table: &Table, step: &Step) -> Result<()> {
        match &step.work {
            Work::Ddl(statement) => self.statement(statement).await,
            Work::Rows(statements) => self.transaction(statements).await,
            Work::Sets { order, copies } => {
                let older = self.older(table, order).await?;
                let mut statements: Vec<String> = older.chunks(AT_ONCE).map(|rows| rows::delete_rows(&table.name, order, rows)).collect();
                statements.extend(copies.iter().cloned());
                self.transaction(&statements).await
            }
        }
    }

    async fn older(&mut self, table: &Table, order: &str) -> Result<Vec<i64>> {
        let Some(sql) = rows::doubled_days(table, order) else { return Ok(Vec::new()) };
        let rows: Vec<(i64, i64, String, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(self.session.connection())
            .await
            .or_fail(Kind::Database, || format!("cannot read the days of `{}` that are there twice", table.name))?;
        let rows: Vec<DayRow> = rows.into_iter().map(|(order, written, scope, key)| DayRow { order, written, scope, key }).collect();
        Ok(older_sets(&rows))
    }

    async fn transaction(&mut self, statements: &[String]) -> Result<()> {
        self.statement("start transaction").await?;
        for statement in statements {
            if let Err(error) = self.statement(statement).await {
                // The first error is the one to tell.
                let _ = self.statement("rollback").await;
                return Err(error);
            }
        }
        self.statement("commit").await
    }

    /// Quoted identifiers, numbers and fixed text: `steps.rs` and `rows.rs` make nothing else.
    async fn statement(&mut self, text: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
            .execute(self.session.connection())
            .await
            .or_fail(Kind::Database, || "the server refused it")
            .map_err(|error| error.hint("the account needs the right to change tables (docs/load.md, Accounts); what was done stays, and running it again goes on from there"))?;
        Ok(())
    }
}

fn consent(steps: &[AdoptStep], widen: bool) -> Result<()> {
    let asked: Vec<String> = steps.iter().filter(|step| step.widens).map(|step| format!("`{}` ({})", step.statement, step.why)).collect();
    if widen || asked.is_empty() {
        return Ok(());
    }
    let some = asked.iter().take(5).cloned().collect::<Vec<_>>().join("; ");
    let more = if asked.len() > 5 { format!("; and {} more", asked.len() - 5) } else { String::new() };
    Err(Error::new(
        Kind::Usage,
        format!("{} that {} there {} to change: {some}{more}", count(asked.len() as u64, "statement"), "alter columns that are", "have"),
    )
    .hint("`etl load --adopt --plan` shows all of them; `--adopt-widen` permits them. Nothing was changed"))
}

fn shown(table: &Table, step: &Step) -> AdoptStep {
    AdoptStep { table: table.name.clone(), why: step.why.clone(), widens: step.widens, rows: step.rows, statement: step.work.text(&table.name) }
}

fn recorded(name: &str) -> AdoptStep {
    AdoptStep {
        table: "_sqlx_migrations".to_owned(),
        why: "the tables are what it makes".to_owned(),
        widens: false,
        rows: None,
        statement: format!("record {name} as applied"),
    }
}
