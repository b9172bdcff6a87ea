//! The parameters of a bug search: filters, charts, limits.

use chrono::{DateTime, NaiveDate};

use super::{
    super::{fault::Paging, json::Value, query::Query},
    Refusal,
    bug::Bug,
};

/// More bugs than this never come in one answer; the server lowers the limit without a word.
const CAP: usize = 10_000;

/// A search for bugs.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// Only bugs with these ids.
    pub(super) ids: Option<Vec<u64>>,
    /// Fields to show; empty for all.
    pub(super) include: Vec<String>,
    /// Whether bugs come in the order of their ids.
    pub(super) by_id: bool,
    pub(super) count_only: bool,
    /// Only bugs with a greater id: the chart with which a reader pages by key.
    pub(super) after: Option<u64>,
    rules: Vec<Rule>,
    changed_since: Option<i64>,
    created_since: Option<i64>,
    limit: usize,
    offset: usize,
}

/// A condition on one field.
#[derive(Clone, Debug)]
struct Rule {
    field: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equals,
    NotEquals,
    Substring,
    AnyWordsSubstring,
    AnyWords,
    AllWords,
    AnyExact,
    GreaterThan,
    LessThan,
}

/// Search fields besides those that a bug shows under the same name.
const ALIASES: [(&str, &str); 6] = [
    ("bug_status", "status"),
    ("bug_severity", "severity"),
    ("bug_type", "type"),
    ("short_desc", "summary"),
    ("status_whiteboard", "whiteboard"),
    ("flagtypes.name", "flags"),
];
const SEARCHABLE: [&str; 13] = [
    "product",
    "component",
    "status",
    "resolution",
    "severity",
    "priority",
    "type",
    "summary",
    "whiteboard",
    "keywords",
    "creator",
    "assigned_to",
    "flags",
];

impl Search {
    /// Reads the parameters; refuses what Bugzilla refuses, and parameters the simulator does not know, so that a misspelt
    /// filter does not pass for one that matches everything.
    pub(super) fn parse(query: &Query) -> Result<Self, Refusal> {
        let mut search = Self { include: query.words("include_fields"), ..Self::default() };
        let mut terms = 0;
        for (name, value) in query.iter() {
            match name {
                "include_fields" | "limit" | "offset" => continue,
                "order" => search.by_id = value == "bug_id",
                "count_only" => search.count_only = value == "1",
                "id" | "bug_id" => {
                    let ids = value.split(',').filter(|id| !id.trim().is_empty()).map(number);
                    search.ids.get_or_insert_default().extend(ids.collect::<Result<Vec<_>, _>>()?);
                    terms += 1;
                }
                "last_change_time" | "creation_time" => {
                    if query.all(name).count() > 1 {
                        return Err(Refusal::new(53, format!("{name} must not be an array")));
                    }
                    let since = Some(seconds(name, value)?);
                    match name {
                        "creation_time" => search.created_since = since,
                        _ => search.changed_since = since,
                    }
                    terms += 1;
                }
                _ if chart(name).is_some() => {}
                _ if name.ends_with("_type") && query.get(name.trim_end_matches("_type")).is_some() => {}
                _ => {
                    search.add(name, query)?;
                    terms += 1;
                }
            }
        }
        let charts = search.add_charts(query)?;
        if terms + charts == 0 {
            return Err(Refusal::new(32000, "You may not search, or create saved searches, without any search terms."));
        }
        search.read_limits(query)?;
        Ok(search)
    }

