//! What a table promises: columns, key, grain, ownership. Read from a model's header.

/// The contract of one mart or seed table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The destination table, named like the model.
    pub table: String,
    /// One sentence or more.
    pub description: String,
    /// In the order of the table.
    pub columns: Vec<Column>,
    /// The natural key.
    pub key: Vec<String>,
    /// What one row is.
    pub grain: Grain,
    /// What happens to owned rows that the mart no longer has.
    pub on_missing: OnMissing,
    /// The number of rows may change freely; the shrink guard looks at zero only.
    pub size_free: bool,
    /// A column that the database fills on insert; it is not in `columns`.
    pub identity: Option<String>,
    /// The reports that the table belongs to; empty for lookup tables.
    pub reports: Vec<String>,
    /// When it is refreshed, as written.
    pub schedule: Option<String>,
}

/// What one row of a table stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grain {
    /// One row per thing, as it is now.
    State,
    /// One row per thing and UTC day.
    Snapshot {
        /// The endpoint model whose pulls make the days.
        of: String,
        /// The column that holds the day.
        date: String,
    },
    /// One row per thing that happened.
    Event,
}

/// What happens to owned rows that are missing from the mart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnMissing {
    /// They are deleted.
    Delete,
    /// They stay.
    Keep,
}

/// One column of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its portable type.
    pub kind: ColumnType,
    /// Whether NULL is refused.
    pub not_null: bool,
    /// Decimal places that a DOUBLE is rounded to before it is compared and stored.
    pub round: Option<u8>,
    /// Written when the row is inserted, never compared or updated.
    pub insert_only: bool,
    /// What it means.
    pub meaning: String,
}

/// The portable types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text of at most so many code points.
    Varchar(u32),
    /// Text of any length.
    Text,
    /// 16 bits, signed.
    SmallInt,
    /// 32 bits, signed.
    Integer,
    /// 64 bits, signed.
    BigInt,
    /// 64-bit floating point; NaN and infinity are refused.
    Double,
    /// A day.
    Date,
    /// Whole seconds, UTC.
    Timestamp,
}

impl ColumnType {
    /// Parses the type at the start of `text`; gives it and the rest.
    pub(crate) fn parse(text: &str) -> Option<(Self, &str)> {
        let end = text.find(|c: char| c.is_whitespace() || c == ':').unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let kind = match word {
            "text" => Self::Text,
            "smallint" => Self::SmallInt,
            "integer" => Self::Integer,
            "bigint" => Self::BigInt,
            "double" => Self::Double,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            _ => {
                let length: u32 = word.strip_prefix("varchar(")?.strip_suffix(')')?.parse().ok()?;
                if length == 0 {
                    return None;
                }
                Self::Varchar(length)
            }
        };
        Some((kind, rest))
    }

    /// The type as DuckDB names it.
    pub fn duckdb(self) -> &'static str {
        match self {
            Self::Varchar(_) | Self::Text => "VARCHAR",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Double => "DOUBLE",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

impl std::fmt::Display for ColumnType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Varchar(length) => write!(f, "varchar({length})"),
            Self::Text => f.write_str("text"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Integer => f.write_str("integer"),
            Self::BigInt => f.write_str("bigint"),
            Self::Double => f.write_str("double"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}

impl Contract {
    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The day column of a snapshot.
    pub fn snapshot_date(&self) -> Option<&str> {
        match &self.grain {
            Grain::Snapshot { date, .. } => Some(date),
            Grain::State | Grain::Event => None,
        }
    }
}
