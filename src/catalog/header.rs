//! The comment header of a model or seed: `-- key: value` lines at its top, and the contract's columns.

use super::{
    contract::{Column, ColumnType, Contract, Grain, OnMissing},
    schedule::parse_schedule,
};
use crate::names;

/// The parsed header. Every field is optional here; the model's kind decides what it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub description: String,
    pub reports: Vec<String>,
    pub schedule: Option<String>,
    pub grain: Option<String>,
    pub snapshot_of: Option<String>,
    pub snapshot_date: Option<String>,
    pub on_missing: Option<String>,
    pub size: Option<String>,
    pub key: Vec<String>,
    pub identity: Option<String>,
    /// `table: no` marks a seed that is no destination table.
    pub table: Option<String>,
    pub severity: Option<String>,
    pub columns: Vec<Column>,
    /// Lines that the header takes.
    pub lines: usize,
}

const KEYS: [&str; 14] = [
    "description",
    "source",
    "report",
    "schedule",
    "grain",
    "snapshot of",
    "snapshot date",
    "on missing",
    "size",
    "key",
    "identity",
    "table",
    "severity",
    "columns",
];

/// Parses the header whose lines start with `mark` (`--` or `#`). The error is (line, what is wrong).
pub(super) fn parse(text: &str, mark: &str) -> Result<Header, (usize, String)> {
    let mut header = Header::default();
    let mut current = String::new();
    for (index, line) in text.lines().enumerate() {
        let Some(comment) = line.strip_prefix(mark) else { break };
        let number = index + 1;
        header.lines = number;
        let body = comment.strip_prefix(' ').unwrap_or(comment);
        let indented = body.starts_with(' ');
        let body = body.trim();
        if body.is_empty() {
            current.clear();
            continue;
        }
        if indented {
            match current.as_str() {
                "columns" => header.columns.push(column(body).map_err(|what| (number, what))?),
                "description" => {
                    header.description.push(' ');
                    header.description.push_str(body);
                }
                "" => {}
                other => return Err((number, format!("`{other}` takes one line"))),
            }
            continue;
        }
        let Some((key, value)) = body.split_once(':') else {
            return Err((number, format!("`{body}` is no `key: value` line; indent a continued text by two blanks")));
        };
        if !KEYS.contains(&key) {
            return Err((number, format!("unknown header line `{key}`{}", names::did_you_mean(key, KEYS))));
        }
        current = key.to_owned();
        set(&mut header, key, value.trim());
    }
    Ok(header)
}

fn set(header: &mut Header, key: &str, value: &str) {
    let text = || Some(value.to_owned());
    let list = || value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
    match key {
        "description" => header.description = value.to_owned(),
        "report" => header.reports = list(),
        "schedule" => header.schedule = text(),
        "grain" => header.grain = text(),
        "snapshot of" => header.snapshot_of = text(),
        "snapshot date" => header.snapshot_date = text(),
        "on missing" => header.on_missing = text(),
        "size" => header.size = text(),
        "key" => header.key = list(),
        "identity" => header.identity = text(),
        "table" => header.table = text(),
        "severity" => header.severity = text(),
        // `source` and `columns` carry nothing of their own on their line.
        _ => {}
    }
}

/// Parses `name type [not null] [round n] [insert_only]: meaning`.
fn column(line: &str) -> Result<Column, String> {
    let form = "a column line is `name type [not null] [round n] [insert_only]: meaning`";
    let (declaration, meaning) = line.split_once(':').unwrap_or((line, ""));
    let (name, rest) = declaration.trim().split_once(char::is_whitespace).ok_or_else(|| format!("`{line}`: {form}"))?;
    if !names::is_identifier(name) {
        return Err(format!("`{name}` is no valid column name (a-z, 0-9 and _)"));
    }
    let Some((kind, rest)) = ColumnType::parse(rest.trim_start()) else {
        return Err(format!(
            "`{name}`: unknown type in `{}`; known are varchar(n), text, smallint, integer, bigint, double, date, timestamp",
            rest.trim()
        ));
    };
    let mut column = Column { name: name.to_owned(), kind, not_null: false, round: None, insert_only: false, meaning: meaning.trim().to_owned() };
    let mut words = rest.split_whitespace();
    while let Some(word) = words.next() {
        match (word, &column.kind) {
            ("not", _) if words.next() == Some("null") => column.not_null = true,
            ("insert_only", _) => column.insert_only = true,
            ("round", ColumnType::Double) => {
                let places = words.next().and_then(|places| places.parse().ok()).filter(|places| *places <= 15);
                column.round = Some(places.ok_or_else(|| format!("`{name}`: `round` needs a number of places up to 15"))?);
            }
            ("round", _) => return Err(format!("`{name}`: only a double can be rounded")),
            (other, _) => return Err(format!("`{name}`: unknown word `{other}`; {form}")),
        }
    }
    Ok(column)
}

