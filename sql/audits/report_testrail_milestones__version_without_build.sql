-- description: A build version comes from a build name.
-- severity: fail
select *
from report_testrail_milestones
where build_version is not null
    and not coalesce(contains(build_name, build_version), false)
