-- description: Requests for manual QA of the desktop teams.
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
                    "status": {"name": "VARCHAR"},
                    "priority": {"name": "VARCHAR"},
                    "issuetype": {"name": "VARCHAR"},
                    "labels": ["VARCHAR"],
                    "assignee": {"emailAddress": "VARCHAR", "displayName": "VARCHAR"},
                    "reporter": {"emailAddress": "VARCHAR", "displayName": "VARCHAR"},
                    "subtasks": [{"key": "VARCHAR"}],
                    "created": "TIMESTAMPTZ",
                    "updated": "TIMESTAMPTZ"
                }
            }'
        ) as record,
        try_cast(raw.payload ->> ('/fields/' || (raw.params ->> 'story_points_field')) as double) as story_points,
        raw.payload -> ('/fields/' || (raw.params ->> 'timeline_field')) as timeline,
        [
            raw.payload -> ('/fields/' || (raw.params ->> 'release_train_field')),
            raw.payload -> ('/fields/' || (raw.params ->> 'engineering_team_field')),
            raw.payload -> ('/fields/' || (raw.params ->> 'tested_trains_field')),
            if(
                json_type(raw.payload, '/fields/' || (raw.params ->> 'product_field')) = 'ARRAY',
                raw.payload -> ('/fields/' || (raw.params ->> 'product_field') || '/0'),
                raw.payload -> ('/fields/' || (raw.params ->> 'product_field'))
            )
        ] as options
    from landed.jira_qa_requests_desktop as raw
),

-- An option is a text, an object with a value or a name, a list of such, or a document, whose texts are joined.
named as (
    select
        * exclude (options),
        [
            case json_type(option)
                when 'OBJECT' then
                    case
                        when option ->> '$.type' = 'doc'
                            then nullif(trim(array_to_string([trim(part) for part in option ->> '$..text'], ' ')), '')
                        else coalesce(option ->> '$.value', option ->> '$.name')
                    end
                when 'ARRAY' then
                    array_to_string(
                        [
                            coalesce(
                                element ->> '$.value',
                                element ->> '$.name',
                                case when json_type(element) <> 'OBJECT' then element ->> '$' end
                            )
                            for element in from_json(option, '["JSON"]')
                        ],
                        ','
                    )
                else option ->> '$'
            end
            for option in options
        ] as texts
    from parsed
)

select
    _meta,
    record.key as issue_key,
    record.fields.summary,
    record.fields.status.name as status,
    record.fields.priority.name as priority,
    record.fields.issuetype.name as issue_type,
    record.fields.labels,
    coalesce(record.fields.assignee.emailAddress, record.fields.assignee.displayName) as assignee,
    record.fields.reporter.emailAddress as reporter_email,
    record.fields.reporter.displayName as reporter_name,
    [subtask.key for subtask in record.fields.subtasks] as subtask_keys,
    record.fields.created at time zone 'UTC' as created_at,
    record.fields.updated at time zone 'UTC' as updated_at,
    story_points,
    texts[1] as release_train,
    texts[2] as engineering_team,
    texts[3] as tested_trains,
    texts[4] as product,
    timeline
from named
