-- description: Versions of Firefox that are coming, with the days foreseen. Placeholders such as 152.0.x have a major too.
with
parsed as (
    select
        raw._meta,
        map_keys(from_json(raw.payload, '"MAP(VARCHAR, VARCHAR)"')) as versions
    from landed.whattrainisitnow_future_releases as raw
)

select
    _meta,
    versions,
    [try_cast(regexp_extract(version, '^[0-9]+') as integer) for version in versions] as majors
from parsed
