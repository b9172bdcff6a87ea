-- A database as the scripts before `etl` have left it: ids that count up, three-byte utf8, narrow columns, no keys, every
-- fact loaded twice, and in many tables a row of something that its API does not know any more. The rehearsal of
-- docs/operations.md and tests/it/workflows adopt it. The rows are those of the database `staging`, which `etl` has filled:
--
--   CLOUD_SQL_DATABASE_NAME=… db/db --import tests/old_scripts.sql      an empty database

-- The scripts' own session: what is too long or too large is cut.
set session sql_mode = '', group_concat_max_len = 1000000;

-- Lookups: other tables hold their ids.
create table github_issue_types (
    id int not null auto_increment primary key, issue_type varchar(75) not null
) engine = InnoDB default charset = utf8mb3;
create table projects (
    id int not null auto_increment primary key, testrail_project_id int not null, project_name_abbrev varchar(25) not null,
    project_name varchar(75) not null
) engine = InnoDB default charset = utf8mb3;
create table test_automation_coverage (
    id int not null auto_increment primary key, testrail_id int not null, coverage varchar(75) null
) engine = InnoDB default charset = utf8mb3;
create table test_automation_status (
    id int not null auto_increment primary key, testrail_id int not null, status varchar(75) null
) engine = InnoDB default charset = utf8mb3;
create table test_run_result_types (
    id int not null auto_increment primary key, testrail_id int not null, result_type_abbrev varchar(25) not null,
    result_type varchar(50) not null
) engine = InnoDB default charset = utf8mb3;
create table test_sub_suites (
    id int not null auto_increment primary key, testrail_id int not null, test_sub_suite_abbrev varchar(25) not null,
    test_sub_suite varchar(75) not null
) engine = InnoDB default charset = utf8mb3;

