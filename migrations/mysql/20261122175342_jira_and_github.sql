-- jira and github
-- Written by `etl migrate new`; read it before it is run, and never change it after.

CREATE TABLE `report_github_bugs` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `github_number` INT NOT NULL COMMENT 'number in the repository',
  `github_title` VARCHAR(300) NULL COMMENT 'title',
  `github_url` VARCHAR(250) NULL COMMENT 'page of the issue',
  `github_state` VARCHAR(50) NULL COMMENT 'open or closed',
  `github_created_at` DATETIME NULL COMMENT 'moment of filing',
  `github_updated_at` DATETIME NULL COMMENT 'moment of the last change',
  `github_closed_at` DATETIME NULL COMMENT 'moment of closing; null while open',
  `github_user` VARCHAR(250) NULL COMMENT 'login of the author; null for a deleted account',
  `github_author_association` VARCHAR(100) NULL COMMENT 'how the author belongs to the repository, as the token sees it',
  `github_project` VARCHAR(250) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'project',
  `created_at` DATETIME NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_github_bugs__key` (`github_project`, `github_number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Issues from outside the team that nobody had taken up within days of being filed. Once here an issue stays and follows its state.';

CREATE TABLE `report_github_issues` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `projects_id` INT NOT NULL COMMENT 'projects.id',
  `issue_id` INT NOT NULL COMMENT 'number in the repository',
  `issue_title` VARCHAR(300) NULL COMMENT 'title',
  `issue_types_id` INT NULL COMMENT 'github_issue_types.id: 1 issue, 2 pull request',
  `github_created_at` DATE NOT NULL COMMENT 'UTC date of creation',
  `github_updated_at` DATE NULL COMMENT 'UTC date of the last change',
  `github_closed_at` DATE NULL COMMENT 'UTC date of closing',
  `github_merged_at` DATE NULL COMMENT 'UTC date of the merge',
  `created_at` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_github_issues__key` (`projects_id`, `issue_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Issues and pull requests with a label of a watched class.';

