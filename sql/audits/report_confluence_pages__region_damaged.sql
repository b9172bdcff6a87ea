-- description: A page whose managed region is damaged is not published to.
-- severity: warn
select
    page.page_id,
    page.page_title,
    page.config_file
from report_confluence_pages as page
where page.region_state = 'damaged'
