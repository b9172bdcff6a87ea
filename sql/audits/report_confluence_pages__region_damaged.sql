-- description: A page whose managed region is damaged is not published to.
-- severity: warn
select *
from report_confluence_pages
where region_state = 'damaged'
