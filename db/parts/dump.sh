# shellcheck shell=bash
# Dumps to files, and files into the database.

# dump ARGUMENTS: one consistent snapshot, without what only the source's server knows, and without its database's name.
dump() {
  "${dumper[@]}" --single-transaction --quick --hex-blob --no-tablespaces --tz-utc --skip-add-locks "$@" | portable
}

# dump_all DATABASE ARGUMENTS: with routines and events. Where a name holds a quote or a backslash, the dump programs of both
# servers escape it once too often as soon as there are any, so these are written here.
dump_all() {
  local name="$1"
  shift
  case "$name" in
    *[\'\"\\]*)
      dump "$@" -- "$name"
      bodies_of "$name" | portable
      ;;
    *) dump --routines --events "$@" -- "$name" ;;
  esac
}

# bodies_of DATABASE: its routines and events as statements, each in the session that it was made in.
bodies_of() {
  local kind hex name found
  found="$(query "select routine_type, hex(routine_name) from information_schema.routines where routine_schema = $(text "$1")
    union all select 'EVENT', hex(event_name) from information_schema.events where event_schema = $(text "$1") order by 1, 2")"
  [ -n "$found" ] || return 0
  printf 'SET @was_mode = @@sql_mode, @was_zone = @@time_zone, @was_client = @@character_set_client, @was_collation = @@collation_connection;\nDELIMITER ;;\n'
  while read -r kind hex; do
    from_hex "$hex" name
    printf '%s' "show create $kind $(ident "$1").$(ident "$name")" | "${client[@]}" --batch --skip-column-names --binary-mode |
      LC_ALL=C awk -F '\t' -v is_event="$([ "$kind" = EVENT ] && echo 1 || echo 0)" '{
        body = $(3 + is_event)
        gsub(/\\\\/, "\001", body); gsub(/\\n/, "\n", body); gsub(/\\t/, "\t", body); gsub(/\001/, "\\", body)
        printf "SET sql_mode = \047%s\047, character_set_client = \047%s\047, collation_connection = \047%s\047;;\n", $2, $(4 + is_event), $(5 + is_event)
        if (is_event) printf "SET time_zone = \047%s\047;;\n", $3
        printf "%s;;\n", body
      }'
  done <<<"$found"
  printf 'DELIMITER ;\nSET sql_mode = @was_mode, time_zone = @was_zone, character_set_client = @was_client, collation_connection = @was_collation;\n'
}

# Takes out MariaDB's first line, which some clients of MySQL refuse, and the name in statements that set the database's
# collation around a routine: without it they are about the database that they run in. Rows never begin a line like that.
portable() {
  LC_ALL=C sed -E -e '1{/^\/\*M?!999999.*sandbox mode \*\/ *$/d;}' \
    -e 's/^ALTER DATABASE `([^`]|``)*` (DEFAULT )?(CHARACTER|COLLATE)/ALTER DATABASE \2\3/'
}

# Views, triggers, routines and events belong to who runs the statements. For dumps: rows never begin a line like these.
own_definers() {
  local account='DEFINER=`([^`]|``)*`(@`([^`]|``)*`)?'
  LC_ALL=C sed -E -e "s/^CREATE $account (PROCEDURE|FUNCTION|PACKAGE|EVENT)/CREATE \\4/" \
    -e "s/^(\\/\\*!50003 CREATE\\*\\/ )\\/\\*!50017 $account ?\\*\\//\\1/" \
    -e "s/^(\\/\\*!50106 CREATE\\*\\/ )\\/\\*!50117 $account ?\\*\\//\\1/" \
    -e "s/^(\\/\\*!50020 |\\/\\*!50013 )$account /\\1/"
}

# dump_file SRC PREFIX HOW ARGUMENTS: what `dump` or `dump_all` gives, into a file that has its name only when it is complete.
dump_file() {
  local source="$1" name
  exists "$source" || die "there is no database \`$source\`"
  name="$2${source//\//_}-$(date -u +%Y-%m-%d-%H-%M-%S).sql"
  [ ! -e "./$name" ] || die "\`$name\` is there already"
  partial="$(mktemp "./.${name}.XXXXXX")"
  undo=remove_partial
  shift 2
  dump_to_partial() { "$@" >"$partial"; }
  in_background dump_to_partial "$@"
  LC_ALL=C grep -aq '^-- Dump completed' "$partial" || die "the dump of \`$source\` broke off"
  mv "$partial" "./$name"
  undo=""
  printf '%s\n' "$name"
}

remove_partial() { rm -f "$partial"; }

# import_file FILE ALLOW_USE OWN_DEFINERS
import_file() {
  local file="$1"
  [ -r "$file" ] && [ ! -d "$file" ] || die "\`$file\` is no file that can be read" 2
  exists "$CLOUD_SQL_DATABASE_NAME" || die "there is no database \`$CLOUD_SQL_DATABASE_NAME\`"
  [ -n "$2" ] || stays_here "$file"
  filter=portable
  [ -z "$3" ] || filter=own_and_portable
  in_background import_filtered "$file" || {
    local code=$?
    [ -n "$3" ] || ! LC_ALL=C grep -qE '^(CREATE |/\*!5[0-9]+ (CREATE\*/ /\*!5[0-9]+ )?)DEFINER=' "$file" ||
      say "the file names owners of views, triggers or routines; if it is them that the account may not set, add --own-definers"
    exit "$code"
  }
}

own_and_portable() { portable | own_definers; }
import_filtered() { "$filter" <"$1" | "${client[@]}" --database="$CLOUD_SQL_DATABASE_NAME" --batch --binary-mode; }

# Refuses a file with a statement that uses, drops or changes another database.
stays_here() {
  local number statement own
  ! LC_ALL=C grep -aq NO_BACKSLASH_ESCAPES "$1" ||
    die "\`$1\` changes how texts are written (NO_BACKSLASH_ESCAPES), so what it does cannot be told; --allow-use runs it unread" 2
  own="$(ident "$CLOUD_SQL_DATABASE_NAME")"
  LC_ALL=C awk -f "$here/parts/statements.awk" "$1" >"$work/statements"
  while read -r number statement; do
    case "$statement" in
      "$own") ;;
      *) die "\`$1\` uses, drops or changes another database in line $number: $(sed -n "${number}p" "$1" | cut -c1-120). \`$CLOUD_SQL_DATABASE_NAME\` is where it would run; --allow-use permits it" 2 ;;
    esac
  done <"$work/statements"
}
