//! `etl query`: one SELECT over the lake, streamed to the terminal or a file.

use std::{io::Read, sync::Arc};

use arrow::{datatypes::SchemaRef, record_batch::RecordBatch};

use super::{
    context::{Context, Outcome, blocking},
    output_file::OutputFile,
    too_early,
};
use crate::{
    catalog::read_text,
    cli::{Global, QueryArgs},
    engine::{Batches, Moment, RunRow},
    error::{Error, Kind, OrFail, Result},
    settings::Env,
    term::{BatchWriter, Format, Printer},
};

/// Rows of a table that are shown to people; other formats give all.
const SHOWN: usize = 1_000;

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: QueryArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let sql = text(&args)?;
    let (engine, asked) = (Arc::clone(&context.engine), sql.clone());
    let read = blocking(move || engine.read_by_query(&asked)).await.map_err(explained)?;
    let receipts = context.lake.receipts(read.as_ref()).await?;
    if read.as_ref().is_none_or(|endpoints| !endpoints.is_empty()) {
        too_early::check_lake(&context, &receipts).await?;
    }
    if let Some(at) = args.as_of {
        too_early::check_pulls(&receipts, at)?;
    }
    let row = RunRow::of(receipts.iter(), args.as_of);
    let engine = Arc::clone(&context.engine);
    let format = args.chosen_format(printer.stdout_is_terminal());
    let (printer, output) = (printer.clone(), args.output.clone());
    blocking(move || {
        let moment = engine.moment_apart(&row, &receipts)?;
        match (format.rows(), output) {
            (None, None) => Err(Error::new(Kind::Usage, "Parquet goes into a file").hint("add `-o FILE.parquet`")),
            (None, Some(path)) => {
                moment.require_for(&sql)?;
                let file = OutputFile::create(&path)?;
                if !file.is_file() {
                    return Err(Error::new(Kind::Usage, format!("Parquet goes into a file, which `{}` is not", path.display())));
                }
                let rows = moment.write_parquet(&sql, file.path())?;
                file.finish()?;
                printer.say(&format!("{} written to `{}`", crate::names::count(rows, "row"), path.display()));
                Ok(())
            }
            (Some(format), None) => answer(&moment, &sql, format, if format == Format::Table { SHOWN } else { usize::MAX }, &printer),
            (Some(format), Some(path)) => {
                let file = OutputFile::create(&path)?;
                let out = std::io::BufWriter::new(fs_err::OpenOptions::new().write(true).open(file.path())?);
                let mut sink = Sink { format, limit: usize::MAX, width: None, out: Some(out), writer: None };
                moment.query(&sql, &mut sink)?;
                sink.finish(&printer)?;
                file.finish()
            }
        }
    })
    .await
    .map_err(explained)?;
    Ok(Outcome::default())
}

/// With a hint for who typed the statement.
pub(super) fn explained(error: Error) -> Error {
    match error.kind() {
        // Unless it knows better.
        Kind::Sql if error.remedy() == Kind::Sql.remedy() => {
            error.hint("`etl lineage` lists the relations; `etl query \"from latest.NODE limit 1\"` shows the columns of one")
        }
        _ => error,
    }
}

/// Streams the answer to one SELECT to standard output.
pub(super) fn answer(moment: &Moment<'_>, sql: &str, format: Format, limit: usize, printer: &Printer) -> Result<()> {
    let mut sink = Sink { format, limit, width: printer.stdout_width(), out: Some(printer.stdout()), writer: None };
    moment.query(sql, &mut sink)?;
    sink.finish(printer)
}

fn text(args: &QueryArgs) -> Result<String> {
    let sql = match (&args.sql, &args.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(file)) => read_text(file.as_ref()).or_fail(Kind::Usage, || "cannot read the query")?,
        (None, None) => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).or_fail(Kind::Io, || "cannot read the query from standard input")?;
            text
        }
    };
    if sql.trim().is_empty() {
        return Err(Error::new(Kind::Usage, "the query is empty").hint("for example: etl query \"from pulls limit 5\""));
    }
    Ok(sql)
}

/// Feeds batches to a writer that is made when the columns are known.
struct Sink<W: std::io::Write> {
    format: Format,
    limit: usize,
    width: Option<u16>,
    out: Option<W>,
    writer: Option<BatchWriter<W>>,
}

impl<W: std::io::Write> Sink<W> {
    fn finish(self, printer: &Printer) -> Result<()> {
        let Some(writer) = self.writer else { return Ok(()) };
        let written = writer.finish().or_fail(Kind::Io, || "cannot write the result")?;
        if written.shown < written.rows {
            printer.say(&format!("{} of {} rows shown; `--format csv` gives all", written.shown, written.rows));
        }
        Ok(())
    }
}

impl<W: std::io::Write> Batches for Sink<W> {
    fn schema(&mut self, schema: &SchemaRef) -> Result<()> {
        if let Some(out) = self.out.take() {
            self.writer = Some(BatchWriter::new(self.format, schema, self.width, self.limit, out).or_fail(Kind::Io, || "cannot write the result")?);
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.writer {
            Some(writer) => writer.write(batch).or_fail(Kind::Io, || "cannot write the result"),
            None => Ok(()),
        }
    }
}
