-- jira
-- Written by `etl migrate new`; read it before it is run, and never change it after.

-- How many tickets of the iOS team wait for QA, and how many of them are verified on nightly, day by day.
CREATE TABLE "report_jira_qa_needed" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "created_at" TIMESTAMP NOT NULL, -- start of the run that read the filter
  "jira_total_qa_needed" INTEGER NULL, -- tickets
  "jira_qa_needed_verified_nightly" INTEGER NULL, -- tickets with a label that says verified, and not one that says unverified
  "jira_qa_needed_not_verified" INTEGER NULL, -- the others
  "snapshot_date" DATE NOT NULL, -- UTC date of created_at
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_qa_needed__key" ON "report_jira_qa_needed" ("snapshot_date");

-- Requests for manual QA of the mobile teams and the work sized under them.
CREATE TABLE "report_jira_qa_requests" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "jira_key" VARCHAR(25) NOT NULL, -- key of the request
  "jira_summary" VARCHAR(500) NOT NULL, -- summary
  "jira_created_at" TIMESTAMP NOT NULL, -- moment of creation
  "jira_firefox_release_train" VARCHAR(50) NULL, -- release train
  "jira_engineering_team" VARCHAR(50) NULL, -- engineering team
  "jira_story_points" DOUBLE PRECISION NULL, -- story points as given
  "jira_status" VARCHAR(100) NOT NULL, -- status
  "jira_assignee_username" VARCHAR(100) NULL, -- address of the assignee, else the name, else Not Assigned
  "jira_labels" VARCHAR(500) NULL, -- labels, joined with comma
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_qa_requests__key" ON "report_jira_qa_requests" ("jira_key");

-- Requests for manual QA of desktop features: demand, size, missed milestones.
CREATE TABLE "report_jira_qa_requests_desktop" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "jira_key" VARCHAR(25) NOT NULL, -- key of the request
  "jira_summary" VARCHAR(500) NULL, -- summary
  "jira_created_at" TIMESTAMP NULL, -- moment of creation
  "jira_updated_at" TIMESTAMP NULL, -- moment of the last change
  "jira_status" VARCHAR(100) NULL, -- status
  "jira_assignee_username" VARCHAR(100) NULL, -- address of the assignee, else the name, else Not Assigned
  "jira_reporter_username" VARCHAR(100) NULL, -- address of the reporter
  "jira_priority" VARCHAR(50) NULL, -- priority
  "jira_issue_type" VARCHAR(100) NULL, -- type of the issue
  "jira_labels" TEXT NULL, -- labels, joined with comma
  "jira_subtasks" TEXT NULL, -- keys of the sub-tasks, joined with comma; null without any
  "jira_story_points" DOUBLE PRECISION NULL, -- story points as given
  "jira_target_release" VARCHAR(100) NULL, -- release that the feature is meant for
  "jira_engineering_team" VARCHAR(100) NULL, -- engineering team
  "jira_tested_trains" VARCHAR(100) NULL, -- trains that were tested: c (nightly), b (beta), r (release) with their number
  "jira_product" VARCHAR(100) NULL, -- first product
  "jira_timeline" TEXT NULL, -- timeline, on one line
  "created_at" TIMESTAMP NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_qa_requests_desktop__key" ON "report_jira_qa_requests_desktop" ("jira_key");

-- Requests for manual QA of the mobile teams with internal tasks and sub-tasks.
CREATE TABLE "report_jira_qa_requests_new_issue_types" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "jira_key" VARCHAR(25) NOT NULL, -- key of the request
  "jira_summary" VARCHAR(500) NOT NULL, -- summary
  "jira_created_at" TIMESTAMP NOT NULL, -- moment of creation
  "jira_firefox_release_train" VARCHAR(50) NULL, -- release train
  "jira_engineering_team" VARCHAR(50) NULL, -- engineering team
  "jira_story_points" DOUBLE PRECISION NULL, -- story points as given
  "jira_status" VARCHAR(100) NOT NULL, -- status
  "jira_assignee_username" VARCHAR(100) NULL, -- address of the assignee, else the name, else Not Assigned
  "jira_labels" VARCHAR(500) NULL, -- labels, joined with comma
  "jira_tested_train" VARCHAR(100) NULL, -- trains that were tested
  "jira_issue_type" VARCHAR(50) NOT NULL, -- type of the issue
  "jira_parent_link" VARCHAR(25) NULL, -- key of the parent
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_qa_requests_new_issue_types__key" ON "report_jira_qa_requests_new_issue_types" ("jira_key");

