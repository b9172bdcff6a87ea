-- description: Every suite belongs to a project of the lookup table.
-- severity: fail
select suite.*
from test_suites as suite
anti join projects as project on project.testrail_project_id = suite.testrail_project_id
