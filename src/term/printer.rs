//! Standard output and standard error, and what goes where.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anstream::{AutoStream, ColorChoice};
use indicatif::{MultiProgress, ProgressDrawTarget};

use super::{
    Color, Format, Report, Rows,
    color::{Style, tame},
    failure,
    github::GitHub,
    job_summary::JobSummary,
};
use crate::{
    error::{Error, Kind, OrFail, Result},
    secret::scrub,
    settings::Env,
};

/// How much to say on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What a person wants to know.
    #[default]
    Normal,
    /// Each pull, model and table too.
    Verbose,
}

/// Writes data to standard output and everything else to standard error. Cheap to clone.
#[derive(Clone)]
pub struct Printer(Arc<Inner>);

struct Inner {
    verbosity: Verbosity,
    colored: bool,
    /// Columns of the terminal behind standard output, if there is one.
    out_width: Option<u16>,
    /// The same of standard error.
    err_width: Option<u16>,
    github: Option<GitHub>,
    /// What the job's summary will hold; it is written once, at the end.
    summary: Mutex<JobSummary>,
    out: Mutex<Box<dyn Write + Send>>,
    err: Mutex<Box<dyn Write + Send>>,
    /// The reader of standard output went away; nobody needs more of it.
    closed: AtomicBool,
    bars: MultiProgress,
}

impl Printer {
    /// A printer on the streams of this process.
    pub fn new(verbosity: Verbosity, color: Color, env: &Env) -> Self {
        let choice = |colored| if colored { ColorChoice::AlwaysAnsi } else { ColorChoice::Never };
        let (out, err) = (io::stdout(), io::stderr());
        let out_width = width(out.is_terminal(), env, || terminal_size::terminal_size_of(&out));
        let err_width = width(err.is_terminal(), env, || terminal_size::terminal_size_of(&err));
        let colored = color.decide(env, err_width.is_some());
        Self(Arc::new(Inner {
            verbosity,
            colored,
            github: GitHub::detect(env),
            summary: Mutex::default(),
            out: Mutex::new(Box::new(io::BufWriter::new(out))),
            err: Mutex::new(Box::new(AutoStream::new(err, choice(colored)))),
            closed: AtomicBool::new(false),
            bars: MultiProgress::with_draw_target(if err_width.is_some() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }),
            out_width,
            err_width,
        }))
    }

    /// A printer that keeps what it is told, for tests: no terminal, no colour.
    pub fn captured(verbosity: Verbosity, env: &Env) -> (Self, Captured) {
        let captured = Captured::default();
        let printer = Self(Arc::new(Inner {
            verbosity,
            colored: false,
            out_width: None,
            err_width: None,
            github: GitHub::detect(env),
            summary: Mutex::default(),
            out: Mutex::new(Box::new(captured.out.clone())),
            err: Mutex::new(Box::new(captured.err.clone())),
            closed: AtomicBool::new(false),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        }));
        (printer, captured)
    }

    /// How much it says.
    pub fn verbosity(&self) -> Verbosity {
        self.0.verbosity
    }

    /// Whether a person reads standard output.
    pub fn stdout_is_terminal(&self) -> bool {
        self.0.out_width.is_some()
    }

    /// Whether a GitHub job shows what it reports.
    pub fn keeps_summary(&self) -> bool {
        self.0.github.is_some()
    }

    /// Columns of the terminal that standard output is, if it is one.
    pub fn stdout_width(&self) -> Option<u16> {
        self.0.out_width
    }

    /// Whether a person reads standard error.
    pub(super) fn stderr_is_terminal(&self) -> bool {
        self.0.err_width.is_some()
    }

    /// Whether the reader of standard output went away (`etl query … | head`). That is no error; writing on is a waste.
    pub fn closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    /// Standard output as a stream, for rows that do not fit into memory. Flush it at the end.
    pub fn stdout(&self) -> Out {
        Out(self.clone())
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    /// [`Kind::Io`] if it cannot be written, unless only the reader went away.
    pub fn data(&self, text: &str) -> Result<()> {
        let mut out = self.stdout();
        out.write_all(scrub(text).as_bytes()).and_then(|()| out.flush()).or_fail(Kind::Io, || "cannot write to standard output")
    }

    /// Writes rows to standard output.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub fn rows(&self, rows: &Rows, format: Format) -> Result<()> {
        let mut out = self.stdout();
        rows.write(format, self.0.out_width, &mut out).and_then(|()| out.flush()).or_fail(Kind::Io, || "cannot write to standard output")
    }

    /// Says something to the person, on standard error. Not when quiet.
    pub fn say(&self, text: &str) {
        if self.0.verbosity >= Verbosity::Normal {
            self.tell(&tame(text));
        }
    }

    /// Says something only to who asked for more.
    pub fn detail(&self, text: &str) {
        if self.0.verbosity >= Verbosity::Verbose {
            self.tell(&tame(text));
        }
    }

    /// `warning: …`, and an annotation inside a GitHub workflow. Not when quiet.
    pub fn warn(&self, text: &str) {
        if self.0.verbosity >= Verbosity::Normal {
            self.tell(&format!("{} {}", Style::Warning.paint("warning:", self.0.colored), tame(text).replace('\n', "\n  ")));
            self.annotate("warning", text);
        }
    }

    /// An error with its causes and hint, and an annotation inside a GitHub workflow. Always.
    pub fn error(&self, error: &Error) {
        self.errors(std::slice::from_ref(error));
    }

    /// Errors that belong together: what to do about several of them is said once.
    pub fn errors(&self, errors: &[Error]) {
        if errors.is_empty() {
            return;
        }
        self.tell(failure::render(errors, self.0.colored).trim_end());
        for error in errors {
            self.annotate("error", &error.told());
            lock(&self.0.summary).failure(error);
        }
    }

    /// The final tables of a run on standard error (not when quiet), and its summary for a GitHub job.
    pub fn report(&self, report: &Report) {
        if self.0.verbosity >= Verbosity::Normal {
            self.tell(report.to_text(self.0.err_width).trim_end());
        }
        for problem in report.problems() {
            self.annotate("error", &problem);
        }
        lock(&self.0.summary).report(report.to_markdown(), !report.tables.is_empty());
    }

    /// Notes a failure that is on standard error already.
    pub fn note(&self, error: &Error) {
        lock(&self.0.summary).failure(error);
    }

    /// Notes which stage of a command begins, and the tables that it is to load: a failure names them.
    pub fn stage(&self, stage: &'static str, tables: &[String]) {
        lock(&self.0.summary).stage(stage, tables);
    }

    /// Appends what the command reported to the job's summary, its failure first. `command` is `etl run`.
    pub fn summarize(&self, command: &str, exit_code: u8) {
        let Some(github) = &self.0.github else { return };
        let markdown = std::mem::take(&mut *lock(&self.0.summary)).to_markdown(command, exit_code);
        if let Err(error) = if markdown.is_empty() { Ok(()) } else { github.summarize(&scrub(&markdown)) } {
            self.warn(&error.to_string());
        }
    }

    /// The progress bars that share the terminal with this printer.
    pub(super) fn bars(&self) -> &MultiProgress {
        &self.0.bars
    }

    fn annotate(&self, level: &str, message: &str) {
        if self.0.github.as_ref().is_some_and(GitHub::annotates) {
            self.tell(&GitHub::annotation(level, message));
        }
    }

    /// One line (or more) to standard error. Where that cannot be written there is nobody to tell.
    fn tell(&self, text: &str) {
        let text = scrub(text);
        self.0.bars.suspend(|| {
            let mut err = lock(&self.0.err);
            let _ = writeln!(err, "{text}").and_then(|()| err.flush());
        });
    }
}

