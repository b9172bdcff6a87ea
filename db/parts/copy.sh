# shellcheck shell=bash
# A true copy of a database: filled under a mark that says "unfinished", compared with its source, then unmarked.

# While this table is there, the database is an unfinished copy; nobody else makes a table of that name.
unfinished=_db_unfinished_copy

# copy_database SRC TGT REPLACE
copy_database() {
  same_name "$1" "$2" && die "\`$1\` cannot be copied onto itself"
  refuse_target "$2"
  exists "$1" || die "there is no database \`$1\`"
  if exists "$2"; then
    if [ -z "$3" ]; then
      ! is_unfinished "$2" || die "\`$2\` is there, as a copy that was never finished; --replace makes it anew"
      die "\`$2\` is there already; --replace puts the copy in its place once it is whole"
    fi
    replace_with_copy "$1" "$2" ""
  else
    filling="$2"
    undo=drop_filling
    new_database "$1" "$2"
    fill "$1" "$2"
    query "drop table $(ident "$2").$(ident "$unfinished")"
    undo=""
  fi
  report_copy "$1" "$2"
}

report_copy() {
  say "\`$2\` is a copy of \`$1\`: $(awk -F '\t' '{ rows += $2 } END { print NR " tables, " rows + 0 " rows" }' "$work/counts.copy")"
}

is_unfinished() {
  [ -n "$(query "select 1 from information_schema.tables where table_schema = $(text "$1") and table_name = $(text "$unfinished")")" ]
}

drop_filling() {
  query "drop database if exists $(ident "$filling")"
  say "\`$filling\` was not finished and is removed"
}

# new_database SRC TGT: empty, marked, with the character set of SRC.
new_database() {
  local settings
  settings="$(settings_of "$1")"
  query "create database $(ident "$2") $settings; create table $(ident "$2").$(ident "$unfinished") (started_at datetime) engine = InnoDB; "
}

settings_of() {
  query "select concat('character set ', default_character_set_name, ' collate ', default_collation_name)
    from information_schema.schemata where schema_name = $(text "$1")"
}

# fill SRC TGT [BEFORE_VIEWS]: everything of SRC into an empty database, then both are compared. The function BEFORE_VIEWS
# may change the rows, before there are triggers. Leaves $work/schema.sql (views, triggers, routines, events) behind.
fill() {
  counts "$1" >"$work/counts.before"
  base_tables "$1"
  if [ "${#tables[@]}" -gt 0 ]; then in_background pump_rows "$1" "$2"; fi
  counts "$1" >"$work/counts.after"
  counts "$2" >"$work/counts.copy"
  compare_counts "$1" "$2"
  [ -z "${3:-}" ] || "$3" "$2"
  schema_of "$1" "$2" >"$work/schema.sql"
  in_background load_into "$2" "$work/schema.sql"
  shape "$1" >"$work/shape.source"
  shape "$2" >"$work/shape.copy"
  diff "$work/shape.source" "$work/shape.copy" >"$work/shape.diff" ||
    die "\`$2\` has not the same tables, views, triggers, routines and events as \`$1\`:"$'\n'"$(head -n 20 "$work/shape.diff")"
  mentions "$1"
}

pump_rows() { dump --skip-triggers -- "$1" "${tables[@]}" | "${client[@]}" --database="$2" --batch --binary-mode; }
load_into() { "${client[@]}" --database="$1" --batch --binary-mode <"$2"; }

