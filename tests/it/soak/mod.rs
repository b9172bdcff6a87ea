//! Simulated days of all reports during which the program is killed at random. After each day the lake and the tables of all
//! three engines equal those of a twin that is left alone.
//!
//! `make soak MINUTES=10 SEED=1` repeats one that failed; without a seed each soak is another one. In the test suite it is
//! short and always the same.

mod state;
mod worker;

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    pump::{Pump, day, serve, small_world_of},
    scratch::{Scratch, Server},
};
use worker::Worker;

/// Everything that the project reports.
const ALL: [&str; 4] = ["--report-type", "ALL", "--project", "ALL"];

/// Days of one world. The next round begins with another one and an empty lake, so that a soak of hours stays as fast.
const DAYS: u64 = 6;

/// Days of the soak that is a part of the test suite.
const DAYS_IN_TESTS: u64 = 1;

/// The seed of the soak that is a part of the test suite.
const SEED_IN_TESTS: u64 = 1;

/// How long to soak, and from which seed.
struct Length {
    /// `None`: as short as a test.
    minutes: Option<f64>,
    seed: u64,
}

impl Length {
    #[expect(clippy::disallowed_methods, reason = "how long to soak is told to the test, not to a project")]
    fn from_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let minutes = number("ETL_SOAK_MINUTES").map(|text| text.parse().expect("`ETL_SOAK_MINUTES` is a number of minutes"));
        let seed = match number("ETL_SOAK_SEED") {
            Some(text) => text.parse().expect("`ETL_SOAK_SEED` is a whole number"),
            None if minutes.is_some() => rand::rng().random_range(1..1_000_000),
            None => SEED_IN_TESTS,
        };
        Self { minutes, seed }
    }
}

#[expect(clippy::print_stderr, reason = "whoever waits for a soak wants to see how far it is, and how to repeat it")]
fn say(text: &str) {
    eprintln!("soak: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_days_equal_undisturbed_ones_in_sqlite_mysql_postgres() {
    let length = Length::from_environment();
    let end = Instant::now() + Duration::from_secs_f64(length.minutes.unwrap_or_default() * 60.0);
    let (mut days, mut kills) = (0, 0);
    for seed in length.seed.. {
        say(&format!("seed {seed}; `make soak SEED={seed}` repeats it"));
        let mut round = Round::new(seed).await;
        let limit = if length.minutes.is_some() { DAYS } else { DAYS_IN_TESTS };
        for number in 0..limit {
            round.pass_day(number).await;
            days += 1;
            say(&format!("seed {seed}, day {}: {} kills so far, all equal", number + 1, kills + round.soaked.kills));
            if length.minutes.is_some() && Instant::now() >= end {
                break;
            }
        }
        kills += round.soaked.kills;
        if Instant::now() >= end {
            break;
        }
    }
    assert!(kills >= days, "only {kills} kills in {days} days: the program ends before it is killed");
    say(&format!("{days} days, {kills} kills: everything equals the undisturbed twin"));
}

/// One world, the twin that is left alone, and the one that is killed.
struct Round {
    simulator: etl::simulator::Simulator,
    random: StdRng,
    twin: Pump,
    soaked: Worker,
    servers: [Scratch; 2],
}

impl Round {
    async fn new(seed: u64) -> Self {
        let simulator = serve(small_world_of(seed)).await;
        let servers = [Scratch::new(Server::Mysql).await, Scratch::new(Server::Postgres).await];
        let (twin, soaked) = (Pump::whole(&simulator), Worker::new(Pump::whole(&simulator), seed));
        for scratch in &servers {
            let migrated = soaked.pump.run(&["--database", &scratch.owner(), "migrate", "run"]);
            assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
        }
        soaked.pump.ok(&["migrate", "run"]);
        Self { simulator, random: StdRng::seed_from_u64(seed), twin, soaked, servers }
    }

    /// The address of a database of the soaked one.
    fn database(&self, index: usize) -> String {
        match index {
            0 => format!("sqlite:{}", self.soaked.pump.database().display()),
            server => self.servers[server - 1].loader(),
        }
    }

    fn any_database(&mut self) -> String {
        let index = self.random.random_range(0..3);
        self.database(index)
    }

    /// One day of work, then the comparison.
    async fn pass_day(&mut self, number: u64) {
        self.simulator.set_day(day(number));
        self.twin.at(day(number), "04:00:00");
        let started = Instant::now();
        self.twin.ok(&[&["run"][..], &ALL].concat());
        self.soaked.expect("run", started.elapsed());
        self.soaked.begin_day(day(number));

        let first = self.random.random_range(0..3);
        self.reports_into(first);
        for database in (0..3).filter(|database| *database != first) {
            self.soaked.until_done(&self.database(database), &["load"], &[]);
        }
        if number > 0 && self.random.random_bool(0.7) {
            self.go_back_and_forth(number);
        }
        self.soaked.until_done(&self.database(0), &["gc", "--min-age", "0s"], &[]);

        let what = format!("after day {}, {}", number + 1, self.soaked.told());
        state::assert_no_leftovers(&what, &self.soaked);
        state::assert_same_lake(&what, &self.twin, &self.soaked.pump);
        let twin = format!("sqlite:{}", self.twin.database().display());
        let wanted = state::tables(&self.twin, &twin).await;
        for database in 0..3 {
            let address = self.database(database);
            state::assert_same_tables(&what, &wanted, &state::tables(&self.soaked.pump, &address).await);
        }
        // Hashes and ledger too, of one of them: this takes a second.
        let address = self.any_database();
        for check in [&["load", "--verify"][..], &["load", "--plan"]] {
            let ran = self.soaked.pump.run(&[&["--database", &address], check].concat());
            assert_eq!(ran.code, Some(0), "{what}: {check:?}\n{}", ran.stderr);
        }
    }

    /// All reports into one database: by `run`, or stage by stage.
    fn reports_into(&mut self, database: usize) {
        let address = self.database(database);
        if self.random.random_bool(0.5) {
            return self.soaked.until_done(&address, &[&["run"][..], &ALL].concat(), &["--resume"]);
        }
        self.soaked.until_done(&address, &[&["extract"][..], &ALL].concat(), &["--resume"]);
        self.soaked.until_done(&address, &["transform"], &[]);
        self.soaked.until_done(&address, &["load"], &[]);
    }

    /// A replay of an earlier day, which may never come to its end; then the present again.
    fn go_back_and_forth(&mut self, number: u64) {
        let address = self.any_database();
        let past = day(self.random.random_range(0..number)).to_string();
        self.soaked.attempt(&address, &["replay", "--as-of", &past, "testrail-milestones", "bugzilla-desktop-bugs", "jira-qa-requests"], true);
        self.soaked.until_done(&address, &["load"], &[]);
    }
}