impl Header {
    /// The contract of the table `table`. The error says what is missing or does not fit.
    pub(super) fn contract(&self, table: &str) -> Result<Contract, String> {
        if self.columns.is_empty() {
            return Err("the header has no `columns`".to_owned());
        }
        if self.key.is_empty() {
            return Err("the header has no `key`".to_owned());
        }
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        for (index, column) in self.columns.iter().enumerate() {
            if self.columns[..index].iter().any(|other| other.name == column.name) {
                return Err(format!("column `{}` is there twice", column.name));
            }
        }
        for key in &self.key {
            match self.columns.iter().find(|column| column.name == *key) {
                None => return Err(format!("key column `{key}` is not among the columns")),
                Some(column) if !column.not_null => return Err(format!("key column `{key}` must be `not null`")),
                Some(column) if column.insert_only => return Err(format!("key column `{key}` cannot be `insert_only`")),
                Some(_) => {}
            }
        }
        let grain = match (self.grain.as_deref(), &self.snapshot_of) {
            (None | Some("state"), None) => Grain::State,
            (Some("event"), None) => Grain::Event,
            (Some("snapshot"), Some(of)) => {
                let date = self.snapshot_date.clone().unwrap_or_else(|| "snapshot_date".to_owned());
                match self.columns.iter().find(|column| column.name == date) {
                    Some(column) if column.kind == ColumnType::Date && self.key.contains(&date) => {}
                    _ => return Err(format!("a snapshot needs the date column `{date}` in its key")),
                }
                Grain::Snapshot { of: of.clone(), date }
            }
            (Some("snapshot"), None) => return Err("grain snapshot needs `snapshot of`".to_owned()),
            (_, Some(_)) => return Err("`snapshot of` goes with `grain: snapshot` only".to_owned()),
            (Some(other), None) => return Err(format!("unknown grain `{other}`; known are state, snapshot, event")),
        };
        let on_missing = match self.on_missing.as_deref() {
            None | Some("delete") => OnMissing::Delete,
            Some("keep") => OnMissing::Keep,
            Some(other) => return Err(format!("unknown `on missing: {other}`; known are delete, keep")),
        };
        let size_free = match self.size.as_deref() {
            None => false,
            Some("free") => true,
            Some(other) => return Err(format!("unknown `size: {other}`; known is free")),
        };
        if let Some(schedule) = &self.schedule {
            parse_schedule(schedule)?;
        }
        if let Some(identity) = self.identity.as_deref().filter(|identity| has(identity) || !names::is_identifier(identity)) {
            return Err(format!("`identity: {identity}` must be a valid name that is not among the columns"));
        }
        Ok(Contract {
            table: table.to_owned(),
            description: self.description.clone(),
            columns: self.columns.clone(),
            key: self.key.clone(),
            grain,
            on_missing,
            size_free,
            identity: self.identity.clone(),
            reports: self.reports.clone(),
            schedule: self.schedule.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-- description: Plans.\n--   More of it.\n-- report: a, b\n-- grain: state\n-- key: id\n-- columns:\n--   id integer not null: plan id\n--   rate double round 6: mean\n--   created_at timestamp not null insert_only: first seen\nselect 1\n-- not: header\n";

    #[test]
    fn reads_a_contract() {
        let header = parse(GOOD, "--").unwrap();
        assert_eq!(header.lines, 9);
        let contract = header.contract("plans").unwrap();
        assert_eq!(contract.description, "Plans. More of it.");
        assert_eq!(contract.reports, ["a", "b"]);
        assert_eq!(contract.columns[1].round, Some(6));
        assert!(contract.columns[2].insert_only && contract.columns[2].not_null);
    }

    #[test]
    fn names_line_and_fault() {
        for (from, to, part) in [
            ("-- grain: state", "-- grian: state", "did you mean `grain`"),
            ("integer not null", "integre not null", "unknown type"),
            ("round 6", "round x", "number of places"),
            ("not null insert_only", "not nul insert_only", "unknown word"),
        ] {
            let error = parse(&GOOD.replace(from, to), "--").unwrap_err();
            assert!(error.1.contains(part), "{error:?}");
        }
    }

    #[test]
    fn refuses_contracts_that_cannot_hold() {
        for (from, to, part) in [
            ("-- key: id", "-- key: nope", "not among the columns"),
            ("id integer not null", "id integer", "must be `not null`"),
            ("grain: state", "grain: snapshot", "needs `snapshot of`"),
            ("-- grain", "-- schedule: dayly\n-- grain", "`dayly` is not a valid schedule"),
        ] {
            let error = parse(&GOOD.replace(from, to), "--").unwrap().contract("t").unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
