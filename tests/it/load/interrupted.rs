//! A load that is dropped at any moment leaves the old table or the new one, never a mixture.

use std::time::Duration;

use super::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_load_leaves_the_old_table_or_the_new_one() {
    let world = World::new().await;
    let numbers: Vec<i32> = (0..5_000).collect();
    let rows = |name: &'static str| -> Vec<(Option<i32>, &'static str)> { numbers.iter().map(|number| (Some(*number), name)).collect() };
    world.publish(&rows("old"), "2025-01-01T04:00:00Z", false).await;
    world.load(|_| {}).await.unwrap();
    world.publish(&rows("new"), "2025-01-02T04:00:00Z", false).await;
    for milliseconds in [1, 3, 10, 20, 40, 80, 160] {
        let finished = tokio::time::timeout(Duration::from_millis(milliseconds), world.load(|_| {})).await;
        let names: std::collections::BTreeSet<String> =
            world.rows("plans").await.iter().filter_map(|row| row.split('|').nth(1)).map(str::to_owned).collect();
        assert_eq!(names.len(), 1, "after {milliseconds} ms: {names:?}");
        if let Ok(summary) = finished {
            assert_eq!(summary.unwrap().failures().count(), 0);
        }
    }
    world.load(|_| {}).await.unwrap();
    assert_eq!(world.rows("plans").await.iter().filter(|row| row.ends_with("|new")).count(), 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_loads_at_once_lose_and_double_nothing() {
    let world = World::new().await;
    let rows: Vec<(Option<i32>, &str)> = (0..2_000).map(|number| (Some(number), "x")).collect();
    world.publish(&rows, "2025-01-01T04:00:00Z", false).await;
    let (one, two) = tokio::join!(world.load(|_| {}), world.load(|_| {}));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.failures().count(), two.failures().count(), one.written() + two.written()), (0, 0, 2_000));
    assert_eq!(world.rows("plans").await.len(), 2_000);
}