CREATE TABLE `report_issue_regression` (
  `report_date` DATE NOT NULL COMMENT 'UTC day',
  `projects_id` INT NOT NULL COMMENT 'projects.id',
  `issue_class` VARCHAR(50) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'class of labels',
  `opened_count` INT NOT NULL COMMENT 'issues filed on the day',
  `closed_count` INT NOT NULL COMMENT 'issues closed on the day',
  `open_count` INT NOT NULL COMMENT 'issues open at the end of the day',
  `open_count_7d_ago` INT NULL COMMENT 'issues open at the end of the day a week before; null in the first 7 days',
  `is_regression` SMALLINT NOT NULL COMMENT '1 where more are open than a week before',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_issue_regression__key` (`report_date`, `projects_id`, `issue_class`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='How many issues of each watched class were opened, closed and open on each day, and whether more are open than a week before. Classes go by the labels that an issue has now: the history of labels is not read.';

CREATE TABLE `report_jira_qa_needed` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the filter',
  `jira_total_qa_needed` INT NULL COMMENT 'tickets',
  `jira_qa_needed_verified_nightly` INT NULL COMMENT 'tickets with a label that says verified, and not one that says unverified',
  `jira_qa_needed_not_verified` INT NULL COMMENT 'the others',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_qa_needed__key` (`snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='How many tickets of the iOS team wait for QA, and how many of them are verified on nightly, day by day.';

CREATE TABLE `report_jira_qa_requests` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `jira_key` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'key of the request',
  `jira_summary` VARCHAR(500) NOT NULL COMMENT 'summary',
  `jira_created_at` DATETIME NOT NULL COMMENT 'moment of creation',
  `jira_firefox_release_train` VARCHAR(50) NULL COMMENT 'release train',
  `jira_engineering_team` VARCHAR(50) NULL COMMENT 'engineering team',
  `jira_story_points` DOUBLE NULL COMMENT 'story points as given',
  `jira_status` VARCHAR(100) NOT NULL COMMENT 'status',
  `jira_assignee_username` VARCHAR(100) NULL COMMENT 'address of the assignee, else the name, else Not Assigned',
  `jira_labels` VARCHAR(500) NULL COMMENT 'labels, joined with comma',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_qa_requests__key` (`jira_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Requests for manual QA of the mobile teams and the work sized under them.';

CREATE TABLE `report_jira_qa_requests_desktop` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `jira_key` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'key of the request',
  `jira_summary` VARCHAR(500) NULL COMMENT 'summary',
  `jira_created_at` DATETIME NULL COMMENT 'moment of creation',
  `jira_updated_at` DATETIME NULL COMMENT 'moment of the last change',
  `jira_status` VARCHAR(100) NULL COMMENT 'status',
  `jira_assignee_username` VARCHAR(100) NULL COMMENT 'address of the assignee, else the name, else Not Assigned',
  `jira_reporter_username` VARCHAR(100) NULL COMMENT 'address of the reporter',
  `jira_priority` VARCHAR(50) NULL COMMENT 'priority',
  `jira_issue_type` VARCHAR(100) NULL COMMENT 'type of the issue',
  `jira_labels` LONGTEXT NULL COMMENT 'labels, joined with comma',
  `jira_subtasks` LONGTEXT NULL COMMENT 'keys of the sub-tasks, joined with comma; null without any',
  `jira_story_points` DOUBLE NULL COMMENT 'story points as given',
  `jira_target_release` VARCHAR(100) NULL COMMENT 'release that the feature is meant for',
  `jira_engineering_team` VARCHAR(100) NULL COMMENT 'engineering team',
  `jira_tested_trains` VARCHAR(100) NULL COMMENT 'trains that were tested: c (nightly), b (beta), r (release) with their number',
  `jira_product` VARCHAR(100) NULL COMMENT 'first product',
  `jira_timeline` LONGTEXT NULL COMMENT 'timeline, on one line',
  `created_at` DATETIME NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_qa_requests_desktop__key` (`jira_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Requests for manual QA of desktop features: demand, size, missed milestones.';

CREATE TABLE `report_jira_qa_requests_new_issue_types` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `jira_key` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'key of the request',
  `jira_summary` VARCHAR(500) NOT NULL COMMENT 'summary',
  `jira_created_at` DATETIME NOT NULL COMMENT 'moment of creation',
  `jira_firefox_release_train` VARCHAR(50) NULL COMMENT 'release train',
  `jira_engineering_team` VARCHAR(50) NULL COMMENT 'engineering team',
  `jira_story_points` DOUBLE NULL COMMENT 'story points as given',
  `jira_status` VARCHAR(100) NOT NULL COMMENT 'status',
  `jira_assignee_username` VARCHAR(100) NULL COMMENT 'address of the assignee, else the name, else Not Assigned',
  `jira_labels` VARCHAR(500) NULL COMMENT 'labels, joined with comma',
  `jira_tested_train` VARCHAR(100) NULL COMMENT 'trains that were tested',
  `jira_issue_type` VARCHAR(50) NOT NULL COMMENT 'type of the issue',
  `jira_parent_link` VARCHAR(25) NULL COMMENT 'key of the parent',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_qa_requests_new_issue_types__key` (`jira_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Requests for manual QA of the mobile teams with internal tasks and sub-tasks.';

CREATE TABLE `report_jira_softvision_issues_other_teams` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `jira_key` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'key of the issue',
  `jira_summary` VARCHAR(500) NULL COMMENT 'summary',
  `jira_project_key` VARCHAR(50) NULL COMMENT 'key of the project',
  `jira_project_name` VARCHAR(255) NULL COMMENT 'name of the project',
  `jira_reporter_name` VARCHAR(255) NULL COMMENT 'name of the reporter',
  `jira_reporter_username` VARCHAR(255) NULL COMMENT 'address of the reporter',
  `jira_status` VARCHAR(100) NULL COMMENT 'status',
  `jira_priority` VARCHAR(50) NULL COMMENT 'priority',
  `jira_issue_type` VARCHAR(50) NULL COMMENT 'type of the issue',
  `jira_labels` VARCHAR(500) NULL COMMENT 'labels, joined with comma',
  `jira_label_verified` SMALLINT NOT NULL COMMENT '1 with a label that says verified, else 0',
  `jira_label_wontfix` SMALLINT NOT NULL COMMENT '1 with a label that says that nothing will be done, else 0',
  `jira_label_duplicate` SMALLINT NOT NULL COMMENT '1 with the label duplicate, else 0',
  `jira_label_invalid` SMALLINT NOT NULL COMMENT '1 with the label invalid, else 0',
  `jira_label_qa_not_actionable` SMALLINT NOT NULL COMMENT '1 with another label of QA, else 0',
  `jira_created_at` DATETIME NULL COMMENT 'moment of creation',
  `jira_updated_at` DATETIME NULL COMMENT 'moment of the last change',
  `jira_status_changed_at` DATETIME NULL COMMENT 'moment at which the category of the status changed',
  `created_at` DATETIME NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_softvision_issues_other_teams__key` (`jira_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Issues that others filed in the projects that the Softvision testers support.';

CREATE TABLE `report_jira_softvision_issues_qa_teams` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `jira_key` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'key of the issue',
  `jira_summary` VARCHAR(500) NULL COMMENT 'summary',
  `jira_project_key` VARCHAR(50) NULL COMMENT 'key of the project',
  `jira_project_name` VARCHAR(255) NULL COMMENT 'name of the project',
  `jira_reporter_name` VARCHAR(255) NULL COMMENT 'name of the reporter',
  `jira_reporter_username` VARCHAR(255) NULL COMMENT 'address of the reporter',
  `jira_status` VARCHAR(100) NULL COMMENT 'status',
  `jira_priority` VARCHAR(50) NULL COMMENT 'priority',
  `jira_issue_type` VARCHAR(50) NULL COMMENT 'type of the issue',
  `jira_labels` VARCHAR(500) NULL COMMENT 'labels, joined with comma',
  `jira_label_verified` SMALLINT NOT NULL COMMENT '1 with a label that says verified, else 0',
  `jira_label_wontfix` SMALLINT NOT NULL COMMENT '1 with a label that says that nothing will be done, else 0',
  `jira_label_duplicate` SMALLINT NOT NULL COMMENT '1 with the label duplicate, else 0',
  `jira_label_invalid` SMALLINT NOT NULL COMMENT '1 with the label invalid, else 0',
  `jira_label_qa_not_actionable` SMALLINT NOT NULL COMMENT '1 with another label of QA, else 0',
  `jira_linked_issues` VARCHAR(2000) NULL COMMENT 'keys of linked issues, joined with comma; null without any',
  `jira_created_at` DATETIME NULL COMMENT 'moment of creation',
  `jira_updated_at` DATETIME NULL COMMENT 'moment of the last change',
  `jira_status_changed_at` DATETIME NULL COMMENT 'moment at which the category of the status changed',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_softvision_issues_qa_teams__key` (`jira_key`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Issues that the Softvision testers filed in any project.';

CREATE TABLE `report_jira_softvision_worklogs` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `jira_worklog_id` BIGINT NOT NULL COMMENT 'id of the line in Jira',
  `parent_key` VARCHAR(75) NOT NULL COMMENT 'key of the request',
  `child_key` VARCHAR(75) NULL COMMENT 'key of the child that holds the line; null where the request itself does',
  `author` VARCHAR(175) NULL COMMENT 'name of who booked',
  `time_spent` VARCHAR(175) NOT NULL COMMENT 'time as written, such as 1h 30m',
  `time_spent_seconds` INT NOT NULL COMMENT 'time in seconds',
  `started_date` DATETIME NOT NULL COMMENT 'moment at which the work began',
  `comment` VARCHAR(3000) NULL COMMENT 'comment; No Comment where there is none',
  `parent_name` VARCHAR(2000) NULL COMMENT 'summary of the request',
  `child_name` VARCHAR(2000) NULL COMMENT 'summary of the child',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_jira_softvision_worklogs__key` (`jira_worklog_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Every line of time booked on the requests of the Softvision testers and on their children.';
