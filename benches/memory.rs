//! Memory of a pull of 1,000,000 cases of 800 bytes over HTTP, from planning to commit.
//! `cargo bench --bench memory`. Fails over 150 MB. `... -- CASES` pulls another number.
//!
//! The simulator runs in a child process, which is this program again with `serve`: its memory is not counted.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

mod pulling;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitCode, Stdio},
};

use etl::simulator::{Options, Scale, Simulator, World};

const CASES: u64 = 1_000_000;
const AT_MOST: f64 = 150.0;

/// Every project that is simulated.
const PROJECTS: &str = "select unnest([14, 17, 27, 48, 58, 59]) as project_id";

/// Every suite of every project as one pull: all cases in one Parquet file.
const ONE_PULL: &str = "select suite.project_id, suite.suite_id from latest.testrail_suites as suite order by suite.project_id, suite.suite_id";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [verb, cases] = arguments.as_slice()
        && verb == "serve"
    {
        return serve(cases.parse().expect("a number of cases")).await;
    }
    let cases = arguments.first().map_or(CASES, |text| text.parse().expect("a number of cases"));
    let (mut simulator, url) = start(cases);
    let (summary, seconds) = pulling::pull(&url, &["testrail_suites", "testrail_cases"], |project| {
        for endpoint in project.sources.iter_mut().flat_map(|source| &mut source.endpoints) {
            if endpoint.id == "testrail_suites" {
                endpoint.for_each = Some(PROJECTS.to_owned());
            } else if endpoint.id == "testrail_cases" {
                endpoint.for_each = Some(ONE_PULL.to_owned());
                endpoint.scope.clear();
            }
        }
    })
    .await;
    let pull = summary.pulls.iter().max_by_key(|pull| pull.records).expect("a pull");
    assert!(pull.records >= cases, "{} records", pull.records);
    let peak = peak();
    println!(
        "memory: a pull of {} cases, {:.0} bytes of JSON each, in {seconds:.1} s: peak RSS {peak:.0} MB (at most {AT_MOST:.0})",
        pull.records,
        pull.bytes as f64 / pull.records as f64
    );
    simulator.kill().and_then(|()| simulator.wait()).expect("the simulator ends");
    if peak <= AT_MOST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The largest resident set of this process so far, in millions of bytes.
fn peak() -> f64 {
    let status = fs_err::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kibibytes * 1_024.0 / 1e6
}

fn start(cases: u64) -> (Child, String) {
    let own = std::env::current_exe().expect("Linux tells it");
    let mut command = Command::new(own);
    command.args(["serve", &cases.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("this program starts again");
    let mut url = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut url).expect("the simulator says where it is");
    (child, url.trim().to_owned())
}

/// Serves until the parent ends: then its end of the pipe closes.
async fn serve(cases: u64) -> ExitCode {
    let options = Options { duplicates: false, ..Options::default() };
    // Some cases are deleted and one suite is not there yet: so many more that what is listed is what was asked for.
    let simulator = Simulator::start(World::seeded(1, Scale::many_cases(cases + cases / 20)), options).await.expect("a port on loopback");
    let mut out = std::io::stdout();
    writeln!(out, "{}", simulator.testrail_url()).and_then(|()| out.flush()).expect("the parent listens");
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}
