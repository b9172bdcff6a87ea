# Reads SQL and prints the line and the quoted name of every `use`, `drop database`, `create database` and `alter database`.
# What stands in texts and comments is not seen, also over several lines; executable comments (/*! and /*M!) are statements.

BEGIN {
  delimiter = ";"
  open = ""    # the quote or comment that an earlier line has left open
  head = ""    # the beginning of the statement
  began = 0    # its line; negative where others stand before it on that line
}

{
  line = $0
  sub(/\r$/, "", line)
  if (open == "" && head ~ /^[ \t]*$/ && tolower(line) ~ /^[ \t]*delimiter[ \t]/) {
    delimiter = line
    sub(/^[ \t]*[A-Za-z]+[ \t]+/, "", delimiter)
    sub(/[ \t]+$/, "", delimiter)
    next
  }
  if (open != "" && !closed()) next
  tokens()
  statements()
}

# Cuts off what still belongs to an open text, name or comment; false when it goes on.
function closed() {
  if (open == "*/") {
    if (!(at = index(line, "*/"))) return 0
    line = " " substr(line, at + 2)
  } else {
    if (open == "'") found = match(line, /^([^'\\]|\\.|'')*'/)
    else if (open == "\"") found = match(line, /^([^"\\]|\\.|"")*"/)
    else found = match(line, /^([^`]|``)*`/)
    if (!found) return 0
    line = " " substr(line, RLENGTH + 1)
  }
  open = ""
  return 1
}

# Blanks out complete texts and comments, in one pass from the left, so that a quote in a comment is no quote.
# Names in backticks go too: `statements` finds them again in the line as it stood.
function tokens() {
  raw = line
  gsub(/'([^'\\]|\\.|'')*'|"([^"\\]|\\.|"")*"|`([^`]|``)*`|#.*$|--([ \t].*)?$|\/\*M?\*+\/|\/\*([^!M*]|\*+[^*\/]|M[^!*])([^*]|\*+[^*\/])*\*+\//, " \001 ", line)
  gsub(/\/\*M?![0-9]*/, " ", line)
  gsub(/\*\//, " ", line)
  if (match(line, /['"`]|\/\*/)) {
    open = substr(line, RSTART, RLENGTH)
    if (open == "/*") open = "*/"
    line = substr(line, 1, RSTART - 1)
  }
}

function statements() {
  if (delimiter != ";") {
    while ((at = index(line, delimiter)) > 0) line = substr(line, 1, at - 1) ";" substr(line, at + length(delimiter))
  }
  count = split(line, piece, ";")
  for (i = 1; i <= count; i++) {
    if (head ~ /^[ \t\001]*$/) began = i == 1 ? NR : 0 - NR
    if (length(head) < 400) head = head " " substr(piece[i], 1, 400)
    if (i < count) { judge(); head = "" }
  }
}

END { judge() }

function judge() {
  low = tolower(head)
  gsub(/\001/, " ", low)
  gsub(/[ \t]+/, " ", low)
  if (low ~ /^ ?use( |$)/) print line_of(began), name("[Uu][Ss][Ee]")
  else if (low ~ /^ ?(drop|create|alter) (database|schema)( |$)/) {
    # Without a name `alter database` is about the database at hand.
    if (low ~ /^ ?alter (database|schema) (default )?(character|collate|charset|encryption|read)/) return
    print line_of(began), name("([Dd][Aa][Tt][Aa][Bb][Aa][Ss][Ee]|[Ss][Cc][Hh][Ee][Mm][Aa])([ \t]+[Ii][Ff]([ \t]+[Nn][Oo][Tt])?[ \t]+[Ee][Xx][Ii][Ss][Tt][Ss])?")
  }
}

function line_of(number) { return number < 0 ? -number : number }

# The name after a word, in backticks; "?" where it cannot be told: on another line, or behind another statement.
function name(after) {
  rest = raw
  gsub(/\/\*M?![0-9]*[^*]*\*\//, " ", rest)
  if (began != NR || !match(rest, "^[ \t]*([A-Za-z]+[ \t]+)?" after "[ \t]+")) return "?"
  rest = substr(rest, RLENGTH + 1)
  if (match(rest, /^`([^`]|``)*`/)) return substr(rest, 1, RLENGTH)
  if (match(rest, /^[A-Za-z0-9_$]+/)) return "`" substr(rest, 1, RLENGTH) "`"
  return "?"
}
