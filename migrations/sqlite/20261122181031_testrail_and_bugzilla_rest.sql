-- testrail and bugzilla rest
-- Written by `etl migrate new`; read it before it is run, and never change it after.

-- The bugs that each followed meta bug depends on directly.
CREATE TABLE "report_bugzilla_meta_bugs" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "bugzilla_key" INTEGER NOT NULL, -- bug id
  "bugzilla_summary" TEXT NULL, -- summary
  "bugzilla_bug_status" VARCHAR(50) NULL, -- status
  "bugzilla_bug_resolution" VARCHAR(50) NULL, -- resolution; empty while the bug is open
  "bugzilla_bug_severity" VARCHAR(50) NULL, -- severity
  "bugzilla_bug_priority" VARCHAR(50) NULL, -- priority
  "bugzilla_bug_created_at" TIMESTAMP NULL, -- moment of filing
  "bugzilla_bug_resolved_at" TIMESTAMP NULL, -- moment of the last resolution
  "bugzilla_bug_assigned_to" VARCHAR(100) NULL, -- who works on it
  "bugzilla_bug_keyword" VARCHAR(500) NULL, -- keywords, joined with comma and blank; empty without any
  "bugzilla_bug_parent" VARCHAR(100) NOT NULL, -- id of the meta bug, as text
  "bugzilla_bug_product" VARCHAR(100) NULL, -- product
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_bugzilla_meta_bugs__key" ON "report_bugzilla_meta_bugs" ("bugzilla_bug_parent", "bugzilla_key");

-- Bugs that QA investigated, verified or triaged.
CREATE TABLE "report_bugzilla_overall_bugs" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "bugzilla_key" INTEGER NOT NULL, -- bug id
  "bugzilla_summary" TEXT NULL, -- summary
  "bugzilla_product" VARCHAR(255) NULL, -- product
  "bugzilla_qa_whiteboard" VARCHAR(500) NULL, -- QA whiteboard, which says what QA did
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
CREATE UNIQUE INDEX "report_bugzilla_overall_bugs__key" ON "report_bugzilla_overall_bugs" ("bugzilla_key");

-- Flags that ask QA to verify a bug of the mobile products.
CREATE TABLE "report_bugzilla_qe_needed" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "bugzilla_flag_id" BIGINT NOT NULL, -- id of the flag
  "bugzilla_key" VARCHAR(25) NOT NULL, -- bug id, as text
  "bugzilla_summary" VARCHAR(500) NOT NULL, -- summary
  "buzilla_modified_at" TIMESTAMP NOT NULL, -- moment at which the flag was last set
  "bugzilla_created_at" TIMESTAMP NOT NULL, -- moment at which the flag was first set
  "bugzilla_tag_name" VARCHAR(50) NOT NULL, -- name of the flag
  "bugzilla_tag_status" VARCHAR(25) NOT NULL, -- status of the flag
  "bugzilla_tag_setter" VARCHAR(100) NOT NULL, -- who set it
  "bugzilla_bug_severity" VARCHAR(25) NULL, -- severity
  "bugzilla_bug_priority" VARCHAR(25) NULL, -- priority
  "bugzilla_bug_status" VARCHAR(25) NOT NULL, -- status
  "bugzilla_bug_resolution" VARCHAR(25) NULL, -- resolution; empty while the bug is open
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_bugzilla_qe_needed__key" ON "report_bugzilla_qe_needed" ("bugzilla_flag_id");

-- How many flags ask QA to verify a bug of the mobile products, day by day.
CREATE TABLE "report_bugzilla_qe_needed_count" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "created_at" TIMESTAMP NOT NULL, -- start of the run that read the flags
  "bugzilla_total_qa_needed" INTEGER NULL, -- flags; 0 where there are none
  "snapshot_date" DATE NOT NULL, -- UTC date of created_at
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_bugzilla_qe_needed_count__key" ON "report_bugzilla_qe_needed_count" ("snapshot_date");

