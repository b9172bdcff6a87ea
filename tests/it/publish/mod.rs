//! Publishing from end to end: the real binary against simulated Looker and Confluence.

mod build_validation;
mod confluence;
mod looker;
mod never_computed;

use etl::simulator::Simulator;

use crate::pump::Pump;

/// A row of a page's table.
fn row(title: &str, file: &str) -> String {
    format!(
        "        - report-title: \"{title}\"\n          report-description: \"What {title} says & means\"\n          attachment-filename: \"{file}\"\n          looker-graph-url: \"https://looker.example.test/looks/1?a=1&b=2\"\n"
    )
}

/// Describes a page of one section.
fn describe(pump: &Pump, file: &str, page: &str, title: &str, rows: &[String]) {
    let path = pump.root().join("config/confluence").join(file);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    let text =
        format!("wiki_page:\n  page_id: {page}\n  page_title: \"{title}\"\n  sections:\n    - name: \"Charts\"\n      reports:\n{}", rows.concat());
    fs_err::write(path, text).unwrap();
}

/// How often something was asked since `from` requests were made.
fn asked(simulator: &Simulator, from: usize, method: &str, part: &str) -> usize {
    simulator.requests()[from..].iter().filter(|request| request.method == method && request.target.contains(part)).count()
}
