-- description: Only pull requests are merged.
-- severity: fail
select *
from report_github_issues
where github_merged_at is not null
    and issue_types_id <> 2
