# shellcheck shell=bash
# The rows of one database into the tables that another one has, in one transaction.

# migrate_data SRC TGT REPLACE
migrate_data() {
  same_name "$1" "$2" && die "\`$1\` cannot be migrated into itself"
  local name
  for name in "$1" "$2"; do exists "$name" || die "there is no database \`$name\`"; done
  list_problems "$1" "$2" >"$work/problems"
  if [ -s "$work/problems" ]; then
    say "\`$1\` does not fit into \`$2\`; nothing was changed:"
    sed 's/^/  /' "$work/problems" >&2
    exit 1
  fi
  query "select concat('db: note: trigger \`', trigger_name, '\` of table \`', event_object_table, '\` sees the rows that come') from information_schema.triggers
    where trigger_schema = $(text "$2") and event_manipulation in ('INSERT', 'UPDATE')" >&2
  transaction "$1" "$2" "$3" >"$work/migrate.sql"
  in_background run_transaction || {
    local code=$?
    say "nothing was changed: $(tail -n 1 "$work/progress")"
    exit "$code"
  }
  say "the rows of \`$1\` are in \`$2\`"
}

run_transaction() { "${client[@]}" --batch --skip-column-names --binary-mode --unbuffered <"$work/migrate.sql" >"$work/progress"; }

# A line for everything of SRC that would be lost or refused.
list_problems() {
  local src tgt
  src="$(text "$1")" tgt="$(text "$2")"
  query "select concat('table \`', s.table_name, '\` is missing in the target') from information_schema.tables as s
      left join information_schema.tables as t on t.table_schema = $tgt and t.table_name = s.table_name and t.table_type not like '%VIEW%'
      where s.table_schema = $src and s.table_type not like '%VIEW%' and t.table_name is null order by 1;
    select concat('table \`', t.table_name, '\` of the target is ', t.engine, ', which cannot be rolled back') from information_schema.tables as s
      join information_schema.tables as t on t.table_schema = $tgt and t.table_name = s.table_name
      where s.table_schema = $src and s.table_type not like '%VIEW%' and t.engine <> 'InnoDB' order by 1;
    select concat('column \`', t.table_name, '\`.\`', t.column_name, '\` of the target must have a value and is missing in the source')
      from information_schema.columns as t join information_schema.tables as b on b.table_schema = $src and b.table_name = t.table_name and b.table_type not like '%VIEW%'
      left join information_schema.columns as s on s.table_schema = $src and s.table_name = t.table_name and s.column_name = t.column_name
      where t.table_schema = $tgt and s.column_name is null and t.is_nullable = 'NO' and t.column_default is null
        and t.extra not like '%auto_increment%' and ifnull(t.generation_expression, '') = '' order by 1;
    select concat('column \`', s.table_name, '\`.\`', s.column_name, '\` is missing in the target') from ($(lost_columns "$src" "$tgt")) as s
      where s.is_nullable = 'NO' order by 1"
  # Columns that may be NULL matter where they are not.
  local each
  each="$(query "select concat('select ', quote(concat('column \`', s.table_name, '\`.\`', s.column_name, '\` is missing in the target, and has values')),
      ' from dual where exists (select 1 from \`', replace(s.table_schema, '\`', '\`\`'), '\`.\`', replace(s.table_name, '\`', '\`\`'), '\` where \`',
      replace(s.column_name, '\`', '\`\`'), '\` is not null);') from ($(lost_columns "$src" "$tgt")) as s where s.is_nullable = 'YES' order by 1")"
  query "$each"
}

# The columns of SRC that the target's table has not; columns that are computed are not copied.
lost_columns() {
  printf '%s' "select s.table_schema, s.table_name, s.column_name, s.is_nullable from information_schema.columns as s
    join information_schema.tables as b on b.table_schema = $2 and b.table_name = s.table_name
    left join information_schema.columns as t on t.table_schema = $2 and t.table_name = s.table_name and t.column_name = s.column_name
    where s.table_schema = $1 and t.column_name is null and ifnull(s.generation_expression, '') = ''"
}

