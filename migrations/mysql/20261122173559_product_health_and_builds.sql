-- product health and builds
-- Written by `etl migrate new`; read it before it is run, and never change it after.

CREATE TABLE `report_bitrise_builds_count` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `app` VARCHAR(64) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'name of the app, vars.bitrise_app of etl.toml',
  `build_number` BIGINT NOT NULL COMMENT 'number of the build',
  `branch` VARCHAR(250) NULL COMMENT 'branch that was built',
  `status` INT NULL COMMENT '1 success, 2 error, 3 and 4 aborted',
  `status_text` VARCHAR(250) NULL COMMENT 'the status in words',
  `triggered_workflow` VARCHAR(250) NULL COMMENT 'workflow that was run',
  `triggered_by` VARCHAR(250) NULL COMMENT 'who or what started it',
  `triggered_at` DATETIME NULL COMMENT 'when it was started',
  `finished_at` DATETIME NULL COMMENT 'when it ended; waiting is part of the time between',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_bitrise_builds_count__key` (`app`, `build_number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row per finished CI build of Firefox for iOS, despite the name: volume, outcome, workflow, trigger. Bitrise lists 200 days; older builds stay here.';

CREATE TABLE `report_confluence_pages` (
  `page_id` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the page',
  `page_title` VARCHAR(250) NOT NULL COMMENT 'title; empty where there is none',
  `space_key` VARCHAR(75) NULL COMMENT 'space that holds it',
  `version_number` INT NULL COMMENT 'version of the page',
  `version_at` DATETIME NULL COMMENT 'when that version was saved',
  `last_editor` VARCHAR(250) NULL COMMENT 'who saved it',
  `config_file` VARCHAR(250) NOT NULL COMMENT 'file that describes the page',
  `region_state` VARCHAR(25) NOT NULL COMMENT 'ok with one managed region, missing without, damaged otherwise',
  `published_at` DATETIME NULL COMMENT 'when the page was last published to',
  `published_sha256` VARCHAR(64) NULL COMMENT 'checksum of what was published',
  `missing_images` INT NOT NULL COMMENT 'images that were missing then',
  `created_at` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_confluence_pages__key` (`page_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='The configured pages as they are in Confluence. The columns about publishing are filled once a page was published to.';

CREATE TABLE `report_looker_looks` (
  `look_id` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the look',
  `folder_id` VARCHAR(25) NOT NULL COMMENT 'folder that holds it',
  `title` VARCHAR(250) NOT NULL COMMENT 'title; empty where there is none',
  `file_name` VARCHAR(250) NOT NULL COMMENT 'file of its picture, made from the title',
  `look_updated_at` DATETIME NULL COMMENT 'when the look was last changed',
  `rendered_at` DATETIME NULL COMMENT 'when its picture was last made',
  `render_status` VARCHAR(25) NOT NULL COMMENT 'how the last rendering ended; none before the first one',
  `render_seconds` DOUBLE NULL COMMENT 'seconds that it took',
  `image_bytes` INT NULL COMMENT 'size of the picture',
  `image_sha256` VARCHAR(64) NULL COMMENT 'checksum of the picture',
  `error` LONGTEXT NULL COMMENT 'why the last rendering failed',
  `created_at` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_looker_looks__key` (`look_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Looks whose pictures are published, with the names of their files. The columns about rendering are filled once a picture was made by publishing.';

CREATE TABLE `report_sentry_issues` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `sentry_id` VARCHAR(250) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the issue',
  `culprit` VARCHAR(250) NULL COMMENT 'where it happens',
  `title` VARCHAR(250) NOT NULL COMMENT 'first 250 characters of the title; empty where there is none',
  `count` BIGINT NOT NULL COMMENT 'events in the issue''s whole life',
  `user_count` BIGINT NOT NULL COMMENT 'users in the issue''s whole life',
  `release_version` VARCHAR(250) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'short version, without the build code',
  `permalink` VARCHAR(500) NOT NULL COMMENT 'page of the issue; empty where there is none',
  `sentry_project_id` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'project id in Sentry',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the project''s issues',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_sentry_issues__key` (`sentry_project_id`, `release_version`, `sentry_id`, `snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Unassigned issues up for review in the live versions of the mobile browsers, day by day.';

CREATE TABLE `report_sentry_rates` (
  `id` BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY COMMENT 'filled by the database',
  `crash_free_rate_user` DOUBLE NULL COMMENT 'percent of users without a crash; null where Sentry does not know',
  `crash_free_rate_session` DOUBLE NULL COMMENT 'percent of sessions without a crash; null where Sentry does not know',
  `adoption_rate_user` DOUBLE NULL COMMENT 'percent of the package''s users who use this version; null where the package has none',
  `release_version` VARCHAR(250) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'short version, without the build code',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the rates',
  `sentry_project_id` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'project id in Sentry',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_sentry_rates__key` (`sentry_project_id`, `release_version`, `snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Crash-free users and sessions and adoption of the live versions of the mobile browsers, day by day. All of a row is about the same project, environment, package and 24 hours.';

CREATE TABLE `report_sentry_unhandled_issues` (
  `sentry_id` VARCHAR(250) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the issue',
  `short_id` VARCHAR(100) NULL COMMENT 'name of the issue for people',
  `title` VARCHAR(250) NOT NULL COMMENT 'first 250 characters of the title; empty where there is none',
  `culprit` VARCHAR(250) NULL COMMENT 'where it happens',
  `count` BIGINT NOT NULL COMMENT 'events of the last 7 days',
  `user_count` BIGINT NOT NULL COMMENT 'users of the last 7 days',
  `permalink` VARCHAR(500) NULL COMMENT 'page of the issue',
  `release_version` VARCHAR(250) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'short version in which the issue was first seen',
  `rank` INT NOT NULL COMMENT 'position in Sentry''s answer, from 1, counted before titles are excluded',
  `sentry_project_id` VARCHAR(25) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'project id in Sentry',
  `created_at` DATETIME NOT NULL COMMENT 'start of the run that read the project''s issues',
  `snapshot_date` DATE NOT NULL COMMENT 'UTC date of created_at',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_sentry_unhandled_issues__key` (`sentry_project_id`, `release_version`, `sentry_id`, `snapshot_date`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='New issues of the two newest live versions, handled ones too, in Sentry''s order of the last 7 days.';

CREATE TABLE `report_taskcluster_daily` (
  `report_date` DATE NOT NULL COMMENT 'UTC day on which the runs ended',
  `branch` VARCHAR(75) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'branch that was pushed to; unknown where it is missing',
  `task_queue_id` VARCHAR(80) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'provisioner and worker type; unknown where it is missing',
  `task_kind` VARCHAR(75) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'kind of task; unknown where it is missing',
  `run_count` INT NOT NULL COMMENT 'runs that ended',
  `completed_count` INT NOT NULL COMMENT 'runs that were completed',
  `failed_count` INT NOT NULL COMMENT 'runs that failed',
  `canceled_count` INT NOT NULL COMMENT 'runs that were canceled or superseded',
  `deadline_count` INT NOT NULL COMMENT 'runs that met their deadline; those that never started tell of missing workers',
  `infra_exception_count` INT NOT NULL COMMENT 'runs lost by the infrastructure',
  `intermittent_count` INT NOT NULL COMMENT 'runs that failed, while a later run of the same task was completed',
  `avg_run_seconds` DOUBLE NULL COMMENT 'mean seconds of the completed runs',
  `p50_run_seconds` DOUBLE NULL COMMENT 'median seconds of the completed runs',
  `p90_run_seconds` DOUBLE NULL COMMENT 'seconds that nine of ten completed runs stay below',
  `p90_wait_seconds` DOUBLE NULL COMMENT 'seconds that nine of ten runs waited at most',
  `failure_rate` DOUBLE NULL COMMENT 'failed runs as a share of completed and failed ones; null without any',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_taskcluster_daily__key` (`report_date`, `branch`, `task_queue_id`, `task_kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='Runs that ended on a UTC day, by branch, worker pool and kind of task. Canceled runs and failures of the infrastructure are never in the failure rate.';

CREATE TABLE `report_taskcluster_task_groups` (
  `task_group_id` VARCHAR(22) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the group',
  `branch` VARCHAR(75) NULL COMMENT 'branch that was pushed to',
  `scheduler_id` VARCHAR(75) NULL COMMENT 'who may schedule tasks into the group',
  `group_created_at` DATETIME NOT NULL COMMENT 'when its first task was created',
  `group_resolved_at` DATETIME NULL COMMENT 'when its last run ended; null while a task is open',
  `task_count` INT NOT NULL COMMENT 'tasks',
  `completed_count` INT NOT NULL COMMENT 'tasks that are completed',
  `failed_count` INT NOT NULL COMMENT 'tasks that have failed',
  `exception_count` INT NOT NULL COMMENT 'tasks that ended by an exception',
  `open_count` INT NOT NULL COMMENT 'tasks that are unscheduled, pending or running',
  `run_count` INT NOT NULL COMMENT 'runs of all tasks',
  `retried_task_count` INT NOT NULL COMMENT 'tasks with more than one run',
  `run_seconds_total` BIGINT NOT NULL COMMENT 'seconds that its runs took together',
  `wall_seconds` BIGINT NULL COMMENT 'seconds from the first creation to the last end',
  `created_at` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_taskcluster_task_groups__key` (`task_group_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row per task group of a push: how many tasks, how they ended, how long they ran.';

CREATE TABLE `report_taskcluster_task_runs` (
  `task_id` VARCHAR(22) CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */ NOT NULL COMMENT 'id of the task',
  `task_group_id` VARCHAR(22) NOT NULL COMMENT 'group of the task',
  `run_id` SMALLINT NOT NULL COMMENT 'number of the run, from 0',
  `branch` VARCHAR(75) NULL COMMENT 'branch that was pushed to',
  `task_name` VARCHAR(250) NOT NULL COMMENT 'name of the task; empty where there is none',
  `task_kind` VARCHAR(75) NULL COMMENT 'the tag kind, else the name up to its first hyphen',
  `test_suite` VARCHAR(150) NULL COMMENT 'the tag test-suite',
  `test_platform` VARCHAR(150) NULL COMMENT 'the tag test-platform',
  `task_queue_id` VARCHAR(80) NOT NULL COMMENT 'provisioner and worker type; empty where unknown',
  `worker_group` VARCHAR(75) NULL COMMENT 'where the worker stands',
  `worker_id` VARCHAR(75) NULL COMMENT 'the worker',
  `state` VARCHAR(25) NOT NULL COMMENT 'pending, running, completed, failed or exception',
  `reason_created` VARCHAR(50) NULL COMMENT 'why the run was made',
  `reason_resolved` VARCHAR(50) NULL COMMENT 'why it ended',
  `scheduled_at` DATETIME NULL COMMENT 'when it became ready',
  `started_at` DATETIME NULL COMMENT 'when a worker took it',
  `resolved_at` DATETIME NULL COMMENT 'when it ended',
  `wait_seconds` BIGINT NULL COMMENT 'seconds from scheduled to started',
  `run_seconds` BIGINT NULL COMMENT 'seconds from started to resolved',
  `created_at` DATETIME NOT NULL COMMENT 'first seen',
  `_row_hash` BIGINT NULL COMMENT 'hash of the row; NULL: not written by etl',
  UNIQUE KEY `report_taskcluster_task_runs__key` (`task_id`, `run_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='One row per run of a task: who ran it, how long it waited and ran, how and why it ended.';
