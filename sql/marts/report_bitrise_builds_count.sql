-- description: One row per finished CI build of Firefox for iOS, despite the name: volume, outcome, workflow, trigger.
--   Bitrise lists 200 days; older builds stay here.
-- report: bitrise-builds
-- schedule: daily
-- grain: event
-- identity: id
-- key: app, build_number
-- columns:
--   app varchar(64) not null: name of the app, vars.bitrise_app of etl.toml
--   build_number bigint not null: number of the build
--   branch varchar(250): branch that was built
--   status integer: 1 success, 2 error, 3 and 4 aborted
--   status_text varchar(250): the status in words
--   triggered_workflow varchar(250): workflow that was run
--   triggered_by varchar(250): who or what started it
--   triggered_at timestamp: when it was started
--   finished_at timestamp: when it ended; waiting is part of the time between
with
newest as (
    select build.*
    from history.bitrise_builds as build
    where build.build_number is not null
    qualify row_number() over (
        partition by build.app, build.build_number
        order by build._pulled_at desc, build._pull_id desc, build._request_no desc, build._record_no desc
    ) = 1
)

select
    newest.app,
    newest.build_number,
    newest.branch,
    newest.status,
    newest.status_text,
    newest.triggered_workflow,
    newest.triggered_by,
    newest.triggered_at,
    newest.finished_at
from newest
where newest.is_finished
