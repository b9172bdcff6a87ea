-- description: Every configured page exists and may be read.
-- severity: warn
select configured.page_id
from (select unnest(vars.confluence_pages).page_id as page_id from vars) as configured
anti join report_confluence_pages as page on page.page_id = configured.page_id
