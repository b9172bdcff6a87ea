//! What GitHub, Google and the services are to the workflows: a checkout, environments, a bucket, an instance of MySQL.

use std::os::unix::fs::PermissionsExt as _;

use chrono::NaiveDate;
use etl::simulator::Simulator;
use url::Url;

use super::runner::{Finished, Runner};
use crate::{
    buckets::cloud::{Cloud, Kind},
    pump::{Pump, serve, small_world},
    scratch::{PASSWORD, Scratch, Server},
};

/// All of it.
pub(super) struct Site {
    pub(super) simulator: Simulator,
    pub(super) runner: Runner,
    pub(super) database: Scratch,
    /// Those of the environments, where there are several.
    databases: Vec<&'static str>,
    /// Keeps the checkout.
    pub(super) pump: Pump,
    /// Variables that lead to the simulated services.
    services: Vec<(&'static str, String)>,
    bucket: Cloud,
}

impl Site {
    /// Two sources, a folder in place of a bucket, and one environment: enough for what goes wrong.
    pub(super) async fn small() -> Self {
        let simulator = serve(small_world()).await;
        let pump = Pump::new(&simulator);
        let mut site = Self::of(simulator, pump, Cloud::new(Kind::Folder).await).await;
        let name = Url::parse(&site.database.owner()).unwrap().path().trim_start_matches('/').to_owned();
        site.environment("production", &name);
        site.pump.ok(&["--database", &site.database.owner(), "migrate", "run"]);
        site
    }

    /// Every source, a bucket, and an instance with a database for each environment.
    pub(super) async fn whole() -> Self {
        let simulator = serve(small_world()).await;
        let pump = Pump::whole(&simulator);
        pump.edit("etl.toml", "[publish.looker]\n", "[publish.looker]\npoll = \"5ms\"\nlongest_poll = \"20ms\"\n");
        let mut site = Self::of(simulator, pump, Cloud::new(Kind::S3).await).await;
        let (owner, loader) = (account(&site.database.owner()), account(&site.database.loader()));
        for name in ["staging", "production", "preflight"] {
            // Fails if it is there: then it is somebody's.
            site.database.run(&format!("create database {name} character set utf8mb4")).await;
            site.databases.push(name);
            site.database.run(&format!("grant all on `{name}%`.* to {owner}; grant select, insert, update, delete on {name}.* to {loader}")).await;
            site.environment(name, name);
        }
        site
    }

    async fn of(simulator: Simulator, pump: Pump, bucket: Cloud) -> Self {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in [".github", "db", "config"] {
            crate::pump::copy(&root.join(folder), &pump.root().join(folder));
        }
        let bin = pump.root().join("bin");
        fs_err::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_etl"), bin.join("etl")).unwrap();
        // The server listens where the proxy would.
        let proxy = bin.join("cloud-sql-proxy");
        fs_err::write(&proxy, "#!/bin/sh\nexit 0\n").unwrap();
        fs_err::set_permissions(&proxy, std::fs::Permissions::from_mode(0o755)).unwrap();

        let mut runner = Runner::new(pump.root());
        #[expect(clippy::disallowed_methods, reason = "the programs of the machine")]
        runner.machine("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        for (name, value) in &bucket.variables {
            runner.machine(name, value);
        }
        let database = Scratch::new(Server::Mysql).await;
        let apis = simulator.variables().into_iter().chain(simulator.slack_variables(true));
        let services = apis.chain(simulator.bigquery_variables().unwrap()).collect();
        Self { simulator, runner, database, databases: Vec::new(), pump, services, bucket }
    }

    /// Variables and secrets as docs/operations.md lists them.
    fn environment(&mut self, name: &str, database: &str) {
        let (owner, loader) = (Url::parse(&self.database.owner()).unwrap(), Url::parse(&self.database.loader()).unwrap());
        for (variable, value) in &self.services {
            // What the workflows name themselves must come from them.
            if variable.starts_with("ETL_") {
                self.runner.machine(variable, value);
            } else {
                let variable = if *variable == "GITHUB_TOKEN" { "GH_READ_TOKEN" } else { variable };
                self.runner.give(name, &format!("secrets.{variable}"), value.clone());
                self.runner.give(name, &format!("vars.{variable}"), value);
            }
        }
        for (variable, value) in [
            ("vars.ETL_LAKE", self.bucket.location.as_str()),
            ("vars.ETL_DATABASE", &format!("mysql:?{}", loader.query().unwrap_or_default())),
            ("vars.CLOUD_SQL_CONNECTION_NAME", "project:region:instance"),
            ("vars.CLOUD_SQL_DATABASE_PORT", &loader.port().unwrap().to_string()),
            ("vars.CLOUD_SQL_DATABASE_NAME", database),
            ("secrets.CLOUD_SQL_DATABASE_USERNAME", loader.username()),
            ("secrets.CLOUD_SQL_DATABASE_PASSWORD", PASSWORD),
            ("secrets.CLOUD_SQL_OWNER_USERNAME", owner.username()),
            ("secrets.CLOUD_SQL_OWNER_PASSWORD", PASSWORD),
        ] {
            self.runner.give(name, variable, value);
        }
    }

    /// Moves world and clock.
    pub(super) fn at(&mut self, day: NaiveDate, time: &str) {
        self.simulator.set_day(day);
        self.runner.machine("ETL_NOW", format!("{day}T{time}:00Z"));
    }

    /// Runs a workflow that must be green.
    pub(super) fn green(&self, workflow: &str, given: &[(&str, &str)]) -> Finished {
        let finished = self.runner.run(workflow, given);
        assert!(finished.is_green(), "{workflow} {given:?}: {finished:#?}");
        finished
    }

    pub(super) async fn count(&self, table: &str) -> u64 {
        self.number(&format!("select cast(count(*) as char) from {table}")).await
    }

    pub(super) async fn number(&self, sql: &str) -> u64 {
        self.database.texts(sql).await[0].parse().unwrap()
    }
}

fn account(address: &str) -> String {
    format!("{}@'%'", Url::parse(address).unwrap().username())
}

impl Drop for Site {
    fn drop(&mut self) {
        let drops: Vec<String> = self.databases.iter().map(|name| format!("drop database if exists {name}")).collect();
        if drops.is_empty() {
            return;
        }
        let database = &self.database;
        let dropped = std::thread::scope(|scope| {
            let dropping = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(database.run(&drops.join("; ")));
            });
            dropping.join().is_ok()
        });
        assert!(dropped || std::thread::panicking(), "cannot drop the databases of a test");
    }
}
