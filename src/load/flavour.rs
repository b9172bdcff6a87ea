//! What differs between the engines' SQL without a connection: quoting, placeholders, limits, type names.

use std::fmt::Write;

use crate::catalog::ColumnType;

/// An engine whose SQL we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flavour {
    /// The embedded default.
    Sqlite,
    /// MySQL 8 (and MariaDB, for tests).
    Mysql,
    /// PostgreSQL.
    Postgres,
}

impl Flavour {
    /// All of them: every migration is written for each.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Mysql, Self::Postgres];

    /// The folder below `migrations/`, and the URL's scheme.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
        }
    }

    /// A quoted identifier.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Mysql => format!("`{}`", name.replace('`', "``")),
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Appends the placeholder of parameter `number`, from 1.
    pub(super) fn push_placeholder(self, text: &mut String, number: usize) {
        match self {
            // Writing into a String cannot fail.
            Self::Postgres => drop(write!(text, "${number}")),
            Self::Sqlite | Self::Mysql => text.push('?'),
        }
    }

    /// The type that a CAST to 64 bits names.
    pub(super) fn bigint(self) -> &'static str {
        match self {
            Self::Mysql => "signed",
            Self::Sqlite | Self::Postgres => "bigint",
        }
    }

    /// Count, sum of the low and sum of the high 32 bits of `_row_hash`, as three BIGINT columns.
    pub(super) fn digest_columns(self) -> &'static str {
        match self {
            Self::Sqlite => r#"count("_row_hash"), coalesce(sum("_row_hash" & 4294967295), 0), coalesce(sum(("_row_hash" >> 32) & 4294967295), 0)"#,
            Self::Mysql => {
                "count(`_row_hash`), cast(coalesce(sum(`_row_hash` & 4294967295), 0) as signed), cast(coalesce(sum((`_row_hash` >> 32) & 4294967295), 0) as signed)"
            }
            Self::Postgres => {
                r#"count("_row_hash"), coalesce(sum("_row_hash" & 4294967295), 0)::bigint, coalesce(sum(("_row_hash" >> 32) & 4294967295), 0)::bigint"#
            }
        }
    }

    /// The bucket of a row: the low 16 bits of its hash, as a BIGINT column.
    pub(super) fn bucket(self) -> &'static str {
        match self {
            Self::Mysql => "cast(`_row_hash` & 65535 as signed)",
            Self::Sqlite | Self::Postgres => r#"("_row_hash" & 65535)"#,
        }
    }

    /// Whether the row's bucket is marked: `marks` is a byte for each bucket, in hex, `01` where it is marked. One look at one
    /// byte costs the server the same however many are marked, which a long IN list does not.
    pub(super) fn is_marked(self, marks: &str) -> String {
        match self {
            Self::Mysql => format!("substr(x'{marks}', 1 + (`_row_hash` & 65535), 1) = x'01'"),
            Self::Sqlite => format!(r#"substr(x'{marks}', 1 + ("_row_hash" & 65535), 1) = x'01'"#),
            Self::Postgres => format!(r#"get_byte(decode('{marks}', 'hex'), ("_row_hash" & 65535)::int) = 1"#),
        }
    }

    /// The type of a column. `key`: it is part of the natural key, where texts must compare byte by byte.
    pub(super) fn column_type(self, kind: ColumnType, key: bool) -> String {
        let text = match (self, kind) {
            (Self::Sqlite | Self::Postgres, ColumnType::Text) => "TEXT".to_owned(),
            // MySQL's TEXT ends at 64 KB.
            (Self::Mysql, ColumnType::Text) => "LONGTEXT".to_owned(),
            (_, ColumnType::Varchar(length)) => format!("VARCHAR({length})"),
            (_, ColumnType::SmallInt) => return "SMALLINT".to_owned(),
            (Self::Mysql, ColumnType::Integer) => return "INT".to_owned(),
            (_, ColumnType::Integer) => return "INTEGER".to_owned(),
            (_, ColumnType::BigInt) => return "BIGINT".to_owned(),
            (Self::Mysql, ColumnType::Double) => return "DOUBLE".to_owned(),
            (_, ColumnType::Double) => return "DOUBLE PRECISION".to_owned(),
            (_, ColumnType::Date) => return "DATE".to_owned(),
            (Self::Sqlite, ColumnType::Timestamp) => return "TIMESTAMP".to_owned(),
            // Never MySQL's TIMESTAMP: it ends in 2038 and is shifted by the session's time zone.
            (Self::Mysql, ColumnType::Timestamp) => return "DATETIME".to_owned(),
            (Self::Postgres, ColumnType::Timestamp) => return "TIMESTAMP(0)".to_owned(),
        };
        match (self, key) {
            // utf8mb4_bin takes `a` and `a ` for equal (PAD SPACE). The collations that do not have another name in each server;
            // each reads its own comment and passes over the other one.
            (Self::Mysql, true) => {
                format!("{text} CHARACTER SET utf8mb4 /*!80017 COLLATE utf8mb4_0900_bin */ /*M!100202 COLLATE utf8mb4_nopad_bin */")
            }
            (Self::Postgres, true) => format!("{text} COLLATE \"C\""),
            // SQLite compares byte by byte unless told otherwise.
            (Self::Sqlite, _) | (Self::Mysql | Self::Postgres, false) => text,
        }
    }

    /// The whole definition of the column that the database fills.
    pub(super) fn identity_type(self) -> &'static str {
        match self {
            // AUTOINCREMENT: an id is never given a second time, also after its row was deleted.
            Self::Sqlite => "INTEGER PRIMARY KEY AUTOINCREMENT",
            Self::Mysql => "BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
            Self::Postgres => "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_cannot_break_out() {
        assert_eq!(Flavour::Sqlite.quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(Flavour::Mysql.quoted("a`b"), "`a``b`");
    }
}
