//! Somebody who runs commands, kills them, and runs them again until they are done.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use crate::pump::{Pump, Ran};

/// Kills of one command at most, before it is left alone.
const KILLS: u32 = 2;

/// How long a command that never ended so far is taken to last.
const UNKNOWN: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    pub(super) pump: Pump,
    pub(super) kills: u32,
    random: StdRng,
    /// How long each command took when it was last left alone.
    durations: BTreeMap<String, Duration>,
    day: NaiveDate,
    /// Commands of this day so far: each begins a minute after the one before.
    commands: u32,
    /// What happened on this day, for messages.
    log: Vec<String>,
    temporary: TempDir,
}

impl Worker {
    pub(super) fn new(mut pump: Pump, seed: u64) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        pump.set("TMPDIR", temporary.path().display().to_string());
        let random = StdRng::seed_from_u64(seed.wrapping_add(1));
        Self { pump, kills: 0, random, durations: BTreeMap::new(), day: NaiveDate::default(), commands: 0, log: Vec::new(), temporary }
    }

    pub(super) fn begin_day(&mut self, day: NaiveDate) {
        (self.day, self.commands) = (day, 0);
        self.log.clear();
    }

    /// How long a command lasts that nobody kills.
    pub(super) fn expect(&mut self, verb: &str, duration: Duration) {
        self.durations.insert(verb.to_owned(), duration);
    }

    /// What happened on this day.
    pub(super) fn told(&self) -> String {
        self.log.join(", ")
    }

    /// The folder for its temporary files.
    pub(super) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// Runs a command until it ends well, killing it a few times before. After a kill it may be given `again`, too.
    pub(super) fn until_done(&mut self, database: &str, arguments: &[&str], again: &[&str]) {
        let mut whole = arguments.to_vec();
        for _ in 0..self.random.random_range(0..=KILLS) {
            if self.attempt(database, &whole, true) {
                return;
            }
            let goes_on = !again.is_empty() && self.random.random_bool(0.5);
            whole = if goes_on { [arguments, again].concat() } else { arguments.to_vec() };
        }
        assert!(self.attempt(database, &whole, false));
    }

    /// Runs a command; false: it was killed. A command that ends must end well.
    pub(super) fn attempt(&mut self, database: &str, arguments: &[&str], kill: bool) -> bool {
        self.commands += 1;
        let (hour, minute) = (4 + self.commands / 60, self.commands % 60);
        let verb = arguments[0].to_owned();
        match verb.as_str() {
            // The ages of files are taken on the machine's clock, and a set one makes nothing older.
            "gc" => self.pump.set("ETL_NOW", "2099-01-01T00:00:00Z"),
            _ => self.pump.at(self.day, &format!("{hour:02}:{minute:02}:00")),
        }
        let expected = *self.durations.get(&verb).unwrap_or(&UNKNOWN);
        let moment = kill.then(|| expected.mul_f64(self.random.random_range(0.0..1.0)));
        let output: [PathBuf; 2] = ["stdout", "stderr"].map(|name| self.pump.root().join(name));
        let [stdout, stderr] = output.each_ref().map(|path| fs_err::File::create(path).unwrap());
        let mut command = self.pump.command(&[&["--database", database], arguments].concat());
        let mut child = command.stdout(Stdio::from(stdout.into_file())).stderr(Stdio::from(stderr.into_file())).spawn().unwrap();
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if moment.is_some_and(|moment| started.elapsed() >= moment) {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let what = format!("`{}`", arguments.join(" "));
        // No exit code: a signal ended it.
        if moment.is_some() && status.code().is_none() {
            self.kills += 1;
            self.log.push(format!("{what} killed after {:.3} s", started.elapsed().as_secs_f64()));
            return false;
        }
        self.durations.insert(verb, started.elapsed());
        let ran = Ran { code: status.code(), stdout: String::new(), stderr: fs_err::read_to_string(&output[1]).unwrap() };
        assert_eq!(ran.code, Some(0), "{what} on {} after {}\n{}", self.day, self.told(), ran.stderr);
        self.log.push(format!("{what} done"));
        true
    }
}
