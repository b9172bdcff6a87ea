-- first tables
-- Written by `etl migrate new`; read it before it is run, and never change it after.

CREATE TABLE `etl_loads` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `table_name` VARCHAR(63) NOT NULL COMMENT 'the loaded table',
  `transform_id` VARCHAR(36) NOT NULL COMMENT 'the transform whose mart it shows',
  `as_of` DATETIME NOT NULL COMMENT 'the time that the mart shows',
  `loaded_at` DATETIME NOT NULL COMMENT 'moment of the load',
  `inserted` BIGINT NOT NULL COMMENT 'rows inserted',
  `updated` BIGINT NOT NULL COMMENT 'rows updated',
  `deleted` BIGINT NOT NULL COMMENT 'rows deleted',
  `unchanged` BIGINT NOT NULL COMMENT 'rows that were as the mart has them',
  `blocked` BIGINT NOT NULL COMMENT 'rows left out because a row that etl did not write has their key',
  `owned_rows` BIGINT NOT NULL COMMENT 'owned rows after the load (of a snapshot: of the mart''s days)',
  `hash_low` BIGINT NOT NULL COMMENT 'sum of the low 32 bits of their hashes',
  `hash_high` BIGINT NOT NULL COMMENT 'sum of the high 32 bits of their hashes',
  `hash_version` SMALLINT NOT NULL COMMENT 'version of the canonical form behind _row_hash',
  `etl_version` VARCHAR(30) NOT NULL COMMENT 'version of etl'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='What was loaded when; written by etl load, one row per load that changed something.';

