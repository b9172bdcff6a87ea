-- description: Pages with their version. `anchors` are those of the managed region in the order of the
--   text; what stands inside CDATA (code samples) or a comment is none.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "id": "JSON",
                "title": "VARCHAR",
                "space": {"key": "VARCHAR"},
                "version": {
                    "number": "INTEGER",
                    "when": "TIMESTAMPTZ",
                    "by": {"displayName": "VARCHAR", "publicName": "VARCHAR"}
                },
                "body": {"storage": {"value": "VARCHAR"}}
            }'
        ) as record
    from landed.confluence_pages as raw
),

anchored as (
    select
        parsed.*,
        regexp_extract_all(
            regexp_replace(record.body.storage.value, '(?s)<!\[CDATA\[.*?\]\]>|<!--.*?-->', '', 'g'),
            '<ac:parameter[^>]*>\s*managed-region-(start|end)\s*</ac:parameter>',
            1
        ) as anchors
    from parsed
)

select
    _meta,
    record.id ->> '$' as page_id,
    record.title as page_title,
    record.space."key" as space_key,
    record.version.number as version_number,
    record.version."when" at time zone 'UTC' as version_at,
    coalesce(record.version."by".displayName, record.version."by".publicName) as last_editor,
    anchors
from anchored
