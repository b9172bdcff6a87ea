-- description: Issues that the Softvision testers filed.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "key": "VARCHAR",
                "fields": {
                    "summary": "VARCHAR",
                    "project": {"key": "VARCHAR", "name": "VARCHAR"},
                    "status": {"name": "VARCHAR"},
                    "priority": {"name": "VARCHAR"},
                    "issuetype": {"name": "VARCHAR"},
                    "labels": ["VARCHAR"],
                    "reporter": {"emailAddress": "VARCHAR", "displayName": "VARCHAR"},
                    "created": "TIMESTAMPTZ",
                    "updated": "TIMESTAMPTZ",
                    "statuscategorychangedate": "TIMESTAMPTZ",
                    "issuelinks": [{"outwardIssue": {"key": "VARCHAR"}, "inwardIssue": {"key": "VARCHAR"}}]
                }
            }'
        ) as record
    from landed.jira_softvision_qa_teams as raw
)

select
    _meta,
    record.key as issue_key,
    record.fields is not null as has_fields,
    record.fields.summary,
    record.fields.project.key as project_key,
    record.fields.project.name as project_name,
    record.fields.status.name as status,
    record.fields.priority.name as priority,
    record.fields.issuetype.name as issue_type,
    record.fields.labels,
    record.fields.reporter.emailAddress as reporter_email,
    record.fields.reporter.displayName as reporter_name,
    record.fields.created at time zone 'UTC' as created_at,
    record.fields.updated at time zone 'UTC' as updated_at,
    record.fields.statuscategorychangedate at time zone 'UTC' as status_changed_at,
    flatten([
        [link.outwardIssue.key, link.inwardIssue.key]
        for link in record.fields.issuelinks
    ]) as linked_keys
from parsed
