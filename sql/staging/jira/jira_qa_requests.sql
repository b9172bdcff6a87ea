-- description: Requests for manual QA of the mobile teams.
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
                    "labels": ["VARCHAR"],
                    "assignee": {"emailAddress": "VARCHAR", "displayName": "VARCHAR"},
                    "created": "TIMESTAMPTZ"
                }
            }'
        ) as record,
        try_cast(raw.payload ->> ('/fields/' || (raw.params ->> 'story_points_field')) as double) as story_points,
        [
            raw.payload -> ('/fields/' || (raw.params ->> 'release_train_field')),
            raw.payload -> ('/fields/' || (raw.params ->> 'engineering_team_field'))
        ] as options
    from landed.jira_qa_requests as raw
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
    record.fields.labels,
    coalesce(record.fields.assignee.emailAddress, record.fields.assignee.displayName) as assignee,
    record.fields.created at time zone 'UTC' as created_at,
    story_points,
    texts[1] as release_train,
    texts[2] as engineering_team
from named
