//! Listens to the stages: bars on a terminal, a line for each endpoint every 30 seconds elsewhere.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Printer, Verbosity,
    tally::{Saying, Tally},
};
use crate::events::{Event, Observer};

const BETWEEN_LINES: Duration = Duration::from_secs(30);

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, lines elsewhere
    #[default]
    Auto,
    /// A line for each endpoint every 30 seconds
    Plain,
    /// Warnings only
    None,
}

/// Shows progress until it is dropped.
pub struct Progress {
    shared: Arc<Shared>,
    /// Dropping the sender ends the ticker.
    ticker: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    printer: Printer,
    shows: Shows,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Bars,
    Lines,
    Nothing,
}

#[derive(Default)]
struct State {
    tally: Tally,
    bars: BTreeMap<String, ProgressBar>,
    /// Models and tables, one after the other.
    spinner: Option<ProgressBar>,
}

impl Progress {
    /// Begins to show progress on standard error.
    pub fn start(printer: &Printer, mode: ProgressMode) -> Self {
        Self::with(printer, mode, Tally::default())
    }

    /// The same for what comes after; what was warned of is not told again.
    pub fn again(&self, mode: ProgressMode) -> Self {
        Self::with(&self.shared.printer, mode, self.shared.lock().tally.again())
    }

    fn with(printer: &Printer, mode: ProgressMode, tally: Tally) -> Self {
        let shows = match mode {
            _ if printer.verbosity() == Verbosity::Quiet => Shows::Nothing,
            ProgressMode::None => Shows::Nothing,
            ProgressMode::Auto if printer.stderr_is_terminal() && !printer.bars().is_hidden() => Shows::Bars,
            ProgressMode::Auto | ProgressMode::Plain => Shows::Lines,
        };
        let state = Mutex::new(State { tally, ..State::default() });
        let shared = Arc::new(Shared { printer: printer.clone(), shows, state });
        let ticker = (shows == Shows::Lines).then(|| {
            let (sender, receiver) = mpsc::channel::<()>();
            let shared = Arc::clone(&shared);
            let tick = move || {
                while receiver.recv_timeout(BETWEEN_LINES) == Err(mpsc::RecvTimeoutError::Timeout) {
                    shared.say_lines(Instant::now());
                }
            };
            (sender, std::thread::spawn(tick))
        });
        Self { shared, ticker }
    }
}

impl Observer for Progress {
    fn on(&self, event: &Event) {
        let said = {
            let mut state = self.shared.lock();
            let said = state.tally.take(event, Instant::now());
            if self.shared.shows == Shows::Bars {
                state.draw(&self.shared.printer, event);
            }
            said
        };
        match said {
            None => {}
            Some(Saying::Warning(text)) => self.shared.printer.warn(&text),
            Some(Saying::Detail(text)) => self.shared.printer.detail(&text),
            Some(Saying::Progress(text)) if self.shared.shows != Shows::Nothing => self.shared.printer.say(&text),
            Some(Saying::Progress(_)) => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, ticker)) = self.ticker.take() {
            drop(sender);
            let _ = ticker.join();
        }
        let state = self.shared.lock();
        for bar in state.bars.values().chain(&state.spinner) {
            bar.finish_and_clear();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts only; a panic elsewhere does not make them dangerous.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say_lines(&self, now: Instant) {
        let lines = self.lock().tally.lines(now);
        for line in lines {
            self.printer.say(&line);
        }
    }
}

impl State {
    /// Brings the bar that the event is about up to date.
    fn draw(&mut self, printer: &Printer, event: &Event) {
        match event {
            Event::PullStarted { endpoint, .. }
            | Event::Page { endpoint, .. }
            | Event::PartitionDone { endpoint, .. }
            | Event::PullFinished { endpoint, .. } => {
                let Some(tally) = self.tally.endpoints.get(endpoint) else { return };
                let bar = self.bars.entry(endpoint.clone()).or_insert_with(|| {
                    let bar = printer.bars().add(ProgressBar::new(0).with_style(bar_style()).with_prefix(endpoint.clone()));
                    bar.enable_steady_tick(Duration::from_millis(200));
                    bar
                });
                bar.set_length(tally.partitions.max(1));
                bar.set_position(tally.partitions_done);
                bar.set_message(tally.text());
                if tally.open == 0 {
                    bar.finish_and_clear();
                    self.bars.remove(endpoint);
                }
            }
            Event::ModelStarted { .. } | Event::TableStarted { .. } => {
                let spinner = self.spinner.get_or_insert_with(|| {
                    let spinner = printer.bars().add(ProgressBar::new_spinner());
                    spinner.enable_steady_tick(Duration::from_millis(200));
                    spinner
                });
                if let Some((name, _)) = &self.tally.current {
                    spinner.set_message(name.clone());
                }
            }
            Event::ModelFinished { .. } | Event::TableFinished { .. } => {
                if let Some(spinner) = self.spinner.take() {
                    spinner.finish_and_clear();
                }
            }
            Event::Waiting { .. } | Event::Warning(_) => {}
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix:28} [{bar:20}] {elapsed:>4} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Env;

    fn events() -> [Event; 4] {
        [
            Event::PullStarted { endpoint: "a_b".to_owned(), scope: "{}".to_owned(), partitions: 1 },
            Event::Waiting { source: "a".to_owned(), seconds: 5.0, reason: "503".to_owned() },
            Event::Warning("look".to_owned()),
            Event::Page { endpoint: "a_b".to_owned(), scope: "{}".to_owned(), records: 2, bytes: 900 },
        ]
    }

    fn said(mode: ProgressMode, verbosity: Verbosity) -> String {
        let (printer, captured) = Printer::captured(verbosity, &Env::default());
        let progress = Progress::start(&printer, mode);
        events().iter().for_each(|event| progress.on(event));
        if progress.shared.shows == Shows::Lines {
            progress.shared.say_lines(Instant::now());
        }
        drop(progress);
        captured.stderr()
    }

    #[test]
    fn lines_where_there_is_no_terminal() {
        let expected = "a: waiting 5.0 s: 503\nwarning: look\na_b: 2 records, 900 B, 0.0 s\n";
        assert_eq!(said(ProgressMode::Auto, Verbosity::Normal), expected);
        assert_eq!(said(ProgressMode::Plain, Verbosity::Normal), expected);
    }

    #[test]
    fn none_still_warns_and_quiet_does_not() {
        assert_eq!(said(ProgressMode::None, Verbosity::Normal), "warning: look\n");
        assert_eq!(said(ProgressMode::Auto, Verbosity::Quiet), "");
    }

    #[test]
    fn bars_come_and_go() {
        let (printer, _) = Printer::captured(Verbosity::Normal, &Env::default());
        let mut state = State::default();
        for event in events() {
            state.tally.take(&event, Instant::now());
            state.draw(&printer, &event);
        }
        assert_eq!(state.bars["a_b"].message(), "2 records, 900 B");
        let end = Event::PullFinished { endpoint: "a_b".to_owned(), scope: "{}".to_owned(), records: 2, complete: true, stop: "single".to_owned() };
        state.tally.take(&end, Instant::now());
        state.draw(&printer, &end);
        assert!(state.bars.is_empty());
    }
}