/// Standard output: a closed pipe swallows what is written, and [`Printer::closed`] tells so.
pub struct Out(Printer);

impl Out {
    fn unless_closed<T>(&self, done: T, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        let inner = &self.0.0;
        if self.0.closed() {
            return Ok(done);
        }
        // Bars are on the same terminal only if both streams are one.
        let result = if inner.out_width.is_some() { inner.bars.suspend(|| write(&mut **lock(&inner.out))) } else { write(&mut **lock(&inner.out)) };
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                inner.closed.store(true, Ordering::Relaxed);
                Ok(done)
            }
            result => result,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_closed(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), |out| out.flush())
    }
}

/// What a captured printer was told.
#[derive(Clone, Default)]
pub struct Captured {
    out: Kept,
    err: Kept,
}

impl Captured {
    /// Standard output so far.
    pub fn stdout(&self) -> String {
        self.out.text()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.err.text()
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0)).into_owned()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic while writing leaves nothing half-changed that matters.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn width(is_terminal: bool, env: &Env, size: impl FnOnce() -> Option<(terminal_size::Width, terminal_size::Height)>) -> Option<u16> {
    let said = || env.get("COLUMNS").and_then(|columns| columns.parse().ok());
    is_terminal.then(|| said().or_else(|| size().map(|(width, _)| width.0)).unwrap_or(100).max(40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_talk_are_apart() {
        let (printer, captured) = Printer::captured(Verbosity::Normal, &Env::default());
        printer.data("a,b\n").unwrap();
        printer.say("hello");
        printer.detail("not said");
        printer.warn("look\nhere");
        assert_eq!(captured.stdout(), "a,b\n");
        assert_eq!(captured.stderr(), "hello\nwarning: look\n  here\n");
    }

    #[test]
    fn quiet_says_errors_only() {
        let (printer, captured) = Printer::captured(Verbosity::Quiet, &Env::default());
        printer.say("hello");
        printer.warn("look");
        printer.error(&Error::new(Kind::Io, "broken"));
        assert_eq!(captured.stderr(), "error: broken\n");
    }

    #[test]
    fn a_workflow_gets_annotations() {
        let (printer, captured) = Printer::captured(Verbosity::Quiet, &Env::of([("GITHUB_ACTIONS", "true")]));
        printer.error(&Error::new(Kind::Io, "broken").because(io::Error::other("50%")));
        assert_eq!(captured.stderr(), "error: broken\n  Caused by: 50%\n::error title=etl::broken: 50%25\n");
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (printer, _) = Printer::captured(Verbosity::Normal, &Env::default());
        *lock(&printer.0.out) = Box::new(Closed);
        assert!(!printer.closed());
        printer.data("x").unwrap();
        assert!(printer.closed());
        printer.data("y").unwrap();
    }
}
