-- description: Issues and pull requests of a repository. A label is an object with a name, or its name alone.
with
parsed as (
    select
        raw._meta,
        raw.params ->> 'project' as project,
        from_json(
            raw.payload,
            '{
                "number": "BIGINT",
                "title": "VARCHAR",
                "html_url": "VARCHAR",
                "state": "VARCHAR",
                "created_at": "TIMESTAMPTZ",
                "updated_at": "TIMESTAMPTZ",
                "closed_at": "TIMESTAMPTZ",
                "user": {"login": "VARCHAR"},
                "author_association": "VARCHAR",
                "labels": ["JSON"],
                "assignee": {"login": "VARCHAR"},
                "assignees": [{"login": "VARCHAR"}],
                "pull_request": {"url": "VARCHAR", "merged_at": "TIMESTAMPTZ"}
            }'
        ) as record
    from landed.github_issues as raw
)

select
    _meta,
    project,
    record.number as issue_number,
    record.title,
    record.html_url as url,
    record.state,
    record.created_at at time zone 'UTC' as created_at,
    record.updated_at at time zone 'UTC' as updated_at,
    record.closed_at at time zone 'UTC' as closed_at,
    record.user.login as author,
    record.author_association,
    [if(json_type(label) = 'OBJECT', label ->> '$.name', label ->> '$') for label in record.labels] as labels,
    record.assignee is not null or coalesce(len(record.assignees), 0) > 0 as is_assigned,
    record.pull_request is not null as is_pull_request,
    record.pull_request.merged_at at time zone 'UTC' as merged_at
from parsed
