-- description: Bugs with the values of their release flags. The map holds every flag that was asked for (a flag that
--   the bug lacks is ---, as an unset one) and every flag that came; values are trimmed and in lower case.
with
parsed as (
    select
        raw._meta,
        raw.payload,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "type": "VARCHAR",
                "cf_qa_whiteboard": "VARCHAR",
                "resolution": "VARCHAR",
                "keywords": ["VARCHAR"],
                "severity": "VARCHAR",
                "last_change_time": "TIMESTAMPTZ"
            }'
        ) as record,
        list_sort(list_distinct([
            name
            for name in list_concat(
                json_keys(raw.payload), string_split(coalesce(raw.params ->> 'include_fields', ''), ',')
            )
            if regexp_full_match(name, 'cf_status_firefox[0-9]+')
        ])) as flag_names
    from landed.bugzilla_flag_bugs as raw
)

select
    _meta,
    record.id as bug_id,
    record.type as bug_type,
    record.cf_qa_whiteboard as qa_whiteboard,
    record.resolution,
    record.keywords,
    record.severity,
    record.last_change_time at time zone 'UTC' as last_change_time,
    map(
        flag_names,
        [
            coalesce(
                nullif(
                    lower(regexp_replace(
                        payload ->> name, '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g'
                    )),
                    ''
                ),
                '---'
            )
            for name in flag_names
        ]
    ) as flags
from parsed
