-- description: Builds under test with their sign-off state and the recommendation of QA; sub-milestones of any depth
--   are rows of their own.
-- report: testrail-milestones
-- schedule: daily
-- grain: state
-- identity: id
-- key: testrail_milestone_id
-- columns:
--   testrail_milestone_id integer not null: milestone id in TestRail
--   projects_id integer not null: projects.id of the TestRail project
--   name varchar(250): milestone name
--   started_on date: UTC date of the start
--   is_completed varchar(50): 1 or 0, as text
--   description varchar(5000): description; the states below are read from the uncut text
--   completed_on timestamp: moment of completion
--   url varchar(250): page in TestRail
--   testing_status varchar(25): TESTING_STATUS of the description, in upper case
--   testing_recommendation varchar(250): QA_RECOMMENDATION of the description
--   build_name varchar(250): text of the name after Build Validation sign-off
--   build_version varchar(150): version in the build name, all number groups
with recursive
listed as (
    select * from latest.testrail_milestones
),

detailed as (
    select detail.*
    from latest.testrail_milestone_details as detail
    semi join listed on listed.project_id = detail.project_id and listed.milestone_id = detail.milestone_id
),

roots as (
    select 1 as source_rank, * from listed
    union all by name
    select 2 as source_rank, * from detailed
),

tree as (
    select
        project_id, milestone_id, milestone_name, description, url, is_completed, started_on, completed_on,
        sub_milestones, source_rank, _fetched_at as fetched_at, milestone_id as root_id, [] :: bigint[] as place
    from roots

    union all

    select
        project_id, child.id, child.name, child.description, child.url, child.is_completed,
        try(make_timestamp(child.started_on * 1000000)), try(make_timestamp(child.completed_on * 1000000)),
        child.milestones, source_rank, fetched_at, root_id, list_append(place, child_no)
    from (
        select
            parent.*,
            unnest(parent.children) as child,
            generate_subscripts(parent.children, 1) as child_no
        from (
            select
                tree.*,
                from_json(
                    tree.sub_milestones,
                    '[{
                        "id": "BIGINT",
                        "name": "VARCHAR",
                        "description": "VARCHAR",
                        "url": "VARCHAR",
                        "is_completed": "BOOLEAN",
                        "started_on": "BIGINT",
                        "completed_on": "BIGINT",
                        "milestones": "JSON"
                    }]'
                ) as children
            from tree
        ) as parent
    ) as family
),

newest as (
    select *
    from tree
    where milestone_id is not null
    qualify row_number() over (
        partition by milestone_id
        order by fetched_at desc, source_rank desc, len(place), root_id, place desc, project_id
    ) = 1
),

named as (
    select
        newest.*,
        nullif(regexp_extract(milestone_name, 'Build Validation sign-off - ([^\r\n]*)', 1), '') as build_name
    from newest
)

select
    cast(named.milestone_id as integer) as testrail_milestone_id,
    cast(project.id as integer) as projects_id,
    named.milestone_name as name,
    cast(named.started_on as date) as started_on,
    case when named.is_completed then '1' when not named.is_completed then '0' end as is_completed,
    named.description,
    named.completed_on,
    named.url,
    upper(nullif(
        regexp_extract(
            named.description,
            'TESTING_STATUS:[\x09-\x0d\x{85}\p{Z}]*\[[\x09-\x0d\x{85}\p{Z}]*([A-Za-z]+)[\x09-\x0d\x{85}\p{Z}]*\]',
            1
        ),
        ''
    )) as testing_status,
    regexp_replace(
        nullif(
            regexp_extract(named.description, 'QA_RECOMMENDATION:[\x09-\x0d\x{85}\p{Z}]*\[([^\]]+)\]', 1),
            ''
        ),
        '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g'
    ) as testing_recommendation,
    named.build_name,
    nullif(regexp_extract(named.build_name, '\d+(?:\.\d+)+\w*'), '') as build_version
from named
join projects as project on project.testrail_project_id = named.project_id
