# shellcheck shell=bash
# A copy takes the place of a database that is there. All tables change places in one statement; until then, and when
# anything fails, the former ones stay.

# refresh SRC TGT BLANK_EMAILS
refresh() {
  same_name "$1" "$2" && die "\`$1\` cannot be copied onto itself"
  refuse_target "$2"
  exists "$1" || die "there is no database \`$1\`"
  local before=""
  [ -z "$3" ] || before=blank_emails_of
  replace_with_copy "$1" "$2" "$before"
  report_copy "$1" "$2"
}

# replace_with_copy SRC TGT [BEFORE_VIEWS]
replace_with_copy() {
  fresh="${2}_new" former="${2}_old" target="$2" made_target=""
  [ "$(number_of_tables "$1")" != 0 ] || die "\`$1\` has no tables; an empty database replaces nothing"
  one_at_a_time "$2"
  clear_leftover "$fresh"
  clear_leftover "$former"
  filling="$fresh"
  undo=drop_filling
  new_database "$1" "$fresh"
  fill "$1" "$fresh" "${3:-}"
  if ! exists "$2"; then
    local settings
    settings="$(settings_of "$1")"
    made_target=1
    query "create database $(ident "$2") $settings"
  fi
  # What the former one has beside its tables, should it have to come back.
  schema_of "$2" "$fresh" >"$work/former.sql"
  new_database "$2" "$former"
  # From here to the end a signal waits: the steps are short, and each is undone if it fails.
  trap '' HUP INT TERM
  undo=swap_back
  # A table with triggers cannot change its database.
  drop_all "$fresh" trigger
  drop_all "$2" trigger
  move "$2" "$former" "$fresh" "$2"
  query "drop table if exists $(ident "$2").$(ident "$unfinished")"
  drop_all "$2" view routine event
  load_into "$2" "$work/schema.sql"
  shape "$2" >"$work/shape.now"
  diff "$work/shape.source" "$work/shape.now" >"$work/shape.diff" ||
    die "\`$2\` came out unlike \`$1\`:"$'\n'"$(head -n 20 "$work/shape.diff")"
  undo=""
  query "drop database $(ident "$former"); drop database $(ident "$fresh")"
}

# Puts the former tables back if they have been moved, and the views, triggers, routines and events of then.
swap_back() {
  # A statement whose client is gone may still be waiting for its turn in the server.
  local tries=0 own
  own="$(text "$(ident "$former")")"
  while [ "$(query "select count(*) from information_schema.processlist where info like 'rename table%' and locate($own, info) > 0")" != 0 ]; do
    [ "$((tries += 1))" -lt 90 ] || die "the renaming of the tables of \`$target\` does not end; look at \`$former\` and \`$fresh\` by hand"
    sleep 1
  done
  drop_all "$target" trigger view routine event
  if [ "$(number_of_tables "$fresh")" = 0 ]; then move "$target" "$fresh" "$former" "$target"; fi
  load_into "$target" "$work/former.sql"
  [ -z "$made_target" ] || query "drop database $(ident "$target")"
  query "drop database $(ident "$former"); drop database $(ident "$fresh")"
  say "\`$target\` is as it was"
}

# clear_leftover DATABASE: one that an earlier run has left behind goes; anybody else's stays.
clear_leftover() {
  exists "$1" || return 0
  is_unfinished "$1" || [ "$(query "select count(*) from information_schema.tables where table_schema = $(text "$1")")" = 0 ] ||
    die "\`$1\` is needed for the copy, is there already and is no unfinished copy; drop or rename it"
  say "\`$1\` was left behind by a run that was killed; it is removed"
  query "drop database $(ident "$1")"
}

number_of_tables() {
  query "select count(*) from information_schema.tables where table_schema = $(text "$1") and table_type not like '%VIEW%'
    and table_name <> $(text "$unfinished")"
}

