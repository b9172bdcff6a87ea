-- first tables
-- Written by `etl migrate new`; read it before it is run, and never change it after.

-- What was loaded when; written by etl load, one row per load that changed something.
CREATE TABLE "etl_loads" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "table_name" VARCHAR(63) NOT NULL, -- the loaded table
  "transform_id" VARCHAR(36) NOT NULL, -- the transform whose mart it shows
  "as_of" TIMESTAMP NOT NULL, -- the time that the mart shows
  "loaded_at" TIMESTAMP NOT NULL, -- moment of the load
  "inserted" BIGINT NOT NULL, -- rows inserted
  "updated" BIGINT NOT NULL, -- rows updated
  "deleted" BIGINT NOT NULL, -- rows deleted
  "unchanged" BIGINT NOT NULL, -- rows that were as the mart has them
  "blocked" BIGINT NOT NULL, -- rows left out because a row that etl did not write has their key
  "owned_rows" BIGINT NOT NULL, -- owned rows after the load (of a snapshot: of the mart's days)
  "hash_low" BIGINT NOT NULL, -- sum of the low 32 bits of their hashes
  "hash_high" BIGINT NOT NULL, -- sum of the high 32 bits of their hashes
  "hash_version" SMALLINT NOT NULL, -- version of the canonical form behind _row_hash
  "etl_version" VARCHAR(30) NOT NULL -- version of etl
);

