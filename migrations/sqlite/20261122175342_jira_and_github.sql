-- jira and github
-- Written by `etl migrate new`; read it before it is run, and never change it after.

-- Issues from outside the team that nobody had taken up within days of being filed. Once here an issue stays and follows its state.
CREATE TABLE "report_github_bugs" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "github_number" INTEGER NOT NULL, -- number in the repository
  "github_title" VARCHAR(300) NULL, -- title
  "github_url" VARCHAR(250) NULL, -- page of the issue
  "github_state" VARCHAR(50) NULL, -- open or closed
  "github_created_at" TIMESTAMP NULL, -- moment of filing
  "github_updated_at" TIMESTAMP NULL, -- moment of the last change
  "github_closed_at" TIMESTAMP NULL, -- moment of closing; null while open
  "github_user" VARCHAR(250) NULL, -- login of the author; null for a deleted account
  "github_author_association" VARCHAR(100) NULL, -- how the author belongs to the repository, as the token sees it
  "github_project" VARCHAR(250) NOT NULL, -- project
  "created_at" TIMESTAMP NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_github_bugs__key" ON "report_github_bugs" ("github_project", "github_number");

-- Issues and pull requests with a label of a watched class.
CREATE TABLE "report_github_issues" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT, -- filled by the database
  "projects_id" INTEGER NOT NULL, -- projects.id
  "issue_id" INTEGER NOT NULL, -- number in the repository
  "issue_title" VARCHAR(300) NULL, -- title
  "issue_types_id" INTEGER NULL, -- github_issue_types.id: 1 issue, 2 pull request
  "github_created_at" DATE NOT NULL, -- UTC date of creation
  "github_updated_at" DATE NULL, -- UTC date of the last change
  "github_closed_at" DATE NULL, -- UTC date of closing
  "github_merged_at" DATE NULL, -- UTC date of the merge
  "created_at" TIMESTAMP NOT NULL, -- first seen
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_github_issues__key" ON "report_github_issues" ("projects_id", "issue_id");

-- How many issues of each watched class were opened, closed and open on each day, and whether more are open than a week before. Classes go by the labels that an issue has now: the history of labels is not read.
CREATE TABLE "report_issue_regression" (
  "report_date" DATE NOT NULL, -- UTC day
  "projects_id" INTEGER NOT NULL, -- projects.id
  "issue_class" VARCHAR(50) NOT NULL, -- class of labels
  "opened_count" INTEGER NOT NULL, -- issues filed on the day
  "closed_count" INTEGER NOT NULL, -- issues closed on the day
  "open_count" INTEGER NOT NULL, -- issues open at the end of the day
  "open_count_7d_ago" INTEGER NULL, -- issues open at the end of the day a week before; null in the first 7 days
  "is_regression" SMALLINT NOT NULL, -- 1 where more are open than a week before
  "_row_hash" BIGINT NULL -- hash of the row; NULL: not written by etl
);
CREATE UNIQUE INDEX "report_issue_regression__key" ON "report_issue_regression" ("report_date", "projects_id", "issue_class");

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
