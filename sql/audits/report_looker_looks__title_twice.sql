-- description: Titles lead to file names of their own; where two collide, one of them has its id added.
-- severity: warn
select look.*
from report_looker_looks as look
where look.file_name like '%-' || look.look_id || '.png'
    and look.file_name <> 'look-' || look.look_id || '.png'