-- Bugs with a keyword that is followed, such as those caught by UI tests.
CREATE TABLE "report_bugzilla_query_by_keyword" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "query_keyword" VARCHAR(100) NOT NULL, -- keyword that was asked for
  "bugzilla_key" INTEGER NOT NULL, -- bug id
  "bugzilla_summary" TEXT NULL, -- summary
  "bugzilla_product" VARCHAR(255) NULL, -- product
  "bugzilla_qa_whiteboard" VARCHAR(500) NULL, -- QA whiteboard
  "bugzilla_bug_severity" VARCHAR(50) NULL, -- severity
  "bugzilla_bug_priority" VARCHAR(50) NULL, -- priority
  "bugzilla_bug_status" VARCHAR(50) NULL, -- status
  "bugzilla_bug_resolution" VARCHAR(50) NULL, -- resolution; empty while the bug is open
  "bugzilla_bug_created_at" TIMESTAMP NULL, -- moment of filing
  "bugzilla_bug_last_change_time" TIMESTAMP NULL, -- moment of the last change
  "bugzilla_bug_whiteboard" VARCHAR(500) NULL, -- whiteboard
  "bugzilla_bug_keyword" VARCHAR(500) NULL, -- keywords, joined with comma and blank; null without any
  "bugzilla_bug_resolved_at" TIMESTAMP NULL, -- moment of the last resolution
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_bugzilla_query_by_keyword__key" ON "report_bugzilla_query_by_keyword" ("query_keyword", "bugzilla_key");

-- Per test case: how often it ran, how long it took, how often it passed, and its last five outcomes.
CREATE TABLE "report_testrail_test_health" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "testrail_case_id" INTEGER NOT NULL, -- case id in TestRail
  "testrail_project_id" INTEGER NOT NULL, -- project id in TestRail
  "testrail_case_name" VARCHAR(250) NULL, -- title of the newest test
  "testrail_suite_name" VARCHAR(250) NULL, -- suite of the newest result's run
  "num_executions" INTEGER NOT NULL, -- results that are passed, retest or failed
  "avg_runtime" DOUBLE PRECISION NULL, -- mean seconds of them; null without any
  "pass_rate" DOUBLE PRECISION NULL, -- share of passed ones among them, 0 to 1; null without any
  "most_recent_timestamp" TIMESTAMP NOT NULL, -- moment of the newest result
  "most_recent_runtime" DOUBLE PRECISION NULL, -- its seconds
  "most_recent_status" INTEGER NOT NULL, -- its TestRail status id
  "status_history_1" INTEGER NULL, -- status before the newest
  "status_history_2" INTEGER NULL, -- status before that
  "status_history_3" INTEGER NULL, -- and so on
  "status_history_4" INTEGER NULL, -- and so on
  "created_on" TIMESTAMP NOT NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_testrail_test_health__key" ON "report_testrail_test_health" ("testrail_project_id", "testrail_case_id");

-- Duration and status of each automated test in the newest Beta plan and the newest Beta L10N plan of a project.
CREATE TABLE "report_testrail_test_results" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "testrail_result_id" BIGINT NOT NULL, -- result id in TestRail
  "run_id" INTEGER NOT NULL, -- report_testrail_test_runs.id, the TestRail run id
  "test_id" INTEGER NOT NULL, -- test id in TestRail
  "elapsed" DOUBLE PRECISION NULL, -- seconds; null where TestRail has no duration
  "status_id" INTEGER NOT NULL, -- TestRail status id
  "testrail_created_on" DATE NULL, -- UTC date of the result
  "testrail_completed_on" TIMESTAMP NULL, -- always null: results carry no completion
  "type" VARCHAR(55) NOT NULL, -- beta or l10n
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_testrail_test_results__key" ON "report_testrail_test_results" ("testrail_result_id", "type");

-- Who has an account in TestRail, in which role, week by week.
CREATE TABLE "report_testrail_users" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "name" VARCHAR(255) NULL, -- name
  "email" VARCHAR(255) NOT NULL, -- address as given
  "status" VARCHAR(50) NOT NULL, -- active or inactive
  "role" VARCHAR(100) NULL, -- role
  "created_at" TIMESTAMP NOT NULL, -- start of the run that read the users
  "snapshot_date" DATE NOT NULL, -- UTC date of created_at
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_testrail_users__key" ON "report_testrail_users" ("email", "snapshot_date");
