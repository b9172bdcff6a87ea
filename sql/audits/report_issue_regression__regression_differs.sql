-- description: A regression is more open issues than a week before.
-- severity: fail
select *
from report_issue_regression
where is_regression <> if(coalesce(open_count > open_count_7d_ago, false), 1, 0)