# base_tables DATABASE: their names into the array `tables`; views are none.
base_tables() {
  local hex name
  tables=()
  while read -r hex; do
    from_hex "$hex" name
    tables+=("$name")
  done < <(query "select hex(table_name) from information_schema.tables where table_schema = $(text "$1")
    and table_type not like '%VIEW%' and table_name <> $(text "$unfinished") order by table_name")
}

# schema_of SRC TGT: views, triggers, routines and events. Each belongs to whom it belonged to, if the account may set that.
schema_of() {
  local filter=cat hex name views=()
  while read -r hex; do
    from_hex "$hex" name
    views+=("$name")
  done < <(query "select hex(table_name) from information_schema.views where table_schema = $(text "$1") order by table_name")
  may_set_definers "$2" || filter=own_definers
  {
    dump_all "$1" --no-create-info --no-data --triggers
    [ "${#views[@]}" -eq 0 ] || dump --no-data --skip-triggers -- "$1" "${views[@]}"
  } | "$filter"
}

may_set_definers() {
  local probe
  probe="$(ident "$1").$(ident "${unfinished}_owner")"
  query "create definer = 'db-probe'@'localhost' view $probe as select 1; drop view $probe" >/dev/null 2>&1
}

# counts DATABASE: a line for each table, its name in hexadecimal digits and its number of rows.
counts() {
  local each
  each="$(query "select concat('select ''', hex(table_name), ''', count(*) from \`', replace(table_schema, '\`', '\`\`'), '\`.\`',
      replace(table_name, '\`', '\`\`'), '\`;') from information_schema.tables
    where table_schema = $(text "$1") and table_type not like '%VIEW%' and table_name <> $(text "$unfinished") order by table_name")"
  query "$each"
}

# A table of the copy has as many rows as its source had before or after, or, where somebody wrote meanwhile, between them.
compare_counts() {
  local wrong
  wrong="$(awk -F '\t' 'FILENAME == ARGV[1] { before[$1] = $2; next } FILENAME == ARGV[2] { after[$1] = $2; next }
    { seen[$1] = 1; low = before[$1]; high = after[$1]; if (low + 0 > high + 0) { low = after[$1]; high = before[$1] }
      if (!($1 in after) || $2 + 0 < low + 0 || $2 + 0 > high + 0) print $1, $2, after[$1] }
    END { for (table in after) if (!(table in seen)) print table, "none", after[table] }' \
    "$work/counts.before" "$work/counts.after" "$work/counts.copy")"
  [ -n "$wrong" ] || return 0
  local hex copied there name
  while read -r hex copied there; do
    from_hex "$hex" name
    say "table \`$name\`: $copied rows in the copy, $there in \`$1\`"
  done <<<"$wrong"
  die "\`$2\` has not the rows of \`$1\`"
}

# shape DATABASE: what there is beside the rows, one line each.
shape() {
  local of
  of="$(text "$1")"
  query "select concat_ws(' ', 'table', hex(table_name), table_type, engine, table_collation) from information_schema.tables
      where table_schema = $of and table_name <> $(text "$unfinished") order by 1;
    select concat_ws(' ', 'column', hex(table_name), hex(column_name), column_type, is_nullable, ifnull(collation_name, '-'), extra)
      from information_schema.columns where table_schema = $of and table_name <> $(text "$unfinished") order by table_name, ordinal_position;
    select concat_ws(' ', 'index', hex(table_name), hex(index_name), seq_in_index, hex(column_name), non_unique)
      from information_schema.statistics where table_schema = $of order by 1;
    select concat_ws(' ', 'trigger', hex(trigger_name), hex(event_object_table), action_timing, event_manipulation, sha2(action_statement, 256))
      from information_schema.triggers where trigger_schema = $of order by 1;
    select concat_ws(' ', 'routine', routine_type, hex(routine_name), sha2(routine_definition, 256))
      from information_schema.routines where routine_schema = $of order by 1;
    select concat_ws(' ', 'event', hex(event_name), status) from information_schema.events where event_schema = $of order by 1"
}

# Bodies that name their own database go on using it from within the copy. They are text, which is not rewritten: it is told.
mentions() {
  local name
  name="$(text "$1")"
  query "select concat('db: note: ', kind, ' \`', name, '\` names the database it was copied from in its text') from (
      select 'trigger' as kind, trigger_name as name, action_statement as body from information_schema.triggers where trigger_schema = $name
      union all select lower(routine_type), routine_name, routine_definition from information_schema.routines where routine_schema = $name
      union all select 'event', event_name, event_definition from information_schema.events where event_schema = $name
    ) as bodies where locate(concat(replace($name, '\`', ''), '.'), replace(body, '\`', '')) > 0" >&2
}