    fn read_limits(&mut self, query: &Query) -> Result<(), Refusal> {
        let read = |name: &str| query.get(name).map(number).transpose();
        let (limit, offset) = (read("limit")?, read("offset")?);
        if offset.is_some() && limit.is_none() {
            return Err(Refusal::new(50, "The function Bug.search requires a limit argument, and that argument was not set."));
        }
        self.offset = offset.map_or(0, |offset| offset as usize);
        self.limit = limit.map_or(CAP, |limit| limit as usize);
        if self.limit == 0 {
            self.offset = 0;
        }
        if self.limit == 0 || self.limit > CAP {
            self.limit = CAP;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, query: &Query) -> Result<(), Refusal> {
        let field = field(name).ok_or_else(|| Refusal::new(32000, format!("unknown search parameter `{name}`")))?;
        let words = if field == "keywords" { Operator::AnyWords } else { Operator::Equals };
        let operator = query.get(&format!("{name}_type")).map_or(Ok(words), operator)?;
        let values = query.all(name).map(str::to_owned).collect();
        self.rules.push(Rule { field: field.to_owned(), operator, values });
        Ok(())
    }

    /// Adds the charts `f1`, `o1`, `v1` and so on, and returns how many there are.
    fn add_charts(&mut self, query: &Query) -> Result<usize, Refusal> {
        let highest = query.iter().filter_map(|(name, _)| chart(name)).max().unwrap_or(0);
        for number in 1..=highest {
            let part = |kind: char| query.get(&format!("{kind}{number}"));
            let (Some(name), Some(kind)) = (part('f'), part('o')) else {
                return Err(Refusal::new(32000, format!("chart {number} is missing or has no operator: number charts without gaps")));
            };
            let field = if name == "bug_id" { Some("id") } else { field(name) };
            let field = field.ok_or_else(|| Refusal::new(32000, format!("Can't use {name} as a field name.")))?;
            let rule = Rule { field: field.to_owned(), operator: operator(kind)?, values: vec![part('v').unwrap_or("").to_owned()] };
            if field == "id" {
                let id = self::number(&rule.values[0])?;
                if rule.operator == Operator::GreaterThan {
                    self.after = self.after.max(Some(id));
                    continue;
                }
            }
            self.rules.push(rule);
        }
        Ok(highest)
    }

    /// Whether what is said about ids admits this one, `after` aside.
    pub(super) fn wants_id(&self, id: u64) -> bool {
        let listed = self.ids.as_ref().is_none_or(|ids| ids.contains(&id));
        listed && self.rules.iter().filter(|rule| rule.field == "id").all(|rule| rule.holds(&id.to_string()))
    }

    /// Whether what is said about times admits a bug.
    pub(super) fn admits_times(&self, changed_on: i64, created_on: i64) -> bool {
        self.changed_since.is_none_or(|since| changed_on >= since) && self.created_since.is_none_or(|since| created_on >= since)
    }

    /// Whether what is said about one field admits a value.
    pub(super) fn admits(&self, field: &str, value: &str) -> bool {
        self.rules.iter().filter(|rule| rule.field == field).all(|rule| rule.holds(value))
    }

    /// Whether a bug answers every condition.
    pub(super) fn matches(&self, bug: &Bug<'_>) -> bool {
        if !self.wants_id(bug.id)
            || !self.admits_times(bug.story.changed_on(), bug.story.created_on)
            || !self.admits("product", bug.product())
            || !self.admits("cf_qa_whiteboard", &bug.state("cf_qa_whiteboard"))
        {
            return false;
        }
        // To write the whole record takes a while, and most searches are about these two fields.
        let looked_at = ["id", "product", "cf_qa_whiteboard"];
        let mut rules = self.rules.iter().filter(|rule| !looked_at.contains(&rule.field.as_str())).peekable();
        if rules.peek().is_none() {
            return true;
        }
        let record = bug.record();
        rules.all(|rule| {
            let value = record.iter().find(|(name, _)| *name == rule.field).map(|(_, value)| value);
            rule.holds(&plain(value))
        })
    }

    /// Which of the bugs that match, by their place among `ids`, one answer holds. `ids` still has those up to `after`.
    pub(super) fn page(&self, ids: &[u64], paging: Paging) -> Vec<usize> {
        let first = self.after.map_or(self.offset, |after| ids.iter().filter(|id| **id <= after).count());
        let unread = ids.iter().enumerate().filter(|(_, id)| self.after.is_none_or(|after| **id > after));
        match paging {
            Paging::Endless => (0..ids.len().min(self.limit)).collect(),
            Paging::Repeated if first > 0 => (first.saturating_sub(self.limit)..first.min(ids.len())).collect(),
            Paging::Capped(most) => unread.map(|(place, _)| place).skip(self.offset).take(self.limit.min(most as usize)).collect(),
            _ => unread.map(|(place, _)| place).skip(self.offset).take(self.limit).collect(),
        }
    }

    /// How many of the bugs that match come after `after`.
    pub(super) fn count(&self, ids: &[u64]) -> usize {
        ids.iter().filter(|id| self.after.is_none_or(|after| **id > after)).count()
    }
}

impl Rule {
    fn holds(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let number = || text.parse::<i64>().ok();
        let any = |test: &dyn Fn(&str) -> bool| self.values.iter().any(|value| test(&value.trim().to_lowercase()));
        match self.operator {
            Operator::Equals => any(&|value| text == value),
            Operator::NotEquals => !any(&|value| text == value),
            Operator::Substring => any(&|value| text.contains(value)),
            Operator::AnyWordsSubstring => any(&|value| value.split([' ', ',']).any(|word| !word.is_empty() && text.contains(word))),
            Operator::AnyWords => any(&|value| value.split([' ', ',']).any(|word| text.split(", ").any(|own| own == word))),
            Operator::AllWords => {
                any(&|value| value.split([' ', ',']).filter(|word| !word.is_empty()).all(|word| text.split(", ").any(|own| own == word)))
            }
            Operator::AnyExact => any(&|value| value.split(',').any(|word| word.trim() == text)),
            Operator::GreaterThan => any(&|value| number() > value.parse().ok()),
            Operator::LessThan => any(&|value| number() < value.parse().ok()),
        }
    }
}

fn field(name: &str) -> Option<&str> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, field)| field);
    (SEARCHABLE.contains(&name) || name.starts_with("cf_")).then_some(name)
}

