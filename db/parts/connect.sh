# shellcheck shell=bash
# The account and the client programs; how statements are sent, and what happens when the script is stopped.

say() { printf 'db: %s\n' "$1" >&2; }

die() {
  say "$1"
  exit "${2:-1}"
}

# connect [VARIABLE...]: reads the variables (those named here beside the account), finds the client, makes a private folder.
connect() {
  local name missing=()
  for name in CLOUD_SQL_DATABASE_USERNAME CLOUD_SQL_DATABASE_PASSWORD "$@"; do
    [ -n "${!name:-}" ] || missing+=("$name")
  done
  [ "${#missing[@]}" -eq 0 ] || die "not set: ${missing[*]}" 2
  find_clients
  local at=(--no-defaults --protocol=TCP "--host=${CLOUD_SQL_DATABASE_HOST:-127.0.0.1}" "--port=${CLOUD_SQL_DATABASE_PORT:-3307}"
    "--user=$CLOUD_SQL_DATABASE_USERNAME" --default-character-set=utf8mb4 --max-allowed-packet=1G)
  client=("$client_program" "${at[@]}" --connect-timeout=10)
  dumper=("$dump_program" "${at[@]}")
  # Behind the proxy the connection never leaves the machine and its certificate says another name.
  if [ "$client_of" = mariadb ]; then client+=(--skip-ssl-verify-server-cert); else client+=(--get-server-public-key); fi
  if [ "$dump_of" = mariadb ]; then
    dumper+=(--skip-ssl-verify-server-cert)
  else
    dumper+=(--get-server-public-key --set-gtid-purged=OFF --column-statistics=0)
  fi
  # The password is in no argument and in no file. Another one in ~/.mylogin.cnf would win, --no-defaults or not.
  export MYSQL_PWD="$CLOUD_SQL_DATABASE_PASSWORD" MYSQL_TEST_LOGIN_FILE=/nonexistent
  umask 077
  work="$(mktemp -d "${TMPDIR:-/tmp}/db.XXXXXX")"
  trap 'finish $?' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

# The programs of MySQL, or those of MariaDB under their own names: newer ones complain about the old names.
find_clients() {
  client_program="$(command -v mysql || command -v mariadb)" ||
    die 'there is neither `mysql` nor `mariadb` on PATH. Install the client: apt-get install default-mysql-client, or brew install mysql-client' 2
  dump_program="$(command -v mysqldump || command -v mariadb-dump)" ||
    die 'there is neither `mysqldump` nor `mariadb-dump` on PATH. They come with the client: default-mysql-client' 2
  client_of=mysql dump_of=mysql
  case "$("$client_program" --no-defaults --version 2>/dev/null)" in
    *MariaDB*) client_of=mariadb && client_program="$(command -v mariadb || echo "$client_program")" ;;
  esac
  case "$("$dump_program" --no-defaults --version 2>/dev/null)" in
    *MariaDB*) dump_of=mariadb && dump_program="$(command -v mariadb-dump || echo "$dump_program")" ;;
  esac
}

# What a verb wants done when it breaks off; set by the verb.
undo=""
running=""
# The session that holds the lock of a copy.
lock_holder=""

cleanup() {
  if [ -n "$lock_holder" ]; then
    exec 8>&-
    wait "$lock_holder" 2>/dev/null || true
  fi
  rm -rf "$work"
}

finish() {
  trap '' HUP INT TERM
  trap - EXIT
  if [ -n "$running" ]; then
    kill -TERM -- "-$running" 2>/dev/null || true
    wait "$running" 2>/dev/null || true
    running=""
  fi
  local step="$undo" code="$1"
  undo=""
  if [ -n "$step" ]; then
    [ "$code" -ne 0 ] || code=1
    "$step" || say "and undoing it failed, see above"
  fi
  cleanup
  # The schedule that refreshes preflight knows one kind of failure; a signal stays a signal.
  [ "$verb" != preflight-refresh ] || [ "$code" -eq 0 ] || [ "$code" -gt 128 ] || code=1
  exit "$code"
}

# in_background COMMAND...: runs a function or program to its end, as a process group of its own. A signal to this script is
# answered at once, not when the command has ended, and ends the whole group.
in_background() {
  set -m
  "$@" &
  running=$!
  set +m
  local code=0
  wait "$running" || code=$?
  running=""
  return "$code"
}

# query SQL: its rows, without names and as they are. The session does not depend on the server's defaults.
query() { printf '%s' "$session$1" | "${client[@]}" --batch --skip-column-names --raw --binary-mode; }
session="set session sql_mode = '', time_zone = '+00:00', group_concat_max_len = 1073741824; "

# run_sql SQL: for a person or a script: rows below their names.
# On standard input, where `ps` does not show it; in binary mode the client's own commands (\! and others) are only text.
run_sql() { in_background printed "$1"; }
printed() { printf '%s' "$1" | "${client[@]}" --database="$CLOUD_SQL_DATABASE_NAME" --batch --binary-mode; }

# An identifier, and a text as a literal, whatever is in them. `query` sets the sql_mode that makes the backslash an escape.
ident() { printf '`%s`' "${1//\`/\`\`}"; }
text() {
  local escaped="${1//\\/\\\\}"
  printf "_utf8mb4'%s'" "${escaped//\'/\'\'}"
}

# from_hex DIGITS VARIABLE: a name from the hexadecimal digits that hex() made of it.
from_hex() {
  local escaped="" rest="$1"
  while [ -n "$rest" ]; do
    escaped+="\\x${rest:0:2}"
    rest="${rest:2}"
  done
  printf -v "$2" '%b' "$escaped"
}

exists() {
  local found
  found="$(query "select 1 from information_schema.schemata where convert(schema_name using utf8mb4) collate utf8mb4_bin = $(text "$1")")"
  [ -n "$found" ]
}

# same_name A B: are they one database to the server? On some systems names do not know case.
same_name() {
  [ "$1" != "$2" ] || return 0
  [ "$(query "select @@lower_case_table_names <> 0 and lower($(text "$1")) = lower($(text "$2"))")" = 1 ]
}

# The databases that are never a target, whatever their case.
refuse_target() {
  case "$(printf '%s' "$1" | tr '[:upper:]' '[:lower:]')" in
    production) die "\`$1\` is production, which no copy may replace" ;;
    mysql | sys | information_schema | performance_schema) die "\`$1\` belongs to the server" ;;
  esac
}
