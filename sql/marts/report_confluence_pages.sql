-- description: The configured pages as they are in Confluence and when they were last published to.
-- report: confluence-updates
-- schedule: daily
-- grain: state
-- key: page_id
-- columns:
--   page_id varchar(25) not null: id of the page
--   page_title varchar(250) not null: title; empty where there is none
--   space_key varchar(75): space that holds it
--   version_number integer: version of the page
--   version_at timestamp: when that version was saved
--   last_editor varchar(250): who saved it
--   config_file varchar(250) not null: file that describes the page
--   region_state varchar(25) not null: ok with one managed region, missing without, damaged otherwise
--   published_at timestamp: when the page was last published to
--   published_sha256 varchar(64): checksum of what was published
--   missing_images integer not null: images that were missing then
--   created_at timestamp not null insert_only: first seen
with
configured as (
    select unnest(vars.confluence_pages) as item
    from vars
)

select
    page.page_id,
    coalesce(page.page_title, '') as page_title,
    page.space_key,
    page.version_number,
    page.version_at,
    page.last_editor,
    configured.item.config_file as config_file,
    case
        when page.anchors = ['start', 'end'] then 'ok'
        when len(coalesce(page.anchors, [])) = 0 then 'missing'
        else 'damaged'
    end as region_state,
    date_trunc('second', publication.published_at) as published_at,
    publication.published_sha256,
    coalesce(cast(publication.detail ->> 'missing_images' as integer), 0) as missing_images,
    first_seen.seen_at as created_at
from latest.confluence_pages as page
join configured on configured.item.page_id = page.page_id
join (
    select
        version.page_id,
        min(version._fetched_at) as seen_at
    from history.confluence_pages as version
    group by version.page_id
) as first_seen
    on first_seen.page_id = page.page_id
left join latest.etl_publications as publication
    on publication.kind = 'confluence_page'
    and publication.publication_key = page.page_id
