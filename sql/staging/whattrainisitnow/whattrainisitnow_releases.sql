-- description: Versions of Firefox that have shipped, with their days. A key that starts with no number has no major.
with
parsed as (
    select
        raw._meta,
        map_keys(from_json(raw.payload, '"MAP(VARCHAR, VARCHAR)"')) as versions
    from landed.whattrainisitnow_releases as raw
)

select
    _meta,
    versions,
    [try_cast(regexp_extract(version, '^[0-9]+') as integer) for version in versions] as majors
from parsed
