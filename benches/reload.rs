//! A table of 100,000 rows and 12 columns into SQLite: loaded first, loaded again without a change, with 1% changed.
//! `cargo bench --bench reload`. Fails if a load without a change takes over 0.5 s (median of five).
#![expect(clippy::print_stdout, reason = "a measurement for people")]

mod marts;

use std::process::ExitCode;

use marts::{BIG, ROUNDS, ROWS, Scene, filled, median};

const AT_MOST: f64 = 0.5;

#[tokio::main]
async fn main() -> ExitCode {
    let mut scene = Scene::new(None, &[("big", filled(BIG, ROWS, 0))]).await;
    scene.publish("big", &filled(BIG, ROWS, 0)).await;
    let first = scene.load("big", (ROWS, 0)).await;
    println!("reload: {ROWS} rows of 12 columns, first load {first:.3} s");
    let mut same = Vec::new();
    let mut newer = Vec::new();
    for _ in 0..ROUNDS {
        same.push(scene.load("big", (0, 0)).await);
        scene.publish("big", &filled(BIG, ROWS, 0)).await;
        newer.push(scene.load("big", (0, 0)).await);
    }
    let (same, newer) = (median(same), median(newer));
    println!("reload: the same mart again {same:.3} s, a newer mart without a change {newer:.3} s (at most {AT_MOST})");
    scene.publish("big", &filled(BIG, ROWS, 1)).await;
    let changed = scene.load("big", (0, ROWS / 100)).await;
    println!("reload: a newer mart with 1% changed {changed:.3} s");
    if same.max(newer) <= AT_MOST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