# move A B C D: one statement that moves all tables of A to B, then all of C to D.
move() {
  local rename
  rename="$(query "select concat('rename table ', group_concat(concat(part.source, name, ' to ', part.goal, name) order by part.turn separator ', '))
    from (select table_schema as within, concat('\`', replace(table_name, '\`', '\`\`'), '\`') as name from information_schema.tables
        where table_schema in ($(text "$1"), $(text "$3")) and table_type not like '%VIEW%' and table_name <> $(text "$unfinished")) as named
    join (select 1 as turn, $(text "$1") as within, $(text "$(ident "$1").") as source, $(text "$(ident "$2").") as goal
        union all select 2, $(text "$3"), $(text "$(ident "$3")."), $(text "$(ident "$4").")) as part on convert(named.within using utf8mb4) collate utf8mb4_bin = part.within")"
  query "set session lock_wait_timeout = 60; $rename"
}

# drop_all DATABASE KIND...: its triggers, views, routines, events.
drop_all() {
  local of="$1" kind ask="" drops
  shift
  for kind; do
    case "$kind" in
      trigger) ask+="$(drop_each "$of" "'trigger '" trigger_name triggers trigger_schema)" ;;
      view) ask+="$(drop_each "$of" "'view '" table_name views table_schema)" ;;
      routine) ask+="$(drop_each "$of" "routine_type, ' '" routine_name routines routine_schema)" ;;
      event) ask+="$(drop_each "$of" "'event '" event_name events event_schema)" ;;
    esac
  done
  drops="$(query "$ask")"
  query "$drops"
}

# drop_each DATABASE WHAT NAME VIEW SCHEMA: a query that gives the statements.
drop_each() {
  printf '%s' "select concat('drop ', $2, $(text "$(ident "$1").\`"), replace($3, '\`', '\`\`'), '\`;') from information_schema.$4 where $5 = $(text "$1"); "
}

# one_at_a_time NAME: takes a lock in the server, held by a session that ends with this script, however it ends.
one_at_a_time() {
  mkfifo "$work/lock"
  : >"$work/locked"
  "${client[@]}" --batch --skip-column-names --unbuffered <"$work/lock" >"$work/locked" &
  lock_holder=$!
  exec 8>"$work/lock"
  printf 'select get_lock(concat(%s, md5(%s)), 0);\n' "'db-copy-'" "$(text "$1")" >&8
  local tries=0
  until [ -s "$work/locked" ]; do
    kill -0 "$lock_holder" 2>/dev/null && [ "$((tries += 1))" -lt 200 ] || die "the lock for \`$1\` could not be asked for"
    sleep 0.05
  done
  [ "$(cat "$work/locked")" = 1 ] || die "another copy to \`$1\` is under way"
}

# blank_emails_of DATABASE: in columns of text that are named after mail, or in which some value is an address, every address
# goes: to nothing, or to something of its own where values must differ.
blank_emails_of() {
  local table column kind value found=0
  local address="'^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+\$'"
  query "select concat('select ', quote(concat(
        hex(concat('\`', replace(c.table_name, '\`', '\`\`'), '\`')), ' ', hex(concat('\`', replace(c.column_name, '\`', '\`\`'), '\`')), ' ',
        case when exists (select 1 from information_schema.statistics as s where s.table_schema = c.table_schema and s.table_name = c.table_name
            and s.column_name = c.column_name and s.non_unique = 0) then 'unique' when c.is_nullable = 'YES' then 'null' else 'empty' end)),
        ' from dual where ', case when lower(c.column_name) like '%mail%' then '1' else concat('exists (select 1 from \`',
          replace(c.table_schema, '\`', '\`\`'), '\`.\`', replace(c.table_name, '\`', '\`\`'), '\` where \`', replace(c.column_name, '\`', '\`\`'),
          '\` regexp ', $(text "$address"), ')') end, ';')
      from information_schema.columns as c join information_schema.tables as t using (table_schema, table_name)
      where c.table_schema = $(text "$1") and t.table_type not like '%VIEW%' and c.data_type in ('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext')
        and ifnull(c.generation_expression, '') = ''" >"$work/ask-emails.sql"
  query "$(cat "$work/ask-emails.sql")" >"$work/emails"
  while read -r table column kind; do
    from_hex "$table" table
    from_hex "$column" column
    case "$kind" in
      unique) value="concat('b', lower(conv(uuid_short(), 10, 36)))" ;;
      null) value=null ;;
      *) value="''" ;;
    esac
    query "update $(ident "$1").$table set $column = $value where $column regexp $address"
    found=$((found + 1))
  done <"$work/emails"
  say "the addresses in $found columns are left out"
}
