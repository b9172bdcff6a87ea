//! One extract in parts, over one bucket.

use super::cloud::{Cloud, Kind};
use crate::pump::{Pump, assert_same_lines, day, serve, small_world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_an_extract_at_once_equal_the_whole() {
    let simulator = serve(small_world()).await;
    simulator.set_day(day(0));
    let mut whole = Pump::new(&simulator);
    whole.at(day(0), "04:00:00");
    whole.ok(&["extract"]);

    // Machines of their own, which know nothing of one another.
    let cloud = Cloud::new(Kind::Google).await;
    let mut machines: Vec<Pump> = (0..3).map(|_| Pump::new(&simulator)).collect();
    for machine in &mut machines {
        for (variable, value) in &cloud.variables {
            machine.set(variable, value.clone());
        }
        machine.set("ETL_LAKE", cloud.location.clone());
        machine.at(day(0), "04:00:00");
    }
    machines[0].ok(&["extract", "--shard", "0/2"]);
    let children: Vec<_> = machines
        .iter()
        .zip(1..=2)
        .map(|(machine, number)| machine.command(&["extract", "--shard", &format!("{number}/2")]).spawn().unwrap())
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_same_lines("live rows", &whole.live(), &machines[2].live());
    let asked = |pump: &Pump| pump.lines("select part.endpoint, part.scope, count(*) from partitions as part group by all order by all");
    assert_same_lines("partitions: each is asked for once", &asked(&whole), &asked(&machines[2]));
    let shared = machines[2].lines("select count(distinct run_id) from pulls");
    assert_eq!(shared, ["3"], "each part has done something");
}