-- Issues that others filed in the projects that the Softvision testers support.
CREATE TABLE "report_jira_softvision_issues_other_teams" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "jira_key" VARCHAR(25) NOT NULL, -- key of the issue
  "jira_summary" VARCHAR(500) NULL, -- summary
  "jira_project_key" VARCHAR(50) NULL, -- key of the project
  "jira_project_name" VARCHAR(255) NULL, -- name of the project
  "jira_reporter_name" VARCHAR(255) NULL, -- name of the reporter
  "jira_reporter_username" VARCHAR(255) NULL, -- address of the reporter
  "jira_status" VARCHAR(100) NULL, -- status
  "jira_priority" VARCHAR(50) NULL, -- priority
  "jira_issue_type" VARCHAR(50) NULL, -- type of the issue
  "jira_labels" VARCHAR(500) NULL, -- labels, joined with comma
  "jira_label_verified" SMALLINT NOT NULL, -- 1 with a label that says verified, else 0
  "jira_label_wontfix" SMALLINT NOT NULL, -- 1 with a label that says that nothing will be done, else 0
  "jira_label_duplicate" SMALLINT NOT NULL, -- 1 with the label duplicate, else 0
  "jira_label_invalid" SMALLINT NOT NULL, -- 1 with the label invalid, else 0
  "jira_label_qa_not_actionable" SMALLINT NOT NULL, -- 1 with another label of QA, else 0
  "jira_created_at" TIMESTAMP NULL, -- moment of creation
  "jira_updated_at" TIMESTAMP NULL, -- moment of the last change
  "jira_status_changed_at" TIMESTAMP NULL, -- moment at which the category of the status changed
  "created_at" TIMESTAMP NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_softvision_issues_other_teams__key" ON "report_jira_softvision_issues_other_teams" ("jira_key");

-- Issues that the Softvision testers filed in any project.
CREATE TABLE "report_jira_softvision_issues_qa_teams" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "jira_key" VARCHAR(25) NOT NULL, -- key of the issue
  "jira_summary" VARCHAR(500) NULL, -- summary
  "jira_project_key" VARCHAR(50) NULL, -- key of the project
  "jira_project_name" VARCHAR(255) NULL, -- name of the project
  "jira_reporter_name" VARCHAR(255) NULL, -- name of the reporter
  "jira_reporter_username" VARCHAR(255) NULL, -- address of the reporter
  "jira_status" VARCHAR(100) NULL, -- status
  "jira_priority" VARCHAR(50) NULL, -- priority
  "jira_issue_type" VARCHAR(50) NULL, -- type of the issue
  "jira_labels" VARCHAR(500) NULL, -- labels, joined with comma
  "jira_label_verified" SMALLINT NOT NULL, -- 1 with a label that says verified, else 0
  "jira_label_wontfix" SMALLINT NOT NULL, -- 1 with a label that says that nothing will be done, else 0
  "jira_label_duplicate" SMALLINT NOT NULL, -- 1 with the label duplicate, else 0
  "jira_label_invalid" SMALLINT NOT NULL, -- 1 with the label invalid, else 0
  "jira_label_qa_not_actionable" SMALLINT NOT NULL, -- 1 with another label of QA, else 0
  "jira_linked_issues" VARCHAR(2000) NULL, -- keys of linked issues, joined with comma; null without any
  "jira_created_at" TIMESTAMP NULL, -- moment of creation
  "jira_updated_at" TIMESTAMP NULL, -- moment of the last change
  "jira_status_changed_at" TIMESTAMP NULL, -- moment at which the category of the status changed
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_softvision_issues_qa_teams__key" ON "report_jira_softvision_issues_qa_teams" ("jira_key");

-- Every line of time booked on the requests of the Softvision testers and on their children.
CREATE TABLE "report_jira_softvision_worklogs" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "jira_worklog_id" BIGINT NOT NULL, -- id of the line in Jira
  "parent_key" VARCHAR(75) NOT NULL, -- key of the request
  "child_key" VARCHAR(75) NULL, -- key of the child that holds the line; null where the request itself does
  "author" VARCHAR(175) NULL, -- name of who booked
  "time_spent" VARCHAR(175) NOT NULL, -- time as written, such as 1h 30m
  "time_spent_seconds" INTEGER NOT NULL, -- time in seconds
  "started_date" TIMESTAMP NOT NULL, -- moment at which the work began
  "comment" VARCHAR(3000) NULL, -- comment; No Comment where there is none
  "parent_name" VARCHAR(2000) NULL, -- summary of the request
  "child_name" VARCHAR(2000) NULL, -- summary of the child
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_jira_softvision_worklogs__key" ON "report_jira_softvision_worklogs" ("jira_worklog_id");
