//! A server that is killed in any phase of a load and started again: the load goes through or fails; the table is the old one
//! or the new one, as the ledger says; and a rerun makes it the new one.

use std::sync::Arc;

use etl::{lake::layout, secret::Secret};

use super::{
    phases::{Proxy, When},
    server::Server,
    world::World,
};
use crate::scratch::Server as Engine;

const ROWS: i32 = 1_500;

/// The phases of a load, and what is sent in each.
fn phases(engine: Engine) -> Vec<(&'static str, &'static str, When)> {
    // As it is sent: settings name it too.
    let commit = if engine == Engine::Mysql { "\u{3}commit" } else { "commit\0" };
    let (set_up, lock, read, insert, ledger) = match engine {
        Engine::Mysql => ("set session", "get_lock(", "from `plans`", "insert into `plans`", "insert into `etl_loads`"),
        Engine::Postgres => ("set time zone", "pg_advisory_lock(", "from \"plans\"", "copy \"plans\"", "insert into \"etl_loads\""),
    };
    vec![
        ("connecting", "", When::Before),
        ("setting up the session", set_up, When::Before),
        ("preflight", "etl_loads", When::Answered),
        ("taking the lock", lock, When::Before),
        ("holding the lock", lock, When::Answered),
        ("reading the keys", read, When::Before),
        ("deleting", "delete from", When::Before),
        ("updating", "update ", When::Answered),
        ("inserting", insert, When::Before),
        ("inserted", insert, When::Answered),
        ("writing the ledger", ledger, When::Before),
        ("committing", commit, When::Before),
        ("committed", commit, When::Answered),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_mysql_server_leaves_the_old_table_or_the_new_one() {
    in_every_phase(Engine::Mysql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_postgres_server_leaves_the_old_table_or_the_new_one() {
    in_every_phase(Engine::Postgres).await;
}

async fn in_every_phase(engine: Engine) {
    let server = Arc::new(Server::start(engine).await);
    let proxy = Proxy::before(&server.url).await;
    let mut world = World::unmigrated();
    world.settings.database = Secret::new(server.url.to_string());
    world.migrate().await;
    let rows =
        |from: i32, name: &'static str| -> Vec<(Option<i32>, &'static str)> { (from..from + ROWS).map(|number| (Some(number), name)).collect() };
    let loads = "select count(*) from etl_loads";
    let mut healed = Vec::new();
    for (phase, text, when) in phases(engine) {
        world.settings.database = Secret::new(server.url.to_string());
        world.publish(&rows(0, "old"), "2025-01-01T04:00:00Z", false).await;
        world.load(|job| job.as_of = Some("2025-01-01T04:00:00Z".parse().unwrap())).await.unwrap();
        let (old, loads_before) = (world.rows("plans").await, server.number(loads).await);
        let manifest = world.publish(&rows(700, "new"), "2025-01-02T04:00:00Z", false).await;

        let ends = phase == "committing";
        let killed = Arc::clone(&server);
        proxy.on(text, when, move || {
            killed.crash();
            // Once the server stays away: the load must come to an end, and say why.
            if !ends {
                killed.again();
            }
        });
        world.settings.database = Secret::new(proxy.url.to_string());
        let loaded = world.load(|_| {}).await;
        assert!(proxy.has_seen(), "{phase}: `{text}` was never sent");
        let error = match loaded {
            Ok(summary) => summary.tables.into_iter().find_map(|table| table.error),
            Err(error) => Some(error),
        };
        if ends {
            let told = format!("{error:?}");
            assert!(told.contains("cannot connect to the database at 127.0.0.1"), "{phase}: {told}");
            server.again();
        }

        world.settings.database = Secret::new(server.url.to_string());
        let now = world.rows("plans").await;
        let is_new = now.iter().all(|row| row.ends_with("|new")) && now.len() == ROWS as usize;
        assert!(is_new || now == old, "{phase}: {} rows, a mixture; {error:?}", now.len());
        assert_eq!(server.number(loads).await - loads_before, i64::from(is_new), "{phase}: the ledger and the table disagree; {error:?}");
        match error {
            None => {
                assert!(is_new, "{phase}: said to be loaded, and is not");
                healed.push(phase);
            }
            Some(error) => assert!(!error.to_string().is_empty()),
        }
        let again = world.load(|_| {}).await.unwrap();
        assert_eq!(again.failures().count(), 0, "{phase}: {:?}", again.failures().next());
        assert!(world.rows("plans").await.iter().all(|row| row.ends_with("|new")), "{phase}");
        let shown = format!("select count(*) from etl_loads where id = (select max(id) from etl_loads) and transform_id = '{manifest}'");
        assert_eq!(server.number(&shown).await, 1, "{phase}: the ledger's last row names another mart than {}", layout::manifest("plans", manifest));
    }
    // A server that is back within a second or two is waited for.
    assert!(healed.len() >= 6, "only {healed:?}");
}
