-- description: Requests for manual QA of the mobile teams.
with
parsed as (
    select
        raw._meta,
        from_json(
            raw.payload,
            '{
                "key": "VARCHAR",
                "fields": {
                    "summary": "VARCHAR",
                    "status": {"name": "VARCHAR"},
                    "labels": ["VARCHAR"],
                    "assignee": {"emailAddress": "VARCHAR", "displayName": "VARCHAR"},
                    "created": "TIMESTAMPTZ"
                }
            }'
        ) as record,
        try_cast(raw.payload ->> ('/fields/' || (raw.params ->> 'story_points_field')) as double) as story_points,
        [
            raw.payload -> ('/fields/' || (raw.params ->> 'release_train_field')),
            raw.payload -> ('/fields/' || (raw.params ->> 'engineering_team_field'))
        ] as options
    from landed.jira_qa_requests as raw
),

-- An option or text field is a text, an object with a value or a name, a document, or a list of such, joined with comma. A
-- document is a tree of nodes: its top-level nodes are joined with a bar, the texts inside each with a blank.
fields as (
    select
        parsed._meta,
        unnest(parsed.options) as field,
        generate_subscripts(parsed.options, 1) as field_no
    from parsed
),

-- The nodes of a field in their order: the elements of lists in lists (`element`), and inside a document its content (`place`).
nodes as (
    select
        fields._meta,
        fields.field_no,
        node.id as node_no,
        node.type as json_kind,
        node.value as node,
        node.value ->> '$.type' as kind,
        regexp_extract(node.fullkey, '^\$(\[[0-9]+\])*') as element,
        regexp_extract(node.fullkey, '(\.content\[[0-9]+\])*$') as place
    from fields
    cross join json_tree(fields.field) as node
    where regexp_full_match(node.fullkey, '\$(\[[0-9]+\])*(\.content\[[0-9]+\])*')
        and node.type not in ('ARRAY', 'NULL')
),

words as (
    select
        nodes.*,
        case
            when json_kind <> 'OBJECT' then if(place = '', node ->> '$', null)
            when kind = 'text'
                then regexp_replace(node ->> '$.text', '^[\x09-\x0d\x{85}\p{Z}]+|[\x09-\x0d\x{85}\p{Z}]+$', '', 'g')
            when kind = 'date'
                then strftime(try(make_timestamp(try_cast(node ->> '$.attrs.timestamp' as bigint) * 1000)), '%Y-%m-%d')
            when kind in ('status', 'mention', 'emoji') then node ->> '$.attrs.text'
            when kind = 'inlineCard' then node ->> '$.attrs.url'
            when place = '' and json_type(node, '$.content') is null then coalesce(node ->> '$.value', node ->> '$.name')
        end as word
    from nodes
),

-- A list item begins with a dot if anything is written inside.
written as (
    select
        words._meta,
        words.field_no,
        words.element,
        words.place,
        words.node_no,
        words.word
    from words
    where words.word <> '' or (words.word = '' and words.json_kind <> 'OBJECT')

    union all

    select distinct
        item._meta,
        item.field_no,
        item.element,
        item.place,
        item.node_no,
        '•'
    from words as item
    join words as inner_word
        on inner_word._meta = item._meta
        and inner_word.field_no = item.field_no
        and inner_word.element = item.element
        and starts_with(inner_word.place, item.place || '.')
    where item.kind = 'listItem'
        and inner_word.word <> ''
),

pieces as (
    select
        written._meta,
        written.field_no,
        written.element,
        min(written.node_no) as piece_no,
        string_agg(written.word, ' ' order by written.node_no) as piece
    from written
    group by written._meta, written.field_no, written.element, regexp_extract(written.place, '^\.content\[[0-9]+\]')
),

elements as (
    select
        pieces._meta,
        pieces.field_no,
        min(pieces.piece_no) as element_no,
        string_agg(pieces.piece, ' | ' order by pieces.piece_no) as element_text
    from pieces
    group by pieces._meta, pieces.field_no, pieces.element
),

field_texts as (
    select
        elements._meta,
        elements.field_no,
        string_agg(elements.element_text, ',' order by elements.element_no) as field_text
    from elements
    group by elements._meta, elements.field_no
),

texts as (
    select
        fields._meta,
        list(coalesce(field_texts.field_text, if(json_type(fields.field) = 'ARRAY', '', null)) order by fields.field_no) as texts
    from fields
    left join field_texts on field_texts._meta = fields._meta and field_texts.field_no = fields.field_no
    group by fields._meta
)

select
    parsed._meta,
    record.key as issue_key,
    record.fields is not null as has_fields,
    record.fields.summary,
    record.fields.status.name as status,
    record.fields.labels,
    coalesce(record.fields.assignee.emailAddress, record.fields.assignee.displayName) as assignee,
    record.fields.created at time zone 'UTC' as created_at,
    story_points,
    texts.texts[1] as release_train,
    texts.texts[2] as engineering_team
from parsed
left join texts on texts._meta = parsed._meta
