"""Parses a script of BigQuery views, and the SQL inside of EXTERNAL_QUERY as the database behind it would.

Prints one line per view: name, columns, and the tables it reads. Anything that is no such view is an error.
"""

import sys

import sqlglot
from sqlglot import exp


def main(inner: str, text: str) -> None:
    for statement in sqlglot.parse(text, read="bigquery", error_level=sqlglot.ErrorLevel.RAISE):
        # What sqlglot does not understand becomes a Command.
        assert not list(statement.find_all(exp.Command)), statement.sql()
        assert isinstance(statement, exp.Create) and statement.kind == "VIEW" and statement.args["replace"], statement.sql()
        target, query = statement.this, statement.expression
        columns = [column.this.name for column in target.expressions]
        assert query.named_selects == columns, f"{query.named_selects} are not {columns}"
        assert not list(query.find_all(exp.Star)), statement.sql()
        descriptions = [p for p in statement.find_all(exp.Property) if p.name == "description"]
        assert len(descriptions) == len(columns) + 1, f"{len(descriptions)} descriptions of {len(columns)} columns"
        calls = [call for call in query.find_all(exp.Anonymous) if call.name.upper() == "EXTERNAL_QUERY"]
        tables = [table.name for table in query.find_all(exp.Table) if table.name and not table.find(exp.Anonymous)]
        for call in calls:
            connection, sql = (argument.this for argument in call.expressions)
            assert connection.startswith("projects/"), connection
            read = sqlglot.parse_one(sql, read=inner, error_level=sqlglot.ErrorLevel.RAISE)
            assert isinstance(read, exp.Select) and read.named_selects == columns, sql
            tables += [f"{inner}:{table.name}" for table in read.find_all(exp.Table)]
        assert tables, statement.sql()
        print(target.this.name, ",".join(columns), ",".join(sorted(tables)), sep="\t")


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read())