# The statements: tables in the order of the target's foreign keys. Where those run in a circle, or from a table to itself,
# they are looked at when all rows are in.
transaction() {
  local order table circle="" src tgt
  src="$(text "$1")" tgt="$(text "$2")"
  local edges="select hex(referenced_table_name), hex(table_name) from information_schema.key_column_usage
      where table_schema = $tgt and referenced_table_schema = $tgt"
  query "select hex(table_name), hex(table_name) from information_schema.tables where table_schema = $src and table_type not like '%VIEW%' order by table_name;
    $edges" >"$work/edges"
  order="$(tsort "$work/edges" 2>/dev/null)" || circle=1
  [ "$(query "select count(*) from information_schema.key_column_usage where table_schema = $tgt and referenced_table_schema = $tgt
    and table_name = referenced_table_name")" = 0 ] || circle=1
  # Read committed: whoever writes to SRC meanwhile does not wait.
  printf '%s\n' "set session sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00';" \
    "set session transaction isolation level read committed;" "start transaction;"
  [ -z "$circle" ] || printf 'set session foreign_key_checks = 0;\n'
  for table in $order; do insert_into "$1" "$2" "$table" "$3"; done
  [ -z "$circle" ] || orphans "$2"
  printf 'commit;\n'
}

# insert_into SRC TGT TABLE REPLACE, the table's name in hexadecimal digits.
insert_into() {
  local update="''"
  # Not `replace`: that deletes, and with it what hangs on the row by a foreign key.
  [ -z "$4" ] || update="concat(' on duplicate key update ', group_concat(concat(name, ' = s.', name) order by position separator ', '))"
  query "select concat('select ', quote(concat('the rows of \`', max(table_name), '\` did not go in')), ';', char(10), 'insert into ', $(text "$(ident "$2")."), max(quoted),
      ' (', group_concat(name order by position separator ', '), ') select ', group_concat(concat('s.', name) order by position separator ', '),
      ' from ', $(text "$(ident "$1")."), max(quoted), ' as s', $update, ';')
    from (select t.table_name, concat('\`', replace(t.table_name, '\`', '\`\`'), '\`') as quoted, concat('\`', replace(t.column_name, '\`', '\`\`'), '\`') as name,
        t.ordinal_position as position
      from information_schema.columns as s join information_schema.columns as t on t.table_name = s.table_name and t.column_name = s.column_name
      join information_schema.tables as b on b.table_schema = s.table_schema and b.table_name = s.table_name and b.table_type not like '%VIEW%'
      where s.table_schema = $(text "$1") and t.table_schema = $(text "$2") and s.table_name = convert(0x$3 using utf8mb4)
        and ifnull(t.generation_expression, '') = '') as shared having count(*) > 0"
}

# orphans TGT: for each foreign key a statement that the server refuses where a row has no parent.
orphans() {
  query "select concat('select ', quote(concat('foreign key \`', constraint_name, '\` of \`', max(table_name), '\` has rows without a parent')), ';', char(10),
      'select (select 1 union select 2) from \`', replace(max(table_schema), '\`', '\`\`'), '\`.\`', replace(max(table_name), '\`', '\`\`'), '\` as c left join \`',
      replace(max(table_schema), '\`', '\`\`'), '\`.\`', replace(max(referenced_table_name), '\`', '\`\`'), '\` as p on ',
      group_concat(concat('p.\`', replace(referenced_column_name, '\`', '\`\`'), '\` = c.\`', replace(column_name, '\`', '\`\`'), '\`') separator ' and '), ' where ',
      group_concat(concat('c.\`', replace(column_name, '\`', '\`\`'), '\` is not null and p.\`', replace(referenced_column_name, '\`', '\`\`'), '\` is null') separator ' and '), ';')
    from information_schema.key_column_usage where table_schema = $(text "$1") and referenced_table_schema = $(text "$1")
    group by constraint_name"
}
