-- description: How many issues of each watched class were opened, closed and open on each day, and whether more are open than a
--   week before. Classes go by the labels that an issue has now: the history of labels is not read.
-- report: github-issue-regression
-- schedule: weekly sat
-- grain: state
-- size: free
-- key: report_date, projects_id, issue_class
-- columns:
--   report_date date not null: UTC day
--   projects_id integer not null: projects.id
--   issue_class varchar(50) not null: class of labels
--   opened_count integer not null: issues filed on the day
--   closed_count integer not null: issues closed on the day
--   open_count integer not null: issues open at the end of the day
--   open_count_7d_ago integer: issues open at the end of the day a week before; null in the first 7 days
--   is_regression smallint not null: 1 where more are open than a week before
with
issues as (
    select
        cast(project.id as integer) as projects_id,
        issue.project,
        issue.issue_class,
        cast(issue.created_at as date) as opened_on,
        cast(issue.closed_at as date) as closed_on
    from github_watched_issues as issue
    join projects as project on project.project_name_abbrev = issue.project
    where not issue.is_pull_request
        and issue.created_at is not null
),

last_lists as (
    select
        pull.scope ->> 'project' as project,
        cast(max(pull.run_at) as date) as listed_on
    from pulls as pull
    where pull.endpoint = 'github_issues'
        and pull.complete
    group by all
),

-- From the first issue of the class to the day before the repository was last listed.
spans as (
    select
        issues.projects_id,
        issues.issue_class,
        min(issues.opened_on) as first_day,
        max(last_lists.listed_on) - 1 as last_day
    from issues
    join last_lists on last_lists.project = issues.project
    group by all
),

days as (
    select
        spans.projects_id,
        spans.issue_class,
        cast(unnest(range(
            cast(spans.first_day as timestamp), cast(spans.last_day + 1 as timestamp), interval 1 day
        )) as date) as report_date
    from spans
),

opened as (
    select projects_id, issue_class, opened_on as report_date, count(*) as opened_count
    from issues
    group by all
),

closed as (
    select projects_id, issue_class, closed_on as report_date, count(*) as closed_count
    from issues
    where closed_on is not null
    group by all
),

counted as (
    select
        days.*,
        coalesce(opened.opened_count, 0) as opened_count,
        coalesce(closed.closed_count, 0) as closed_count,
        sum(coalesce(opened.opened_count, 0) - coalesce(closed.closed_count, 0)) over (
            partition by days.projects_id, days.issue_class
            order by days.report_date
        ) as open_count
    from days
    left join opened using (projects_id, issue_class, report_date)
    left join closed using (projects_id, issue_class, report_date)
),

compared as (
    select
        counted.*,
        lag(counted.open_count, 7) over (
            partition by counted.projects_id, counted.issue_class
            order by counted.report_date
        ) as open_count_7d_ago
    from counted
)

select
    compared.report_date,
    compared.projects_id,
    compared.issue_class,
    cast(compared.opened_count as integer) as opened_count,
    cast(compared.closed_count as integer) as closed_count,
    cast(compared.open_count as integer) as open_count,
    cast(compared.open_count_7d_ago as integer) as open_count_7d_ago,
    cast(coalesce(compared.open_count > compared.open_count_7d_ago, false) as smallint) as is_regression
from compared
