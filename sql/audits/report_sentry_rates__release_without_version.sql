-- description: Releases whose version Sentry cannot read are left out of all reports.
-- severity: warn
select
    candidate.project,
    candidate.release_name
from sentry_release_candidates as candidate
where candidate.skipped in ('no version', 'no major')
