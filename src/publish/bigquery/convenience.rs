//! Views that people ask, made of the views of tables: names in place of ids, the newest day of a snapshot. Prefix `v_`.

use super::{
    place::Place,
    view::{View, ViewColumn},
};
use crate::catalog::{Contract, Project};

/// Columns of a key that say which part of a snapshot one extraction covers.
const SCOPES: [&str; 3] = ["projects_id", "testrail_project_id", "sentry_project_id"];

/// All of them whose tables the project has, by name.
pub(super) fn views(project: &Project, place: &Place) -> Vec<View> {
    let make = Make { project, place };
    let mut views: Vec<View> = [make.coverage(), make.plans_and_runs(), make.rates(), make.health()].into_iter().flatten().collect();
    views.extend(project.tables().filter_map(|model| model.contract.as_ref()).filter_map(|contract| make.latest(contract)));
    views.sort_by(|a, b| a.name.cmp(&b.name));
    views
}

struct Make<'a> {
    project: &'a Project,
    place: &'a Place,
}

impl Make<'_> {
    fn contract(&self, table: &str) -> Option<&Contract> {
        self.project.model(table).and_then(|model| model.contract.as_ref())
    }

    /// Column `name` of a table that the query calls `alias`.
    fn column(&self, table: &str, alias: &str, name: &str, shown: &str) -> Option<ViewColumn> {
        let meaning = self.contract(table)?.column(name)?.meaning.clone();
        Some(ViewColumn { name: shown.to_owned(), expression: format!("`{alias}`.`{name}`"), description: meaning })
    }

    /// All columns of a table, some of them made otherwise.
    fn all(&self, table: &str, otherwise: impl Fn(&str) -> Option<String>) -> Option<Vec<ViewColumn>> {
        let columns = self.contract(table)?.columns.iter().map(|column| ViewColumn {
            name: column.name.clone(),
            expression: otherwise(&column.name).unwrap_or_else(|| format!("`report`.`{}`", column.name)),
            description: column.meaning.clone(),
        });
        Some(columns.collect())
    }

    fn from(&self, table: &str, alias: &str) -> String {
        format!("FROM {} AS `{alias}`", self.place.name(table))
    }

    fn join(&self, table: &str, alias: &str, on: &str) -> String {
        format!("\nLEFT JOIN {} AS `{alias}`\n  ON {on}", self.place.name(table))
    }

    fn coverage(&self) -> Option<View> {
        const TABLE: &str = "report_test_case_coverage";
        let mut columns = self.all(TABLE, |_| None)?;
        for (table, alias, name) in [
            ("projects", "project", "project_name_abbrev"),
            ("projects", "project", "project_name"),
            ("test_suites", "suite", "test_suite_name"),
            ("test_sub_suites", "sub_suite", "test_sub_suite_abbrev"),
            ("test_sub_suites", "sub_suite", "test_sub_suite"),
            ("test_automation_status", "status", "status"),
            ("test_automation_coverage", "coverage", "coverage"),
        ] {
            columns.push(self.column(table, alias, name, name)?);
        }
        let mut source = self.from(TABLE, "report");
        for (table, alias, on) in [
            ("projects", "project", "`project`.`id` = `report`.`projects_id`"),
            ("test_suites", "suite", "`suite`.`testrail_test_suites_id` = `report`.`testrail_test_suites_id`"),
            ("test_sub_suites", "sub_suite", "`sub_suite`.`testrail_id` = `report`.`test_sub_suites_id`"),
            ("test_automation_status", "status", "`status`.`testrail_id` = `report`.`test_automation_status_id`"),
            ("test_automation_coverage", "coverage", "`coverage`.`testrail_id` = `report`.`test_automation_coverage_id`"),
        ] {
            source.push_str(&self.join(table, alias, on));
        }
        let description = format!("Coverage with names in place of ids. {}", self.contract(TABLE)?.description);
        Some(View { name: "v_test_case_coverage".to_owned(), description, columns, source })
    }

    fn plans_and_runs(&self) -> Option<View> {
        const PLANS: &str = "report_testrail_test_plans";
        const RUNS: &str = "report_testrail_test_runs";
        let mut columns = vec![
            self.column("projects", "project", "project_name_abbrev", "project_name_abbrev")?,
            self.column(PLANS, "plan", "testrail_plan_id", "testrail_plan_id")?,
            self.column(PLANS, "plan", "name", "plan_name")?,
            self.column(PLANS, "plan", "testrail_created_on", "plan_created_on")?,
            self.column(PLANS, "plan", "testrail_completed_on", "plan_completed_on")?,
        ];
        for own in &self.contract(RUNS)?.columns {
            let shown = match own.name.as_str() {
                "id" | "plan_id" => continue,
                "name" => "run_name",
                "testrail_created_on" => "run_created_on",
                "testrail_completed_on" => "run_completed_on",
                other => other,
            };
            columns.push(self.column(RUNS, "run", &own.name, shown)?);
        }
        let mut source = self.from(RUNS, "run");
        source.push_str(&self.join(PLANS, "plan", "`plan`.`id` = `run`.`plan_id`"));
        source.push_str(&self.join("projects", "project", "`project`.`id` = `run`.`projects_id`"));
        let description = "Runs of the automated test plans, each with its plan. The counts are those of the run.".to_owned();
        Some(View { name: "v_testrail_plans_and_runs".to_owned(), description, columns, source })
    }

    fn rates(&self) -> Option<View> {
        const TABLE: &str = "report_sentry_rates";
        let rate = |name: &str| name.contains("_rate_").then(|| format!("NULLIF(`report`.`{name}`, -1)"));
        let columns = self.all(TABLE, rate)?;
        let description = format!("Rates where the -1 of old rows is NULL: not known. {}", self.contract(TABLE)?.description);
        Some(View { name: "v_sentry_rates".to_owned(), description, columns, source: self.from(TABLE, "report") })
    }

    fn health(&self) -> Option<View> {
        const TABLE: &str = "report_testrail_test_health";
        let mut columns = self.all(TABLE, |_| None)?;
        let mut statuses = Vec::new();
        for name in ["most_recent_status", "status_history_1", "status_history_2", "status_history_3", "status_history_4"] {
            self.contract(TABLE)?.column(name)?;
            statuses.push(format!("CAST(`report`.`{name}` AS STRING)"));
        }
        columns.push(ViewColumn {
            name: "last_statuses".to_owned(),
            expression: format!("ARRAY_TO_STRING([{}], ' ')", statuses.join(", ")),
            description: "TestRail status ids of the last five results, newest first, joined by blanks".to_owned(),
        });
        let description = format!("Test health with the last five statuses as one text. {}", self.contract(TABLE)?.description);
        Some(View { name: "v_testrail_test_health".to_owned(), description, columns, source: self.from(TABLE, "report") })
    }

    /// The newest day of a snapshot. Each project has its own: they are not read on the same days.
    fn latest(&self, contract: &Contract) -> Option<View> {
        let day = contract.snapshot_date()?;
        let scope = SCOPES.into_iter().find(|scope| contract.key.iter().any(|key| key == scope));
        let over = scope.map_or_else(String::new, |scope| format!("PARTITION BY `report`.`{scope}`"));
        let source = format!(
            "{}\nWHERE `report`.`{day}` IS NOT NULL\nQUALIFY `report`.`{day}` = MAX(`report`.`{day}`) OVER ({over})",
            self.from(&contract.table, "report")
        );
        let each = if scope.is_some() { "The newest day of each project." } else { "The newest day." };
        Some(View {
            name: format!("v_latest_{}", contract.table.strip_prefix("report_").unwrap_or(&contract.table)),
            description: format!("{each} {}", contract.description),
            columns: self.all(&contract.table, |_| None)?,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        super::{Database, script},
        *,
    };

    #[test]
    fn all_of_them() {
        let project = Project::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let place = Place::new("moz-testops", "testops_staging", "us.cloud-sql", None, Database::Mysql).unwrap();
        let views = views(&project, &place);
        let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
        assert!(
            ["v_sentry_rates", "v_test_case_coverage", "v_testrail_plans_and_runs", "v_testrail_test_health"].iter().all(|name| names.contains(name))
        );
        let snapshots = project.tables().filter(|model| model.contract.as_ref().is_some_and(|contract| contract.snapshot_date().is_some())).count();
        assert_eq!(names.iter().filter(|name| name.starts_with("v_latest_")).count(), snapshots);
        let shown = [
            "v_latest_sentry_rates",
            "v_latest_jira_qa_needed",
            "v_sentry_rates",
            "v_testrail_plans_and_runs",
            "v_test_case_coverage",
            "v_testrail_test_health",
        ];
        let shown: Vec<View> = views.iter().filter(|view| shown.contains(&view.name.as_str())).cloned().collect();
        insta::assert_snapshot!(script(&shown, &place));
    }
}
