//! Which marts are loaded, and what is told about the others.

use etl::{error::Kind, load};

use super::world::World;

const DAY_1: &str = "2025-01-01T04:00:00Z";
const DAY_2: &str = "2025-01-02T04:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_mart_is_loaded_and_a_rerun_does_nothing() {
    let world = World::new().await;
    world.publish(&[(Some(1), "old")], DAY_1, false).await;
    let newest = world.publish(&[(Some(1), "new"), (Some(2), "é😀")], DAY_2, false).await;
    world.publish(&[(Some(9), "replay")], DAY_1, true).await;

    let summary = world.load(|_| {}).await.unwrap();
    let plans = summary.tables.iter().find(|table| table.table == "plans").unwrap();
    assert_eq!((plans.inserted, plans.manifest), (2, Some(newest)));
    assert_eq!(world.rows("plans").await, ["1|new", "2|é😀"]);
    let daily = summary.tables.iter().find(|table| table.table == "daily").unwrap();
    assert!(daily.skipped.as_ref().unwrap().contains("`etl transform` computes it"));
    assert_eq!(summary.failures().count(), 0);

    let before = world.database();
    assert_eq!(world.load(|_| {}).await.unwrap().written(), 0);
    assert!(before == world.database(), "a rerun has written");
    // A replay is taken where its time is asked for.
    world.load(|job| job.as_of = Some(DAY_1.parse().unwrap())).await.unwrap();
    assert_eq!(world.rows("plans").await, ["9|replay"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_time_has_to_be_asked_for() {
    let world = World::new().await;
    world.publish(&[(Some(1), "new")], DAY_2, false).await;
    world.load(|_| {}).await.unwrap();
    world.publish(&[(Some(1), "old")], DAY_1, false).await;
    let refused = world.load(|_| {}).await.unwrap();
    assert_eq!(refused.tables[1].error.as_ref().unwrap().kind(), Kind::Guard);
    assert_eq!(refused.failures().count(), 1);
    assert_eq!(world.rows("plans").await, ["1|new"]);
    world.load(|job| job.as_of = Some(DAY_1.parse().unwrap())).await.unwrap();
    assert_eq!(world.rows("plans").await, ["1|old"]);
    world.load(|job| job.as_of = Some(DAY_2.parse().unwrap())).await.unwrap();
    assert_eq!(world.rows("plans").await, ["1|new"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_replay_of_a_later_time_the_present_comes_back() {
    let world = World::new().await;
    // A table that has not changed since the first day, and a replay of the second.
    let present = world.publish(&[(Some(1), "present")], DAY_1, false).await;
    world.load(|_| {}).await.unwrap();
    world.publish(&[(Some(1), "replay")], DAY_2, true).await;
    world.load(|job| job.as_of = Some(DAY_2.parse().unwrap())).await.unwrap();
    assert_eq!(world.rows("plans").await, ["1|replay"]);
    let summary = world.load(|_| {}).await.unwrap();
    assert_eq!((summary.failures().next().map(ToString::to_string), summary.tables[1].manifest), (None, Some(present)));
    assert_eq!(world.rows("plans").await, ["1|present"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_fails_does_not_stop_the_others() {
    let world = World::new().await;
    world.publish(&[(None, "no key")], DAY_1, false).await;
    world.publish_days(&[(1, &[1, 2]), (2, &[])], DAY_1).await;
    let summary = world.load(|_| {}).await.unwrap();
    assert_eq!(summary.failures().count(), 1);
    assert_eq!(
        summary.tables.iter().map(|table| (table.table.as_str(), table.inserted, table.error.is_some())).collect::<Vec<_>>(),
        [("daily", 2, false), ("plans", 0, true)]
    );
    assert_eq!(world.rows("daily").await, ["2025-01-01|1", "2025-01-01|2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_that_a_mart_no_longer_has_stay_loaded() {
    let world = World::new().await;
    world.publish_days(&[(1, &[1, 2]), (2, &[1])], DAY_1).await;
    world.load(|_| {}).await.unwrap();
    world.publish_days(&[(2, &[1, 3]), (3, &[1])], DAY_2).await;
    world.load(|_| {}).await.unwrap();
    assert_eq!(world.rows("daily").await, ["2025-01-01|1", "2025-01-01|2", "2025-01-02|1", "2025-01-02|3", "2025-01-03|1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_days_that_are_loaded_already_are_not_opened() {
    let world = World::new().await;
    let before = world.publish_days(&[(1, &[1, 2]), (2, &[1])], DAY_1).await;
    world.load(|_| {}).await.unwrap();
    world.publish_more_days(before.clone(), &[(3, &[1, 5])], DAY_2).await;
    let away: Vec<_> = before.iter().map(|part| world.lake.local_path(&part.path).unwrap()).collect();
    away.iter().for_each(|path| fs_err::remove_file(path).unwrap());
    let summary = world.load(|_| {}).await.unwrap();
    assert_eq!(summary.failures().count(), 0, "{:?}", summary.failures().next());
    assert_eq!((summary.tables[0].inserted, summary.tables[0].unchanged), (2, 3));
    assert_eq!(world.rows("daily").await, ["2025-01-01|1", "2025-01-01|2", "2025-01-02|1", "2025-01-03|1", "2025-01-03|5"]);
    // To verify is to read them.
    assert_eq!(world.load(|job| job.verify = true).await.unwrap().failures().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_changes_nothing() {
    let world = World::new().await;
    world.publish(&[(Some(1), "a"), (Some(2), "b")], DAY_1, false).await;
    world.load(|_| {}).await.unwrap();
    world.publish(&[(Some(2), "B"), (Some(3), "c")], DAY_2, false).await;
    let before = world.database();
    let summary = world.load(|job| job.plan_only = true).await.unwrap();
    let table = &summary.tables[1];
    assert_eq!((table.inserted, table.updated, table.deleted), (1, 1, 1));
    let told: Vec<String> =
        table.plan.as_ref().unwrap().samples.iter().map(|sample| format!("{} {} {:?}", sample.action.word(), sample.key, sample.changes)).collect();
    assert_eq!(told, ["insert plan=3 []", "update plan=2 [Change { column: \"name\", table: \"'b'\", mart: \"'B'\" }]", "delete plan=1 []"]);
    assert!(before == world.database(), "a plan has written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_told_with_the_way_out() {
    let world = World::unmigrated();
    world.publish(&[(Some(1), "a")], DAY_1, false).await;
    // Once, not for each table.
    let error = world.load(|_| {}).await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (Kind::Database, Some("run `etl migrate run`")));
    assert!(load::check(&world.settings).await.is_err());
    world.migrate().await;
    let told = load::check(&world.settings).await.unwrap();
    assert!(told.starts_with("SQLite 3.") && told.ends_with("1 migration applied"), "{told}");
    fs_err::write(world.root().join("migrations/sqlite/20990101000000_more.sql"), "select 1;").unwrap();
    assert!(load::check(&world.settings).await.unwrap_err().to_string().contains("waits for 1 migration"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_no_table_is_a_usage_error() {
    let world = World::new().await;
    let names = ["plan".to_owned()];
    let error = world.load_tables(&names).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, "there is no table `plan`; did you mean `plans`?"));
}
