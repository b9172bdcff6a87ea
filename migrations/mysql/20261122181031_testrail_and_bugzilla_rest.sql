-- testrail and bugzilla rest
-- Written by `etl migrate new`; read it before it is run, and never change it after.

CREATE TABLE `report_bugzilla_meta_bugs` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `bugzilla_key` INT NOT NULL COMMENT 'bug id',
  `bugzilla_summary` LONGTEXT NULL COMMENT 'summary',
  `bugzilla_bug_status` VARCHAR(50) NULL COMMENT 'status',
  `bugzilla_bug_resolution` VARCHAR(50) NULL COMMENT 'resolution; empty while the bug is open',
  `bugzilla_bug_severity` VARCHAR(50) NULL COMMENT 'severity',
  `bugzilla_bug_priority` VARCHAR(50) NULL COMMENT 'priority',
  `bugzilla_bug_created_at` DATETIME NULL COMMENT 'moment of filing',
  `bugzilla_bug_resolved_at` DATETIME NULL COMMENT 'moment of the last resolution',
  `bugzilla_bug_assigned_to` VARCHAR(100) NULL COMMENT 'who works on it',
  `bugzilla_bug_keyword` VARCHAR(500) NULL COMMENT 'keywords, joined with comma and blank; empty without any',
  `bugzilla_bug_parent` VARCHAR(100) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the meta bug, as text',
  `bugzilla_bug_product` VARCHAR(100) NULL COMMENT 'product',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bugzilla_meta_bugs__key` (`bugzilla_bug_parent`, `bugzilla_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='The bugs that each followed meta bug depends on directly.';

