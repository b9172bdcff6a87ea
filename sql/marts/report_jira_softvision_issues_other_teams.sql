-- description: Issues that others filed in the projects that the Softvision testers support.
-- report: jira-softvision-issues-other-teams
-- schedule: daily
-- grain: state
-- identity: id
-- key: jira_key
-- columns:
--   jira_key varchar(25) not null: key of the issue
--   jira_summary varchar(500): summary
--   jira_project_key varchar(50): key of the project
--   jira_project_name varchar(255): name of the project
--   jira_reporter_name varchar(255): name of the reporter
--   jira_reporter_username varchar(255): address of the reporter
--   jira_status varchar(100): status
--   jira_priority varchar(50): priority
--   jira_issue_type varchar(50): type of the issue
--   jira_labels varchar(500): labels, joined with comma
--   jira_label_verified smallint not null: 1 with a label that says verified, else 0
--   jira_label_wontfix smallint not null: 1 with a label that says that nothing will be done, else 0
--   jira_label_duplicate smallint not null: 1 with the label duplicate, else 0
--   jira_label_invalid smallint not null: 1 with the label invalid, else 0
--   jira_label_qa_not_actionable smallint not null: 1 with another label of QA, else 0
--   jira_created_at timestamp: moment of creation
--   jira_updated_at timestamp: moment of the last change
--   jira_status_changed_at timestamp: moment at which the category of the status changed
--   created_at timestamp insert_only: first seen
with
labelled as (
    select
        issue.*,
        [
            lower(regexp_replace(label, '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g'))
            for label in issue.labels
        ] as words
    from latest.jira_softvision_other_teams as issue
),

-- A label sets one flag only: what no other class claims may be one of QA.
flagged as (
    select
        labelled.*,
        coalesce(list_has_any(labelled.words, vars.jira_labels_verified), false) as is_verified,
        coalesce(list_has_any(labelled.words, vars.jira_labels_wontfix), false) as is_wontfix,
        coalesce(list_has_any(labelled.words, vars.jira_labels_duplicate), false) as is_duplicate,
        coalesce(list_has_any(labelled.words, vars.jira_labels_invalid), false) as is_invalid,
        coalesce(
            list_bool_or([
                starts_with(word, vars.jira_label_prefix_qa)
                and not list_contains(vars.jira_labels_verified, word)
                and not list_contains(vars.jira_labels_wontfix, word)
                and not list_contains(vars.jira_labels_duplicate, word)
                and not list_contains(vars.jira_labels_invalid, word)
                for word in labelled.words
            ]),
            false
        ) as is_not_actionable
    from labelled
    cross join vars
)

select
    issue.issue_key as jira_key,
    issue.summary as jira_summary,
    issue.project_key as jira_project_key,
    issue.project_name as jira_project_name,
    issue.reporter_name as jira_reporter_name,
    issue.reporter_email as jira_reporter_username,
    issue.status as jira_status,
    issue.priority as jira_priority,
    issue.issue_type as jira_issue_type,
    array_to_string(issue.labels, ',') as jira_labels,
    cast(issue.is_verified as smallint) as jira_label_verified,
    cast(issue.is_wontfix as smallint) as jira_label_wontfix,
    cast(issue.is_duplicate as smallint) as jira_label_duplicate,
    cast(issue.is_invalid as smallint) as jira_label_invalid,
    cast(issue.is_not_actionable as smallint) as jira_label_qa_not_actionable,
    issue.created_at as jira_created_at,
    issue.updated_at as jira_updated_at,
    issue.status_changed_at as jira_status_changed_at,
    first_seen.seen_at as created_at
from flagged as issue
join (
    select
        version.issue_key,
        min(version._fetched_at) as seen_at
    from history.jira_softvision_other_teams as version
    group by version.issue_key
) as first_seen
    on first_seen.issue_key = issue.issue_key
