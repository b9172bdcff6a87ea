-- description: Bugs of the mobile products that carry a flag of QA, with all their flags.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "id": "BIGINT",
                "summary": "VARCHAR",
                "severity": "VARCHAR",
                "priority": "VARCHAR",
                "status": "VARCHAR",
                "resolution": "VARCHAR",
                "flags": [{
                    "id": "BIGINT",
                    "name": "VARCHAR",
                    "status": "VARCHAR",
                    "setter": "VARCHAR",
                    "creation_date": "TIMESTAMPTZ",
                    "modification_date": "TIMESTAMPTZ"
                }]
            }'
        ) as record
    from landed.bugzilla_qe_verify as raw
)

select
    _meta,
    record.id as bug_id,
    record.summary,
    record.severity,
    record.priority,
    record.status,
    record.resolution,
    [
        struct_pack(
            id := flag.id,
            name := flag.name,
            status := flag.status,
            setter := flag.setter,
            created_at := flag.creation_date at time zone 'UTC',
            modified_at := flag.modification_date at time zone 'UTC'
        )
        for flag in record.flags
    ] as flags
from parsed
