-- description: Comments of booked times as text of many lines. A comment is a document, a tree of nodes: text and line breaks
--   are taken as they are, and a paragraph, heading, list item, table row or block of code ends its line. A plain text is
--   taken as it is, without blanks at its ends. A list is read as the content of a document.
with recursive
comments as (
    select
        line.worklog_id,
        line.comment
    from jira_live_worklogs as line
    where line.comment is not null
),

nodes as (
    select
        comments.worklog_id,
        [] :: bigint[] as place,
        comments.comment as node
    from comments
    where json_type(comments.comment) in ('OBJECT', 'ARRAY')

    union all

    select
        family.worklog_id,
        list_append(family.place, family.child_no),
        family.child
    from (
        select
            parent.worklog_id,
            parent.place,
            unnest(parent.children) as child,
            generate_subscripts(parent.children, 1) as child_no
        from (
            select
                nodes.worklog_id,
                nodes.place,
                from_json(if(json_type(nodes.node) = 'ARRAY', nodes.node, nodes.node -> '$.content'), '["JSON"]') as children
            from nodes
        ) as parent
    ) as family
),

kinds as (
    select
        nodes.worklog_id,
        nodes.place,
        if(json_type(nodes.node) = 'VARCHAR', 'text', nodes.node ->> '$.type') as kind,
        if(json_type(nodes.node) = 'VARCHAR', nodes.node ->> '$', nodes.node ->> '$.text') as words,
        nodes.node ->> '$.attrs.text' as label,
        nodes.node ->> '$.attrs.url' as url,
        try(make_timestamp(try_cast(nodes.node ->> '$.attrs.timestamp' as bigint) * 1000)) as moment
    from nodes
),

-- What is written, in the order of the document. The end of a block comes after everything inside it.
events as (
    select
        kinds.worklog_id,
        kinds.place,
        false as is_end,
        kinds.place as block,
        case kinds.kind
            when 'text' then kinds.words
            when 'hardBreak' then chr(10)
            when 'date' then strftime(kinds.moment, '%Y-%m-%d')
            when 'inlineCard' then kinds.url
            else kinds.label
        end as written
    from kinds
    where kinds.kind in ('text', 'hardBreak', 'date', 'status', 'mention', 'emoji', 'inlineCard')

    union all

    select
        kinds.worklog_id,
        list_append(kinds.place, 9223372036854775807),
        true,
        kinds.place,
        chr(10)
    from kinds
    where kinds.kind in ('paragraph', 'heading', 'listItem', 'tableRow', 'codeBlock')
),

neighbours as (
    select
        events.*,
        lag(events.place) over in_order as place_before,
        lag(events.is_end) over in_order as end_before,
        lag(events.written) over in_order as written_before
    from events
    where events.written <> ''
    window in_order as (partition by events.worklog_id order by events.place)
),

-- A block that ends with a new line already gets no second one.
pieces as (
    select
        worklog_id,
        place,
        case
            when is_end
                and place_before[1 : len(block)] = block
                and (end_before or ends_with(written_before, chr(10)))
                then ''
            else written
        end as written
    from neighbours
),

texts as (
    select
        pieces.worklog_id,
        regexp_replace(string_agg(pieces.written, '' order by pieces.place), '[ \t\r]+\n', chr(10), 'g') as comment_text
    from pieces
    group by pieces.worklog_id

    union all

    select
        comments.worklog_id,
        comments.comment ->> '$'
    from comments
    where json_type(comments.comment) not in ('OBJECT', 'ARRAY')
)

select
    texts.worklog_id,
    regexp_replace(texts.comment_text, '^[ \t\r\n]+|[ \t\r\n]+$', '', 'g') as comment_text
from texts
