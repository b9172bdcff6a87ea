//! Waiting, not work: 1,000 independent requests at 50 ms latency and concurrency 8, from planning to commit.
//! `cargo bench --bench waiting`. Fails over 1.15 times the time that the latency alone takes.
#![expect(clippy::print_stdout, reason = "a measurement for people")]

mod pulling;

use std::{process::ExitCode, time::Duration};

use etl::simulator::{Options, Scale, Simulator, World};

const REQUESTS: i64 = 1_000;
const LATENCY: Duration = Duration::from_millis(50);
const CONCURRENCY: u32 = 8;
const AT_MOST: f64 = 1.15;

#[tokio::main]
async fn main() -> ExitCode {
    let world = World::seeded(1, Scale::demo());
    let simulator = Simulator::start(world, Options { latency: LATENCY, ..Options::default() }).await.expect("a port on loopback");
    let (summary, seconds) = pulling::pull(&simulator.testrail_url(), &["testrail_suites"], |project| {
        for source in &mut project.sources {
            if let Some(client) = &mut source.client {
                client.rate_limit.concurrency = CONCURRENCY;
            }
            for endpoint in source.endpoints.iter_mut().filter(|endpoint| endpoint.id == "testrail_suites") {
                endpoint.for_each = Some(format!("select 59 as project_id, number from range({REQUESTS}) as numbers (number)"));
            }
        }
    })
    .await;
    let requests: u64 = summary.pulls.iter().map(|pull| pull.requests).sum();
    let least = requests as f64 * LATENCY.as_secs_f64() / f64::from(CONCURRENCY);
    println!("waiting: {requests} requests in {seconds:.2} s, {:.3} x the latency alone (at most {AT_MOST})", seconds / least);
    if seconds <= AT_MOST * least { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
