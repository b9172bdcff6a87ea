-- description: One row per known issue or pull request and class of labels that watches it. A label counts in lower case and
--   without what is neither letter nor digit at its ends, such as an emoji.
with
classes as (
    select unnest(vars.github_label_classes, recursive := true)
    from vars
)

select
    class.class as issue_class,
    issue.*
from github_known_issues as issue
cross join classes as class
where list_has_any(issue.label_words, class.labels)
