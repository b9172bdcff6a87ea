//! `etl simulate`: the APIs in miniature, until somebody stops them.

use std::fmt::Write as _;

use chrono::{Days, NaiveTime};

use super::{Outcome, interruption};
use crate::{
    cli::SimulateArgs,
    error::{Kind, OrFail, Result},
    simulator::{Options, Scale, Simulator, World},
    term::Printer,
};

pub(super) async fn run(printer: &Printer, args: &SimulateArgs) -> Result<Outcome> {
    let world = World::seeded(args.seed, Scale::demo());
    let day = world.first_day() + Days::new(args.day);
    let simulator = Simulator::start(world, Options { day: Some(day), ..Options::default() })
        .await
        .or_fail(Kind::Io, || "cannot start the simulator on loopback")?;
    let mut exports = String::new();
    let bigquery = simulator.bigquery_variables().or_fail(Kind::Internal, || "cannot make a key for the simulated BigQuery")?;
    for (name, value) in simulator.variables().into_iter().chain(simulator.slack_variables(true)).chain(bigquery) {
        let _ = writeln!(exports, "export {name}='{}'", value.replace('\'', "'\\''"));
    }
    let moment = day.and_time(NaiveTime::from_hms_opt(4, 0, 0).unwrap_or_default()).and_utc();
    let _ = writeln!(exports, "export ETL_NOW={}", moment.format("%Y-%m-%dT%H:%M:%SZ"));
    match &args.write {
        // Written whole, so that who waits for the file may read it.
        Some(path) => {
            let part = path.with_extension("part");
            fs_err::write(&part, &exports)?;
            fs_err::rename(&part, path)?;
        }
        None => printer.data(&exports)?,
    }
    printer.say("serving until interrupted");
    interruption::signals().await?;
    simulator.shutdown();
    Ok(Outcome::default())
}
