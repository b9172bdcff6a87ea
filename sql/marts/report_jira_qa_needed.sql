-- description: How many tickets of the iOS team wait for QA, and how many of them are verified on nightly, day by day.
-- report: jira-qa-needed
-- schedule: daily
-- grain: snapshot
-- snapshot of: jira_qa_needed
-- snapshot date: snapshot_date
-- identity: id
-- key: snapshot_date
-- columns:
--   created_at timestamp not null: start of the run that read the filter
--   jira_total_qa_needed integer: tickets
--   jira_qa_needed_verified_nightly integer: tickets with a label that says verified, and not one that says unverified
--   jira_qa_needed_not_verified integer: the others
--   snapshot_date date not null: UTC date of created_at
with
tickets as (
    select
        coalesce(
            list_bool_or([
                regexp_matches(lower(label), '(^|[^a-z])verified([^a-z]|$)')
                and not regexp_matches(lower(label), '(^|[^a-z])(not|non|un)[-_: ]?verified')
                for label in issue.labels
            ]),
            false
        ) as is_verified
    from latest.jira_qa_needed as issue
),

counted as (
    select
        count(*) as total,
        count(*) filter (where tickets.is_verified) as verified
    from tickets
),

-- A filter that was read and holds nothing is a row with zeros.
last_pull as (
    select max(pull.run_at) as run_at
    from pulls as pull
    where pull.endpoint = 'jira_qa_needed'
        and pull.complete
)

select
    last_pull.run_at as created_at,
    cast(counted.total as integer) as jira_total_qa_needed,
    cast(counted.verified as integer) as jira_qa_needed_verified_nightly,
    cast(counted.total - counted.verified as integer) as jira_qa_needed_not_verified,
    cast(last_pull.run_at as date) as snapshot_date
from counted
cross join last_pull
where last_pull.run_at is not null