-- Kinds of GitHub issues.
CREATE TABLE "github_issue_types" (
  "id" INTEGER NOT NULL, -- id of this table
  "issue_type" VARCHAR(75) NOT NULL, -- issue or pr
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "github_issue_types__key" ON "github_issue_types" ("id");

-- Projects under test. Further rows of an existing database are added here by the owner.
CREATE TABLE "projects" (
  "id" INTEGER NOT NULL, -- id that other tables point at
  "testrail_project_id" INTEGER NOT NULL, -- project id in TestRail
  "project_name_abbrev" VARCHAR(25) NOT NULL, -- name on the command line
  "project_name" VARCHAR(75) NOT NULL, -- name shown to people
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "projects__key" ON "projects" ("project_name_abbrev");

-- For each bug found by QA and each Firefox version: the state of the version's status flag and when it first became fixed. Flags of versions that Bugzilla has switched off keep the value last seen. A fetch of a bug with a fixed flag counts only once the bug's history was answered as well: until then the bug stays as it was.
CREATE TABLE "report_bugzilla_query_release_flags_for_bugs" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "bugzilla_key" INTEGER NOT NULL, -- bug id
  "bugzilla_release_version" INTEGER NOT NULL, -- Firefox version of the flag
  "bugzilla_bug_status" VARCHAR(100) NULL, -- value of the flag, not of the bug; --- where it is not set
  "bugzilla_bug_keywords" VARCHAR(500) NULL, -- keywords, joined with comma and blank; null without any
  "bugzilla_bug_severity" VARCHAR(100) NULL, -- severity
  "bugzilla_bug_resolution" VARCHAR(100) NULL, -- resolution; empty while the bug is open
  "bugzilla_bug_type" VARCHAR(100) NULL, -- defect, enhancement or task
  "bugzilla_bug_qa_found_in" VARCHAR(500) NULL, -- QA whiteboard, which names the release in which QA found the bug
  "bugzilla_bug_flag_fixed_at" TIMESTAMP NULL, -- when the flag first became fixed or verified, while it is one of them now
  "created_at" TIMESTAMP NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_bugzilla_query_release_flags_for_bugs__key" ON "report_bugzilla_query_release_flags_for_bugs" ("bugzilla_key", "bugzilla_release_version");

-- Bugs found by QA in a release cycle, open and closed.
CREATE TABLE "report_bugzilla_softvision_bugs" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "bugzilla_key" INTEGER NOT NULL, -- bug id
  "bugzilla_summary" TEXT NULL, -- summary
  "bugzilla_product" VARCHAR(255) NULL, -- product
  "bugzilla_qa_whiteboard" VARCHAR(500) NULL, -- QA whiteboard, which names the release in which QA found the bug
  "bugzilla_bug_severity" VARCHAR(50) NULL, -- severity
  "bugzilla_bug_priority" VARCHAR(50) NULL, -- priority
  "bugzilla_bug_status" VARCHAR(50) NULL, -- status
  "bugzilla_bug_resolution" VARCHAR(50) NULL, -- resolution; empty while the bug is open
  "bugzilla_bug_created_at" TIMESTAMP NULL, -- moment of filing
  "bugzilla_bug_last_change_time" TIMESTAMP NULL, -- moment of the last change
  "bugzilla_bug_whiteboard" VARCHAR(500) NULL, -- whiteboard
  "bugzilla_bug_keyword" VARCHAR(500) NULL, -- keywords, joined with comma and blank; null without any
  "bugzilla_bug_resolved_at" TIMESTAMP NULL, -- moment of the last resolution
  "created_at" TIMESTAMP NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_bugzilla_softvision_bugs__key" ON "report_bugzilla_softvision_bugs" ("bugzilla_key");

-- How many test cases are automated, per suite and sub-suite, day by day. A case in two sub-suites counts in both: totals over sub-suites are not totals of cases.
CREATE TABLE "report_test_case_coverage" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "projects_id" INTEGER NOT NULL, -- projects.id of the TestRail project
  "testrail_test_suites_id" INTEGER NOT NULL, -- suite id in TestRail
  "test_sub_suites_id" INTEGER NOT NULL, -- TestRail option id of the sub-suite; 7 (Other) where a case has none
  "test_automation_status_id" INTEGER NOT NULL, -- TestRail option id; 1 (Untriaged) where a case has none
  "test_automation_coverage_id" INTEGER NOT NULL, -- TestRail option id; 1 (None) where a case has none
  "test_automation_tae" INTEGER NOT NULL, -- 1 where the case has the label tae, else 0
  "test_count" INTEGER NOT NULL, -- pairs of case and sub-suite
  "created_at" TIMESTAMP NOT NULL, -- start of the run that read the project's cases
  "snapshot_date" DATE NOT NULL, -- UTC date of created_at
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_test_case_coverage__key" ON "report_test_case_coverage" ("projects_id", "testrail_test_suites_id", "test_sub_suites_id", "test_automation_status_id", "test_automation_coverage_id", "test_automation_tae", "snapshot_date");

-- Outcome counts of each completed run, outside plans and inside them, created in the as-of year. Rows of former years stay in the table.
CREATE TABLE "report_test_run_counts" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "projects_id" INTEGER NOT NULL, -- projects.id of the TestRail project
  "testrail_suites_id" INTEGER NULL, -- suite id in TestRail; null where the suite was deleted
  "test_sub_suites_id" INTEGER NOT NULL, -- TestRail option id by the run's name: 1 smoke, 3 l10n, else 0
  "testrail_run_id" INTEGER NOT NULL, -- run id in TestRail
  "test_case_passed_count" INTEGER NOT NULL, -- passed tests
  "test_case_blocked_count" INTEGER NOT NULL, -- blocked tests
  "test_case_retest_count" INTEGER NOT NULL, -- tests to be tested again (failed, known)
  "test_case_failed_count" INTEGER NOT NULL, -- failed tests (new)
  "testrail_created_on" DATE NULL, -- UTC date of creation
  "testrail_completed_on" DATE NULL, -- UTC date of completion
  "created_at" TIMESTAMP NOT NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_test_run_counts__key" ON "report_test_run_counts" ("testrail_run_id");

-- Builds under test with their sign-off state and the recommendation of QA; sub-milestones of any depth are rows of their own.
CREATE TABLE "report_testrail_milestones" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "testrail_milestone_id" INTEGER NOT NULL, -- milestone id in TestRail
  "projects_id" INTEGER NOT NULL, -- projects.id of the TestRail project
  "name" VARCHAR(250) NULL, -- milestone name
  "started_on" DATE NULL, -- UTC date of the start
  "is_completed" VARCHAR(50) NULL, -- 1 or 0, as text
  "description" VARCHAR(5000) NULL, -- description; the states below are read from the uncut text
  "completed_on" TIMESTAMP NULL, -- moment of completion
  "url" VARCHAR(250) NULL, -- page in TestRail
  "testing_status" VARCHAR(25) NULL, -- TESTING_STATUS of the description, in upper case
  "testing_recommendation" VARCHAR(250) NULL, -- QA_RECOMMENDATION of the description
  "build_name" VARCHAR(250) NULL, -- text of the name after Build Validation sign-off
  "build_version" VARCHAR(150) NULL, -- version in the build name, all number groups
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_testrail_milestones__key" ON "report_testrail_milestones" ("testrail_milestone_id");

-- Automated test plans and the outcome counts of all their runs.
CREATE TABLE "report_testrail_test_plans" (
  "id" INTEGER NOT NULL, -- the TestRail plan id again; runs point at it
  "testrail_plan_id" INTEGER NOT NULL, -- plan id in TestRail
  "projects_id" INTEGER NOT NULL, -- projects.id of the TestRail project
  "name" VARCHAR(250) NOT NULL, -- plan name
  "test_case_passed_count" INTEGER NOT NULL, -- passed tests
  "test_case_retest_count" INTEGER NOT NULL, -- tests to be tested again (failed, known)
  "test_case_failed_count" INTEGER NOT NULL, -- failed tests (new)
  "test_case_blocked_count" INTEGER NOT NULL, -- blocked tests
  "test_case_untested_count" INTEGER NOT NULL, -- tests without a result
  "test_case_total_count" INTEGER NOT NULL, -- all tests, those with custom statuses among them
  "testrail_created_on" DATE NULL, -- UTC date of creation
  "testrail_completed_on" TIMESTAMP NULL, -- moment of completion; null while open
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_testrail_test_plans__key" ON "report_testrail_test_plans" ("testrail_plan_id");

-- Runs of the automated test plans with their outcome counts.
CREATE TABLE "report_testrail_test_runs" (
  "id" INTEGER NOT NULL, -- the TestRail run id again; results point at it
  "testrail_run_id" INTEGER NOT NULL, -- run id in TestRail
  "projects_id" INTEGER NOT NULL, -- projects.id of the TestRail project
  "plan_id" INTEGER NOT NULL, -- report_testrail_test_plans.id, the TestRail plan id
  "suite_id" INTEGER NULL, -- suite id in TestRail; null where the suite was deleted
  "name" VARCHAR(250) NOT NULL, -- run name
  "config" VARCHAR(250) NOT NULL, -- configuration, such as Windows 11; empty where there is none
  "category" VARCHAR(20) NOT NULL, -- Smoke, L10n or Functional, by the run's name
  "test_case_passed_count" INTEGER NOT NULL, -- passed tests
  "test_case_retest_count" INTEGER NOT NULL, -- tests to be tested again (failed, known)
  "test_case_failed_count" INTEGER NOT NULL, -- failed tests (new)
  "test_case_blocked_count" INTEGER NOT NULL, -- blocked tests
  "test_case_untested_count" INTEGER NOT NULL, -- tests without a result
  "test_case_total_count" INTEGER NOT NULL, -- all tests, those with custom statuses among them
  "testrail_created_on" DATE NULL, -- UTC date of creation
  "testrail_completed_on" TIMESTAMP NULL, -- moment of completion; null while open
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_testrail_test_runs__key" ON "report_testrail_test_runs" ("testrail_run_id");

-- How much of a test case is automated.
CREATE TABLE "test_automation_coverage" (
  "id" INTEGER NOT NULL, -- id of this table
  "testrail_id" INTEGER NOT NULL, -- option id in TestRail
  "coverage" VARCHAR(75) NULL, -- name shown to people
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "test_automation_coverage__key" ON "test_automation_coverage" ("testrail_id");

-- Whether a test case can be automated and has been.
CREATE TABLE "test_automation_status" (
  "id" INTEGER NOT NULL, -- id of this table
  "testrail_id" INTEGER NOT NULL, -- option id in TestRail
  "status" VARCHAR(75) NULL, -- name shown to people
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "test_automation_status__key" ON "test_automation_status" ("testrail_id");

-- TestRail's result statuses and the count column of a run that each belongs to.
CREATE TABLE "test_run_result_types" (
  "id" INTEGER NOT NULL, -- id of this table
  "testrail_id" INTEGER NOT NULL, -- status id in TestRail
  "result_type_abbrev" VARCHAR(25) NOT NULL, -- count column
  "result_type" VARCHAR(50) NOT NULL, -- name shown to people
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "test_run_result_types__key" ON "test_run_result_types" ("testrail_id");

-- Sub-suites of test cases. Fact tables store the TestRail option id: join on testrail_id, not on id.
CREATE TABLE "test_sub_suites" (
  "id" INTEGER NOT NULL, -- id of this table
  "testrail_id" INTEGER NOT NULL, -- option id in TestRail
  "test_sub_suite_abbrev" VARCHAR(25) NOT NULL, -- short name
  "test_sub_suite" VARCHAR(75) NOT NULL, -- name shown to people
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "test_sub_suites__key" ON "test_sub_suites" ("testrail_id");

-- Test suites of every project, as TestRail names them.
CREATE TABLE "test_suites" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "testrail_project_id" INTEGER NOT NULL, -- project id in TestRail
  "testrail_test_suites_id" INTEGER NOT NULL, -- suite id in TestRail
  "test_suite_name" VARCHAR(250) NULL, -- suite name
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "test_suites__key" ON "test_suites" ("testrail_test_suites_id");
