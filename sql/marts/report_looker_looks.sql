-- description: Looks whose pictures are published, with the names of their files; how the last rendering
--   by publishing ended, and the picture that stands since then.
-- report: looker-thumbnails
-- schedule: daily
-- grain: state
-- key: look_id
-- columns:
--   look_id varchar(25) not null: id of the look
--   folder_id varchar(25) not null: folder that holds it
--   title varchar(250) not null: title; empty where there is none
--   file_name varchar(250) not null: file of its picture, made from the title
--   look_updated_at timestamp: when the look was last changed
--   rendered_at timestamp: when its picture was last made
--   render_status varchar(25) not null: how the last rendering ended: success or failure; none before the first one
--   render_seconds double: seconds that it took
--   image_bytes integer: size of the picture
--   image_sha256 varchar(64): checksum of the picture
--   error text: why the last rendering failed
--   created_at timestamp not null insert_only: first seen
with
looks as (
    select look.*
    from latest.looker_looks as look
    where look.look_id is not null
    qualify row_number() over (
        partition by look.look_id
        order by look._pulled_at desc, look._pull_id desc, look.folder_id
    ) = 1
),

named as (
    select
        look.*,
        coalesce(
            nullif(
                trim(
                    regexp_replace(
                        regexp_replace(lower(coalesce(look.title, '')), '[^a-z0-9 -]', '', 'g'),
                        '[ -]+',
                        '-',
                        'g'
                    ),
                    '-'
                ),
                ''
            ),
            'look-' || look.look_id
        ) as stem
    from looks as look
)

select
    look.look_id,
    look.folder_id,
    coalesce(look.title, '') as title,
    case
        when row_number() over (
            partition by look.stem
            order by try_cast(look.look_id as hugeint) nulls last, look.look_id
        ) = 1 then look.stem
        else look.stem || '-' || look.look_id
    end || '.png' as file_name,
    look.updated_at as look_updated_at,
    date_trunc('second', picture.rendered_at) as rendered_at,
    coalesce(picture.status, 'none') as render_status,
    picture.seconds as render_seconds,
    picture.image_bytes,
    picture.image_sha256,
    picture.error,
    first_seen.seen_at as created_at
from named as look
join (
    select
        version.look_id,
        min(version._fetched_at) as seen_at
    from history.looker_looks as version
    group by version.look_id
) as first_seen
    on first_seen.look_id = look.look_id
left join latest.etl_looker_renders as picture on picture.look_id = look.look_id