CREATE TABLE `github_issue_types` (
  `id` INT NOT NULL COMMENT 'id of this table',
  `issue_type` VARCHAR(75) NOT NULL COMMENT 'issue or pr',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `github_issue_types__key` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Kinds of GitHub issues.';

CREATE TABLE `projects` (
  `id` INT NOT NULL COMMENT 'id that other tables point at',
  `testrail_project_id` INT NOT NULL COMMENT 'project id in TestRail',
  `project_name_abbrev` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'name on the command line',
  `project_name` VARCHAR(75) NOT NULL COMMENT 'name shown to people',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `projects__key` (`project_name_abbrev`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Projects under test. Further rows of an existing database are added here by the owner.';

CREATE TABLE `report_bugzilla_query_release_flags_for_bugs` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `bugzilla_key` INT NOT NULL COMMENT 'bug id',
  `bugzilla_release_version` INT NOT NULL COMMENT 'Firefox version of the flag',
  `bugzilla_bug_status` VARCHAR(100) NULL COMMENT 'value of the flag, not of the bug; --- where it is not set',
  `bugzilla_bug_keywords` VARCHAR(500) NULL COMMENT 'keywords, joined with comma and blank; null without any',
  `bugzilla_bug_severity` VARCHAR(100) NULL COMMENT 'severity',
  `bugzilla_bug_resolution` VARCHAR(100) NULL COMMENT 'resolution; empty while the bug is open',
  `bugzilla_bug_type` VARCHAR(100) NULL COMMENT 'defect, enhancement or task',
  `bugzilla_bug_qa_found_in` VARCHAR(500) NULL COMMENT 'QA whiteboard, which names the release in which QA found the bug',
  `bugzilla_bug_flag_fixed_at` DATETIME NULL COMMENT 'when the flag first became fixed or verified, while it is one of them now',
  `created_at` DATETIME NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bugzilla_query_release_flags_for_bugs__key` (`bugzilla_key`, `bugzilla_release_version`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='For each bug found by QA and each Firefox version: the state of the version''s status flag and when it first became fixed. Flags of versions that Bugzilla has switched off keep the value last seen. A fetch of a bug with a fixed flag counts only once the bug''s history was answered as well: until then the bug stays as it was.';

CREATE TABLE `report_bugzilla_softvision_bugs` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `bugzilla_key` INT NOT NULL COMMENT 'bug id',
  `bugzilla_summary` LONGTEXT NULL COMMENT 'summary',
  `bugzilla_product` VARCHAR(255) NULL COMMENT 'product',
  `bugzilla_qa_whiteboard` VARCHAR(500) NULL COMMENT 'QA whiteboard, which names the release in which QA found the bug',
  `bugzilla_bug_severity` VARCHAR(50) NULL COMMENT 'severity',
  `bugzilla_bug_priority` VARCHAR(50) NULL COMMENT 'priority',
  `bugzilla_bug_status` VARCHAR(50) NULL COMMENT 'status',
  `bugzilla_bug_resolution` VARCHAR(50) NULL COMMENT 'resolution; empty while the bug is open',
  `bugzilla_bug_created_at` DATETIME NULL COMMENT 'moment of filing',
  `bugzilla_bug_last_change_time` DATETIME NULL COMMENT 'moment of the last change',
  `bugzilla_bug_whiteboard` VARCHAR(500) NULL COMMENT 'whiteboard',
  `bugzilla_bug_keyword` VARCHAR(500) NULL COMMENT 'keywords, joined with comma and blank; null without any',
  `bugzilla_bug_resolved_at` DATETIME NULL COMMENT 'moment of the last resolution',
  `created_at` DATETIME NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bugzilla_softvision_bugs__key` (`bugzilla_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Bugs found by QA in a release cycle, open and closed.';

CREATE TABLE `report_test_case_coverage` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `projects_id` INT NOT NULL COMMENT 'projects.id of the TestRail project',
  `testrail_test_suites_id` INT NOT NULL COMMENT 'suite id in TestRail',
  `test_sub_suites_id` INT NOT NULL COMMENT 'TestRail option id of the sub-suite; 7 (Other) where a case has none',
  `test_automation_status_id` INT NOT NULL COMMENT 'TestRail option id; 1 (Untriaged) where a case has none',
  `test_automation_coverage_id` INT NOT NULL COMMENT 'TestRail option id; 1 (None) where a case has none',
  `test_automation_tae` INT NOT NULL COMMENT '1 where the case has the label tae, else 0',
  `test_count` INT NOT NULL COMMENT 'pairs of case and sub-suite',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the project''s cases',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_test_case_coverage__key` (`projects_id`, `testrail_test_suites_id`, `test_sub_suites_id`, `test_automation_status_id`, `test_automation_coverage_id`, `test_automation_tae`, `snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='How many test cases are automated, per suite and sub-suite, day by day. A case in two sub-suites counts in both: totals over sub-suites are not totals of cases.';

CREATE TABLE `report_test_run_counts` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `projects_id` INT NOT NULL COMMENT 'projects.id of the TestRail project',
  `testrail_suites_id` INT NULL COMMENT 'suite id in TestRail; null where the suite was deleted',
  `test_sub_suites_id` INT NOT NULL COMMENT 'TestRail option id by the run''s name: 1 smoke, 3 l10n, else 0',
  `testrail_run_id` INT NOT NULL COMMENT 'run id in TestRail',
  `test_case_passed_count` INT NOT NULL COMMENT 'passed tests',
  `test_case_blocked_count` INT NOT NULL COMMENT 'blocked tests',
  `test_case_retest_count` INT NOT NULL COMMENT 'tests to be tested again (failed, known)',
  `test_case_failed_count` INT NOT NULL COMMENT 'failed tests (new)',
  `testrail_created_on` DATE NULL COMMENT 'UTC date of creation',
  `testrail_completed_on` DATE NULL COMMENT 'UTC date of completion',
  `created_at` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_test_run_counts__key` (`testrail_run_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Outcome counts of each completed run, outside plans and inside them, created in the as-of year. Rows of former years stay in the table.';

CREATE TABLE `report_testrail_milestones` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `testrail_milestone_id` INT NOT NULL COMMENT 'milestone id in TestRail',
  `projects_id` INT NOT NULL COMMENT 'projects.id of the TestRail project',
  `name` VARCHAR(250) NULL COMMENT 'milestone name',
  `started_on` DATE NULL COMMENT 'UTC date of the start',
  `is_completed` VARCHAR(50) NULL COMMENT '1 or 0, as text',
  `description` VARCHAR(5000) NULL COMMENT 'description; the states below are read from the uncut text',
  `completed_on` DATETIME NULL COMMENT 'moment of completion',
  `url` VARCHAR(250) NULL COMMENT 'page in TestRail',
  `testing_status` VARCHAR(25) NULL COMMENT 'TESTING_STATUS of the description, in upper case',
  `testing_recommendation` VARCHAR(250) NULL COMMENT 'QA_RECOMMENDATION of the description',
  `build_name` VARCHAR(250) NULL COMMENT 'text of the name after Build Validation sign-off',
  `build_version` VARCHAR(150) NULL COMMENT 'version in the build name, all number groups',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_testrail_milestones__key` (`testrail_milestone_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Builds under test with their sign-off state and the recommendation of QA; sub-milestones of any depth are rows of their own.';

CREATE TABLE `report_testrail_test_plans` (
  `id` INT NOT NULL COMMENT 'the TestRail plan id again; runs point at it',
  `testrail_plan_id` INT NOT NULL COMMENT 'plan id in TestRail',
  `projects_id` INT NOT NULL COMMENT 'projects.id of the TestRail project',
  `name` VARCHAR(250) NOT NULL COMMENT 'plan name',
  `test_case_passed_count` INT NOT NULL COMMENT 'passed tests',
  `test_case_retest_count` INT NOT NULL COMMENT 'tests to be tested again (failed, known)',
  `test_case_failed_count` INT NOT NULL COMMENT 'failed tests (new)',
  `test_case_blocked_count` INT NOT NULL COMMENT 'blocked tests',
  `test_case_untested_count` INT NOT NULL COMMENT 'tests without a result',
  `test_case_total_count` INT NOT NULL COMMENT 'all tests, those with custom statuses among them',
  `testrail_created_on` DATE NULL COMMENT 'UTC date of creation',
  `testrail_completed_on` DATETIME NULL COMMENT 'moment of completion; null while open',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_testrail_test_plans__key` (`testrail_plan_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Automated test plans and the outcome counts of all their runs.';

CREATE TABLE `report_testrail_test_runs` (
  `id` INT NOT NULL COMMENT 'the TestRail run id again; results point at it',
  `testrail_run_id` INT NOT NULL COMMENT 'run id in TestRail',
  `projects_id` INT NOT NULL COMMENT 'projects.id of the TestRail project',
  `plan_id` INT NOT NULL COMMENT 'report_testrail_test_plans.id, the TestRail plan id',
  `suite_id` INT NULL COMMENT 'suite id in TestRail; null where the suite was deleted',
  `name` VARCHAR(250) NOT NULL COMMENT 'run name',
  `config` VARCHAR(250) NOT NULL COMMENT 'configuration, such as Windows 11; empty where there is none',
  `category` VARCHAR(20) NOT NULL COMMENT 'Smoke, L10n or Functional, by the run''s name',
  `test_case_passed_count` INT NOT NULL COMMENT 'passed tests',
  `test_case_retest_count` INT NOT NULL COMMENT 'tests to be tested again (failed, known)',
  `test_case_failed_count` INT NOT NULL COMMENT 'failed tests (new)',
  `test_case_blocked_count` INT NOT NULL COMMENT 'blocked tests',
  `test_case_untested_count` INT NOT NULL COMMENT 'tests without a result',
  `test_case_total_count` INT NOT NULL COMMENT 'all tests, those with custom statuses among them',
  `testrail_created_on` DATE NULL COMMENT 'UTC date of creation',
  `testrail_completed_on` DATETIME NULL COMMENT 'moment of completion; null while open',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_testrail_test_runs__key` (`testrail_run_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Runs of the automated test plans with their outcome counts.';

CREATE TABLE `test_automation_coverage` (
  `id` INT NOT NULL COMMENT 'id of this table',
  `testrail_id` INT NOT NULL COMMENT 'option id in TestRail',
  `coverage` VARCHAR(75) NULL COMMENT 'name shown to people',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `test_automation_coverage__key` (`testrail_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='How much of a test case is automated.';

CREATE TABLE `test_automation_status` (
  `id` INT NOT NULL COMMENT 'id of this table',
  `testrail_id` INT NOT NULL COMMENT 'option id in TestRail',
  `status` VARCHAR(75) NULL COMMENT 'name shown to people',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `test_automation_status__key` (`testrail_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Whether a test case can be automated and has been.';

CREATE TABLE `test_run_result_types` (
  `id` INT NOT NULL COMMENT 'id of this table',
  `testrail_id` INT NOT NULL COMMENT 'status id in TestRail',
  `result_type_abbrev` VARCHAR(25) NOT NULL COMMENT 'count column',
  `result_type` VARCHAR(50) NOT NULL COMMENT 'name shown to people',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `test_run_result_types__key` (`testrail_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='TestRail''s result statuses and the count column of a run that each belongs to.';

CREATE TABLE `test_sub_suites` (
  `id` INT NOT NULL COMMENT 'id of this table',
  `testrail_id` INT NOT NULL COMMENT 'option id in TestRail',
  `test_sub_suite_abbrev` VARCHAR(25) NOT NULL COMMENT 'short name',
  `test_sub_suite` VARCHAR(75) NOT NULL COMMENT 'name shown to people',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `test_sub_suites__key` (`testrail_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Sub-suites of test cases. Fact tables store the TestRail option id: join on testrail_id, not on id.';

CREATE TABLE `test_suites` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `testrail_project_id` INT NOT NULL COMMENT 'project id in TestRail',
  `testrail_test_suites_id` INT NOT NULL COMMENT 'suite id in TestRail',
  `test_suite_name` VARCHAR(250) NULL COMMENT 'suite name',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `test_suites__key` (`testrail_test_suites_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Test suites of every project, as TestRail names them.';
