-- description: Titles lead to file names of their own; where two collide, one of them has its id added.
-- severity: warn
select
    look.look_id,
    look.title,
    look.file_name
from report_looker_looks as look
semi join report_looker_looks as other
    on other.look_id <> look.look_id
    and replace(look.file_name, '-' || look.look_id || '.png', '.png') = other.file_name
