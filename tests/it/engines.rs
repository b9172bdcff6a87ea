//! The reports give equal tables in SQLite, MySQL and PostgreSQL: the real binary loads the same marts into all three.

use std::collections::{BTreeMap, BTreeSet};

use etl::{catalog::Project, load, secret::Secret};

use crate::{
    pump::{Pump, day, serve, small_world},
    scratch::{Scratch, Server},
};

/// The rows of every table, as values.
type Tables = BTreeMap<String, Vec<Vec<load::Value<'static>>>>;

async fn tables(pump: &Pump, database: &str) -> Tables {
    let project = Project::read(pump.root()).unwrap();
    let mut tables = Tables::new();
    for contract in project.tables().filter_map(|model| model.contract.as_ref()) {
        let mut rows = load::read_table(&Secret::new(database), contract).await.unwrap();
        // Each engine orders by its own collation.
        rows.sort_by_key(|row| format!("{row:?}"));
        tables.insert(contract.table.clone(), rows);
    }
    tables
}

/// The hashes that the rows of a table are stored with.
async fn hashes(scratch: &Scratch, table: &str) -> BTreeSet<String> {
    let text = if scratch.server == Server::Mysql { "char" } else { "text" };
    scratch.texts(&format!("select cast(_row_hash as {text}) from {table}")).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reports_give_equal_tables_in_all_engines() {
    let simulator = serve(small_world()).await;
    let mut pump = Pump::new(&simulator);
    let servers = [Scratch::new(Server::Mysql).await, Scratch::new(Server::Postgres).await];
    let sqlite = format!("sqlite:{}", pump.database().display());
    for scratch in &servers {
        let migrated = pump.run(&["--database", &scratch.owner(), "migrate", "run"]);
        assert_eq!(migrated.code, Some(0), "{}", migrated.stderr);
    }
    for number in 0..2 {
        simulator.set_day(day(number));
        pump.at(day(number), "04:00:00");
        let ran = pump.run(&["run", "--project", "fenix", "--project", "firefox-ios"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let want = tables(&pump, &sqlite).await;
        assert!(want.values().filter(|rows| !rows.is_empty()).count() > 8, "the world has rows for the tables");
        for scratch in &servers {
            let loaded = pump.run(&["--database", &scratch.loader(), "load"]);
            assert_eq!(loaded.code, Some(0), "{}", loaded.stderr);
            let got = tables(&pump, &scratch.loader()).await;
            for (table, rows) in &want {
                assert!(got[table] == *rows, "day {number}: `{table}` differs in {}: {:?} {:?}", scratch.loader(), rows.first(), got[table].first());
            }
            let verified = pump.run(&["--database", &scratch.loader(), "load", "--verify"]);
            assert_eq!(verified.code, Some(0), "{}", verified.stderr);
            let again = pump.run(&["--database", &scratch.loader(), "load", "--plan"]);
            assert_eq!(again.code, Some(0), "{}", again.stderr);
        }
        for (table, rows) in &want {
            let (mysql, postgres) = (hashes(&servers[0], table).await, hashes(&servers[1], table).await);
            assert_eq!(mysql.len(), rows.len());
            assert!(mysql == postgres, "the hashes of `{table}` differ");
        }
    }
    let doctor = pump.run(&["--database", &servers[0].loader(), "doctor"]);
    assert!(format!("{}{}", doctor.stdout, doctor.stderr).contains("MariaDB") || doctor.stdout.contains("MySQL"), "{}", doctor.stdout);
    let doctor = pump.run(&["--database", &servers[1].loader(), "doctor"]);
    assert!(doctor.stdout.contains("PostgreSQL 1"), "{}", doctor.stdout);
}

/// The `CLOUD_SQL_*` variables in place of an address, and what is said where one of them is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cloud_sql_variables_of_mysql_and_postgres_are_taken() {
    let simulator = serve(small_world()).await;
    for (server, address) in [(Server::Mysql, "mysql:"), (Server::Postgres, "postgres:")] {
        let scratch = Scratch::new(server).await;
        let url = url::Url::parse(&scratch.owner()).unwrap();
        let mut pump = Pump::new(&simulator);
        pump.set("ETL_DATABASE", address);
        pump.set("CLOUD_SQL_DATABASE_USERNAME", url.username());
        pump.set("CLOUD_SQL_DATABASE_NAME", url.path().trim_start_matches('/'));
        pump.set("CLOUD_SQL_DATABASE_PORT", url.port().unwrap().to_string());
        let missing = pump.run(&["migrate", "run"]);
        assert_eq!(missing.code, Some(2), "{}", missing.stderr);
        assert!(missing.stderr.contains("not set: CLOUD_SQL_DATABASE_PASSWORD"), "{}", missing.stderr);
        pump.set("CLOUD_SQL_DATABASE_PASSWORD", crate::scratch::PASSWORD);
        let ran = pump.run(&["migrate", "run"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let doctor = pump.run(&["doctor"]);
        assert!(doctor.stdout.contains(":***@127.0.0.1") && !doctor.stdout.contains("Geheim"), "{}", doctor.stdout);
    }
}