CREATE TABLE `report_bugzilla_overall_bugs` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `bugzilla_key` INT NOT NULL COMMENT 'bug id',
  `bugzilla_summary` LONGTEXT NULL COMMENT 'summary',
  `bugzilla_product` VARCHAR(255) NULL COMMENT 'product',
  `bugzilla_qa_whiteboard` VARCHAR(500) NULL COMMENT 'QA whiteboard, which says what QA did',
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
  UNIQUE KEY `report_bugzilla_overall_bugs__key` (`bugzilla_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Bugs that QA investigated, verified or triaged.';

CREATE TABLE `report_bugzilla_qe_needed` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `bugzilla_flag_id` BIGINT NOT NULL COMMENT 'id of the flag',
  `bugzilla_key` VARCHAR(25) NOT NULL COMMENT 'bug id, as text',
  `bugzilla_summary` VARCHAR(500) NOT NULL COMMENT 'summary',
  `buzilla_modified_at` DATETIME NOT NULL COMMENT 'moment at which the flag was last set',
  `bugzilla_created_at` DATETIME NOT NULL COMMENT 'moment at which the flag was first set',
  `bugzilla_tag_name` VARCHAR(50) NOT NULL COMMENT 'name of the flag',
  `bugzilla_tag_status` VARCHAR(25) NOT NULL COMMENT 'status of the flag',
  `bugzilla_tag_setter` VARCHAR(100) NOT NULL COMMENT 'who set it',
  `bugzilla_bug_severity` VARCHAR(25) NULL COMMENT 'severity',
  `bugzilla_bug_priority` VARCHAR(25) NULL COMMENT 'priority',
  `bugzilla_bug_status` VARCHAR(25) NOT NULL COMMENT 'status',
  `bugzilla_bug_resolution` VARCHAR(25) NULL COMMENT 'resolution; empty while the bug is open',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bugzilla_qe_needed__key` (`bugzilla_flag_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Flags that ask QA to verify a bug of the mobile products.';

CREATE TABLE `report_bugzilla_qe_needed_count` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the flags',
  `bugzilla_total_qa_needed` INT NULL COMMENT 'flags; 0 where there are none',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bugzilla_qe_needed_count__key` (`snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='How many flags ask QA to verify a bug of the mobile products, day by day.';

CREATE TABLE `report_bugzilla_query_by_keyword` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `query_keyword` VARCHAR(100) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'keyword that was asked for',
  `bugzilla_key` INT NOT NULL COMMENT 'bug id',
  `bugzilla_summary` LONGTEXT NULL COMMENT 'summary',
  `bugzilla_product` VARCHAR(255) NULL COMMENT 'product',
  `bugzilla_qa_whiteboard` VARCHAR(500) NULL COMMENT 'QA whiteboard',
  `bugzilla_bug_severity` VARCHAR(50) NULL COMMENT 'severity',
  `bugzilla_bug_priority` VARCHAR(50) NULL COMMENT 'priority',
  `bugzilla_bug_status` VARCHAR(50) NULL COMMENT 'status',
  `bugzilla_bug_resolution` VARCHAR(50) NULL COMMENT 'resolution; empty while the bug is open',
  `bugzilla_bug_created_at` DATETIME NULL COMMENT 'moment of filing',
  `bugzilla_bug_last_change_time` DATETIME NULL COMMENT 'moment of the last change',
  `bugzilla_bug_whiteboard` VARCHAR(500) NULL COMMENT 'whiteboard',
  `bugzilla_bug_keyword` VARCHAR(500) NULL COMMENT 'keywords, joined with comma and blank; null without any',
  `bugzilla_bug_resolved_at` DATETIME NULL COMMENT 'moment of the last resolution',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bugzilla_query_by_keyword__key` (`query_keyword`, `bugzilla_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Bugs with a keyword that is followed, such as those caught by UI tests.';

CREATE TABLE `report_testrail_test_health` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `testrail_case_id` INT NOT NULL COMMENT 'case id in TestRail',
  `testrail_project_id` INT NOT NULL COMMENT 'project id in TestRail',
  `testrail_case_name` VARCHAR(250) NULL COMMENT 'title of the newest test',
  `testrail_suite_name` VARCHAR(250) NULL COMMENT 'suite of the newest result''s run',
  `num_executions` INT NOT NULL COMMENT 'results that are passed, retest or failed',
  `avg_runtime` DOUBLE NULL COMMENT 'mean seconds of them; null without any',
  `pass_rate` DOUBLE NULL COMMENT 'share of passed ones among them, 0 to 1; null without any',
  `most_recent_timestamp` DATETIME NOT NULL COMMENT 'moment of the newest result',
  `most_recent_runtime` DOUBLE NULL COMMENT 'its seconds',
  `most_recent_status` INT NOT NULL COMMENT 'its TestRail status id',
  `status_history_1` INT NULL COMMENT 'status before the newest',
  `status_history_2` INT NULL COMMENT 'status before that',
  `status_history_3` INT NULL COMMENT 'and so on',
  `status_history_4` INT NULL COMMENT 'and so on',
  `created_on` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_testrail_test_health__key` (`testrail_project_id`, `testrail_case_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Per test case: how often it ran, how long it took, how often it passed, and its last five outcomes.';

CREATE TABLE `report_testrail_test_results` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `testrail_result_id` BIGINT NOT NULL COMMENT 'result id in TestRail',
  `run_id` INT NOT NULL COMMENT 'report_testrail_test_runs.id, the TestRail run id',
  `test_id` INT NOT NULL COMMENT 'test id in TestRail',
  `elapsed` DOUBLE NULL COMMENT 'seconds; null where TestRail has no duration',
  `status_id` INT NOT NULL COMMENT 'TestRail status id',
  `testrail_created_on` DATE NULL COMMENT 'UTC date of the result',
  `testrail_completed_on` DATETIME NULL COMMENT 'always null: results carry no completion',
  `type` VARCHAR(55) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'beta or l10n',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_testrail_test_results__key` (`testrail_result_id`, `type`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Duration and status of each automated test in the newest Beta plan and the newest Beta L10N plan of a project.';

CREATE TABLE `report_testrail_users` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `name` VARCHAR(255) NULL COMMENT 'name',
  `email` VARCHAR(255) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'address as given',
  `status` VARCHAR(50) NOT NULL COMMENT 'active or inactive',
  `role` VARCHAR(100) NULL COMMENT 'role',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the users',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_testrail_users__key` (`email`, `snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Who has an account in TestRail, in which role, week by week.';
