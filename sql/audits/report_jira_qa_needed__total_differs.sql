-- description: Verified and other tickets add up to all tickets.
-- severity: fail
select *
from report_jira_qa_needed
where jira_total_qa_needed <> jira_qa_needed_verified_nightly + jira_qa_needed_not_verified
    or jira_qa_needed_not_verified < 0
