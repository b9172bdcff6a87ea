-- description: An issue is neither changed nor closed before it was filed.
-- severity: warn
select *
from report_github_bugs
where github_updated_at < github_created_at
    or github_closed_at < github_created_at