fn operator(name: &str) -> Result<Operator, Refusal> {
    Ok(match name {
        "equals" => Operator::Equals,
        "notequals" => Operator::NotEquals,
        "substring" => Operator::Substring,
        "anywordssubstr" => Operator::AnyWordsSubstring,
        "allwords" => Operator::AllWords,
        "anyexact" => Operator::AnyExact,
        "anywords" => Operator::AnyWords,
        "greaterthan" => Operator::GreaterThan,
        "lessthan" => Operator::LessThan,
        _ => return Err(Refusal::new(32000, format!("unknown search operator `{name}`"))),
    })
}

/// The number of a chart parameter: 2 for `f2`, `o2` and `v2`.
fn chart(name: &str) -> Option<usize> {
    name.strip_prefix(['f', 'o', 'v'])?.parse().ok()
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.trim().parse().map_err(|_| Refusal::new(52, format!("'{text}' is not a valid number.")))
}

/// Seconds of `2025-01-02T03:04:05Z` or `2025-01-02`.
fn seconds(name: &str, text: &str) -> Result<i64, Refusal> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp());
    let date = || text.parse::<NaiveDate>().map(|date| date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp());
    time.or_else(|_| date()).map_err(|_| Refusal::new(32000, format!("'{text}' is not a legal date ({name}).")))
}

fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::Text(text) | Value::Escaped(text, _)) => text.clone().into_owned(),
        Some(Value::Int(number)) => number.to_string(),
        // A flag is found by its name and status, as it is written: `qe-verify+`.
        Some(Value::Object(members)) => {
            let part = |wanted: &str| plain(members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value));
            part("name") + &part("status")
        }
        Some(Value::List(items)) => items.iter().map(|item| plain(Some(item))).collect::<Vec<_>>().join(", "),
        _ => String::new(),
    }
}
