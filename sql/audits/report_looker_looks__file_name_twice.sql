-- description: No two looks have one file.
-- severity: fail
select look.file_name
from report_looker_looks as look
group by look.file_name
having count(*) > 1
