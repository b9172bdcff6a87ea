-- description: Every case belongs to a known project.
-- severity: warn
select *
from report_testrail_test_health
where testrail_project_id not in (select project.testrail_project_id from projects as project)
