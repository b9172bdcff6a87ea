-- description: Timelines of desktop requests as text of one line. A timeline is a document, a tree of nodes: the parts of
--   its top level are joined with a bar, the texts inside each with a blank, and a list item begins with a dot. A plain text
--   is taken as it is.
with recursive
timelines as (
    select
        issue.issue_key,
        issue.timeline
    from latest.jira_qa_requests_desktop as issue
    where json_type(issue.timeline) in ('OBJECT', 'VARCHAR')
),

nodes as (
    select
        timelines.issue_key,
        [] :: bigint[] as place,
        timelines.timeline as node
    from timelines
    where json_type(timelines.timeline) = 'OBJECT'

    union all

    select
        family.issue_key,
        list_append(family.place, family.child_no),
        family.child
    from (
        select
            parent.issue_key,
            parent.place,
            unnest(parent.children) as child,
            generate_subscripts(parent.children, 1) as child_no
        from (
            select
                nodes.issue_key,
                nodes.place,
                from_json(nodes.node -> '$.content', '["JSON"]') as children
            from nodes
        ) as parent
    ) as family
),

words as (
    select
        nodes.issue_key,
        nodes.place,
        case nodes.node ->> '$.type'
            when 'text'
                then regexp_replace(
                    nodes.node ->> '$.text', '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g'
                )
            when 'date'
                then strftime(
                    try(make_timestamp(try_cast(nodes.node ->> '$.attrs.timestamp' as bigint) * 1000)), '%Y-%m-%d'
                )
            when 'inlineCard' then nodes.node ->> '$.attrs.url'
            when 'status' then nodes.node ->> '$.attrs.text'
            when 'mention' then nodes.node ->> '$.attrs.text'
            when 'emoji' then nodes.node ->> '$.attrs.text'
        end as word
    from nodes
),

written as (
    select
        words.issue_key,
        words.place,
        words.word
    from words
    where words.word <> ''

    union all

    -- The dot of a list item, if anything is written inside.
    select
        nodes.issue_key,
        nodes.place,
        '•'
    from nodes
    where nodes.node ->> '$.type' = 'listItem'
        and exists (
            select 1
            from words
            where words.issue_key = nodes.issue_key
                and words.word <> ''
                and words.place[1 : len(nodes.place)] = nodes.place
        )
),

pieces as (
    select
        written.issue_key,
        written.place[1] as piece_no,
        string_agg(written.word, ' ' order by written.place) as piece
    from written
    group by all
)

select
    pieces.issue_key,
    string_agg(pieces.piece, ' | ' order by pieces.piece_no) as timeline_text
from pieces
group by pieces.issue_key

union all

select
    timelines.issue_key,
    timelines.timeline ->> '$'
from timelines
where json_type(timelines.timeline) = 'VARCHAR'
