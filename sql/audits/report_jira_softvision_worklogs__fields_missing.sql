-- description: Every issue that time is booked on comes with its fields.
-- severity: warn
with
issues as (
    select issue_key, has_fields from latest.jira_qatt_issues
    union all
    select issue_key, has_fields from latest.jira_qatt_children
    union all
    select issue_key, has_fields from latest.jira_qatt_parents
)

select distinct issues.issue_key
from issues
where not issues.has_fields