-- Facts.
create table report_bitrise_builds_count (
    id int not null auto_increment primary key, build_number bigint not null, branch varchar(250) null, status int null,
    status_text varchar(250) null, triggered_workflow varchar(250) null, triggered_by varchar(250) null,
    triggered_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_meta_bugs (
    id int not null auto_increment primary key, bugzilla_key int not null, bugzilla_summary text null,
    bugzilla_bug_status varchar(50) null, bugzilla_bug_resolution varchar(50) null, bugzilla_bug_severity varchar(50) null,
    bugzilla_bug_priority varchar(50) null, bugzilla_bug_created_at datetime null, bugzilla_bug_resolved_at datetime null,
    bugzilla_bug_assigned_to varchar(100) null, bugzilla_bug_keyword varchar(100) null, bugzilla_bug_parent varchar(100) not null,
    bugzilla_bug_product varchar(100) null
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_overall_bugs (
    id int not null auto_increment primary key, bugzilla_key int not null, bugzilla_summary text null,
    bugzilla_product varchar(255) null, bugzilla_qa_whiteboard varchar(500) null, bugzilla_bug_severity varchar(50) null,
    bugzilla_bug_priority varchar(50) null, bugzilla_bug_status varchar(50) null, bugzilla_bug_resolution varchar(50) null,
    bugzilla_bug_created_at datetime null, bugzilla_bug_last_change_time datetime null, bugzilla_bug_whiteboard varchar(500) null,
    bugzilla_bug_keyword varchar(500) null, bugzilla_bug_resolved_at datetime null, created_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_qe_needed (
    id int not null auto_increment primary key, bugzilla_key varchar(25) not null, bugzilla_summary varchar(500) not null,
    buzilla_modified_at datetime not null, bugzilla_created_at datetime not null, bugzilla_tag_name varchar(50) not null,
    bugzilla_tag_status varchar(25) not null, bugzilla_tag_setter varchar(100) not null, bugzilla_bug_severity varchar(25) null,
    bugzilla_bug_priority varchar(25) null, bugzilla_bug_status varchar(25) not null, bugzilla_bug_resolution varchar(25) null
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_qe_needed_count (
    id int not null auto_increment primary key, created_at datetime not null, bugzilla_total_qa_needed int null
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_query_by_keyword (
    id int not null auto_increment primary key, bugzilla_key int not null, bugzilla_summary text null,
    bugzilla_product varchar(255) null, bugzilla_qa_whiteboard varchar(255) null, bugzilla_bug_severity varchar(50) null,
    bugzilla_bug_priority varchar(50) null, bugzilla_bug_status varchar(50) null, bugzilla_bug_resolution varchar(50) null,
    bugzilla_bug_created_at datetime null, bugzilla_bug_last_change_time datetime null, bugzilla_bug_whiteboard varchar(500) null,
    bugzilla_bug_keyword varchar(500) null, bugzilla_bug_resolved_at datetime null, unique key only_once (bugzilla_key)
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_query_release_flags_for_bugs (
    id int not null auto_increment primary key, bugzilla_key int not null, bugzilla_release_version int not null,
    bugzilla_bug_status varchar(100) null, bugzilla_bug_keywords varchar(250) null, bugzilla_bug_severity varchar(100) null,
    bugzilla_bug_resolution varchar(100) null, bugzilla_bug_type varchar(100) null, bugzilla_bug_qa_found_in varchar(500) null,
    bugzilla_bug_flag_fixed_at datetime null, created_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_bugzilla_softvision_bugs (
    id int not null auto_increment primary key, bugzilla_key int not null, bugzilla_summary text null,
    bugzilla_product varchar(255) null, bugzilla_qa_whiteboard varchar(100) null, bugzilla_bug_severity varchar(50) null,
    bugzilla_bug_priority varchar(50) null, bugzilla_bug_status varchar(50) null, bugzilla_bug_resolution varchar(50) null,
    bugzilla_bug_created_at datetime null, bugzilla_bug_last_change_time datetime null, bugzilla_bug_whiteboard varchar(500) null,
    bugzilla_bug_keyword varchar(500) null, bugzilla_bug_resolved_at datetime null, created_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_github_bugs (
    id int not null auto_increment primary key, github_number int not null, github_title varchar(250) null,
    github_url varchar(250) null, github_state varchar(50) null, github_created_at datetime null, github_updated_at datetime null,
    github_closed_at datetime null, github_user varchar(250) null, github_author_association varchar(100) null,
    github_project varchar(250) not null, created_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_github_issues (
    id int not null auto_increment primary key, projects_id int not null, issue_id int not null, issue_title varchar(75) null,
    issue_types_id int null, github_created_at date not null, github_updated_at date null, github_closed_at date null,
    github_merged_at date null, created_at datetime not null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_qa_needed (
    id int not null auto_increment primary key, created_at datetime not null, jira_total_qa_needed int null,
    jira_qa_needed_verified_nightly int null, jira_qa_needed_not_verified int null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_qa_requests (
    id int not null auto_increment primary key, jira_key varchar(25) not null, jira_summary varchar(500) not null,
    jira_created_at datetime not null, jira_firefox_release_train varchar(50) not null, jira_engineering_team varchar(50) null,
    jira_story_points int null, jira_status varchar(100) not null, jira_assignee_username varchar(100) null,
    jira_labels varchar(100) null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_qa_requests_desktop (
    id int not null auto_increment primary key, jira_key varchar(25) not null, jira_summary varchar(500) null,
    jira_created_at datetime null, jira_updated_at datetime null, jira_status varchar(100) null,
    jira_assignee_username varchar(100) null, jira_reporter_username varchar(100) null, jira_priority varchar(50) null,
    jira_issue_type varchar(100) null, jira_labels text null, jira_subtasks text null, jira_story_points int null,
    jira_target_release varchar(100) null, jira_engineering_team varchar(100) null, jira_tested_trains varchar(100) null,
    jira_product varchar(100) null, jira_timeline text null, created_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_qa_requests_new_issue_types (
    id int not null auto_increment primary key, jira_key varchar(25) not null, jira_summary varchar(500) not null,
    jira_created_at datetime not null, jira_firefox_release_train varchar(50) null, jira_engineering_team varchar(50) null,
    jira_story_points int null, jira_status varchar(100) not null, jira_assignee_username varchar(100) null,
    jira_labels varchar(100) null, jira_tested_train varchar(100) null, jira_issue_type varchar(50) not null,
    jira_parent_link varchar(25) null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_softvision_issues_other_teams (
    id int not null auto_increment primary key, jira_key varchar(25) not null, jira_summary varchar(500) null,
    jira_project_key varchar(50) null, jira_project_name varchar(255) null, jira_reporter_name varchar(255) null,
    jira_reporter_username varchar(255) null, jira_status varchar(100) null, jira_priority varchar(50) null,
    jira_issue_type varchar(50) null, jira_labels varchar(500) null, jira_label_verified tinyint(1) not null,
    jira_label_wontfix tinyint(1) not null, jira_label_duplicate tinyint(1) not null, jira_label_invalid tinyint(1) not null,
    jira_label_qa_not_actionable tinyint(1) not null, jira_created_at datetime null, jira_updated_at datetime null,
    jira_status_changed_at datetime null, created_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_softvision_issues_qa_teams (
    id int not null auto_increment primary key, jira_key varchar(25) not null, jira_summary varchar(500) not null,
    jira_project_key varchar(50) null, jira_project_name varchar(255) null, jira_reporter_name varchar(255) null,
    jira_reporter_username varchar(255) null, jira_status varchar(100) null, jira_priority varchar(50) null,
    jira_issue_type varchar(50) null, jira_labels varchar(500) null, jira_label_verified tinyint(1) not null,
    jira_label_wontfix tinyint(1) not null, jira_label_duplicate tinyint(1) not null, jira_label_invalid tinyint(1) not null,
    jira_label_qa_not_actionable tinyint(1) not null, jira_linked_issues varchar(2000) null, jira_created_at datetime null,
    jira_updated_at datetime null, jira_status_changed_at datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_jira_softvision_worklogs (
    id int not null auto_increment primary key, parent_key varchar(75) not null, child_key varchar(75) null,
    author varchar(175) null, time_spent varchar(175) not null, time_spent_seconds int not null, started_date datetime not null,
    comment varchar(3000) null, parent_name varchar(2000) null, child_name varchar(2000) null
) engine = InnoDB default charset = utf8mb3;
create table report_sentry_issues (
    id int not null auto_increment primary key, sentry_id varchar(250) not null, culprit varchar(250) not null,
    title varchar(250) not null, count int not null, user_count int not null, release_version varchar(10) not null,
    permalink varchar(250) not null, sentry_project_id varchar(25) not null
) engine = InnoDB default charset = utf8mb3;
create table report_sentry_rates (
    id int not null auto_increment primary key, crash_free_rate_user float not null, crash_free_rate_session float null,
    adoption_rate_user float null, release_version varchar(250) not null, created_at datetime not null,
    sentry_project_id varchar(25) not null
) engine = InnoDB default charset = utf8mb3;
create table report_test_case_coverage (
    id int not null auto_increment primary key, projects_id int not null, testrail_test_suites_id int not null,
    test_sub_suites_id int not null, test_automation_status_id int not null, test_automation_coverage_id int not null,
    test_automation_tae int not null, test_count int not null, created_at datetime not null
) engine = InnoDB default charset = utf8mb3;
create table report_test_run_counts (
    id int not null auto_increment primary key, projects_id int not null, testrail_suites_id int not null,
    test_sub_suites_id int not null, testrail_run_id int not null, test_case_passed_count int not null,
    test_case_blocked_count int not null, test_case_retest_count int not null, test_case_failed_count int not null,
    testrail_created_on date null, testrail_completed_on date null, created_at datetime not null
) engine = InnoDB default charset = utf8mb3;
create table report_testrail_milestones (
    id int not null auto_increment primary key, testrail_milestone_id int not null, projects_id int not null,
    name varchar(250) null, started_on date null, is_completed varchar(50) null, description varchar(5000) null,
    completed_on datetime null, url varchar(250) null, testing_status varchar(25) null, testing_recommendation varchar(250) null,
    build_name varchar(250) null, build_version varchar(150) null
) engine = InnoDB default charset = utf8mb3;
create table report_testrail_test_health (
    id int not null auto_increment primary key, testrail_case_id int not null, testrail_project_id int not null,
    testrail_case_name varchar(250) null, testrail_suite_name varchar(250) null, num_executions int not null,
    avg_runtime float null, pass_rate float null, most_recent_timestamp datetime not null, most_recent_runtime float null,
    most_recent_status int not null, status_history_1 int null, status_history_2 int null, status_history_3 int null,
    status_history_4 int null, created_on datetime not null
) engine = InnoDB default charset = utf8mb3;
create table report_testrail_test_plans (
    id int not null auto_increment primary key, testrail_plan_id int not null, projects_id int not null,
    name varchar(75) not null, test_case_passed_count int not null, test_case_retest_count int not null,
    test_case_failed_count int not null, test_case_blocked_count int not null, test_case_total_count int not null,
    testrail_created_on date null, testrail_completed_on datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_testrail_test_results (
    id int not null auto_increment primary key, testrail_result_id int not null, run_id int not null, test_id int not null,
    elapsed float(5,2) not null, status_id int not null, testrail_created_on date null, testrail_completed_on datetime null,
    type varchar(55) not null
) engine = InnoDB default charset = utf8mb3;
create table report_testrail_test_runs (
    id int not null auto_increment primary key, testrail_run_id int not null, projects_id int not null, plan_id int not null,
    suite_id int not null, name varchar(75) not null, config varchar(55) not null, category varchar(20) not null,
    test_case_passed_count int not null, test_case_retest_count int not null, test_case_failed_count int not null,
    test_case_blocked_count int not null, test_case_total_count int not null, testrail_created_on date null,
    testrail_completed_on datetime null
) engine = InnoDB default charset = utf8mb3;
create table report_testrail_users (
    id int not null auto_increment primary key, name varchar(255) null, email varchar(255) not null, status varchar(50) not null,
    role varchar(100) not null, created_at datetime not null
) engine = InnoDB default charset = utf8mb3;
create table test_suites (
    id int not null auto_increment primary key, testrail_project_id int not null, testrail_test_suites_id int not null,
    test_suite_name varchar(250) null
) engine = InnoDB default charset = utf8mb3;

-- The key by which each table knows a thing that is gone since.
create temporary table gone (within varchar(64) primary key, by_column varchar(64) not null);
insert into gone values
    ('report_bugzilla_meta_bugs', 'bugzilla_key'), ('report_bugzilla_overall_bugs', 'bugzilla_key'),
    ('report_bugzilla_query_by_keyword', 'bugzilla_key'), ('report_bugzilla_query_release_flags_for_bugs', 'bugzilla_release_version'),
    ('report_bugzilla_softvision_bugs', 'bugzilla_key'), ('report_github_bugs', 'github_number'), ('report_github_issues', 'issue_id'),
    ('report_test_case_coverage', 'test_automation_tae'), ('report_test_run_counts', 'testrail_run_id'),
    ('report_testrail_milestones', 'testrail_milestone_id'), ('report_testrail_test_health', 'testrail_case_id'),
    ('report_testrail_test_plans', 'testrail_plan_id'), ('report_testrail_test_runs', 'testrail_run_id'),
    ('test_suites', 'testrail_test_suites_id');

delimiter //
create procedure load_as_the_scripts_did()
begin
    declare done, is_fact boolean default false;
    declare loading, loading_gone longtext;
    -- The columns that a table has here and in `staging`; ids are counted, but for those of lookups.
    declare loads cursor for
        select
            concat('insert ignore into `', here.table_name, '` (', here.names, ') select ', here.names, ' from staging.`', here.table_name, '`'),
            here.counts,
            concat('insert ignore into `', here.table_name, '` (', here.names, ') select ', here.names_gone, ' from staging.`', here.table_name, '` limit 1')
        from (
            select
                mine.table_name,
                mine.table_name like 'report\_%' or mine.table_name = 'test_suites' as counts,
                group_concat('`', mine.column_name, '`' order by mine.ordinal_position) as names,
                if(max(gone.by_column) is null, null, group_concat(if(mine.column_name = gone.by_column, '99999999', concat('`', mine.column_name, '`'))
                    order by mine.ordinal_position)) as names_gone
            from information_schema.columns as mine
            join information_schema.columns as theirs
                on theirs.table_schema = 'staging' and theirs.table_name = mine.table_name and theirs.column_name = mine.column_name
            left join gone on gone.within = mine.table_name
            where mine.table_schema = database()
                and (mine.column_name <> 'id' or mine.table_name not like 'report\_%' and mine.table_name <> 'test_suites')
            group by mine.table_name
        ) as here;
    declare continue handler for not found set done = true;
    open loads;
    every_table: loop
        fetch loads into loading, is_fact, loading_gone;
        if done then leave every_table; end if;
        set @loading = loading;
        prepare load_it from @loading;
        execute load_it;
        if is_fact then execute load_it; end if;
        if loading_gone is not null then
            set @loading = loading_gone;
            prepare load_it from @loading;
            execute load_it;
        end if;
    end loop;
    close loads;
end//
delimiter ;
call load_as_the_scripts_did();
drop procedure load_as_the_scripts_did;

-- Runs point at their plan by the id that the database gave it: some at the newest copy, some at an older one.
update report_testrail_test_runs as run
join (select testrail_plan_id, max(id) as newest, min(id) as oldest from report_testrail_test_plans group by testrail_plan_id) as plan
    on plan.testrail_plan_id = run.plan_id
set run.plan_id = if(run.id % 2, plan.newest, plan.oldest);
alter table report_testrail_test_runs add constraint plan_of_run foreign key (plan_id) references report_testrail_test_plans (id);
