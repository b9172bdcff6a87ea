//! Cuts a query into the counts that say how its rows come about. Pure but for the printer.

use std::collections::BTreeMap;

use serde_json::{Value as Tree, json};

use super::{
    session::quoted,
    syntax::{Syntax, any_expression, base_table},
};
use crate::error::{Error, Kind, Result};

/// Longer conditions are cut.
const CLAUSE: usize = 160;

/// The rows of one step.
pub(super) struct Count {
    pub(super) of: String,
    pub(super) clause: String,
    pub(super) rows: Rows,
    /// The counts that it is compared with; none = it begins.
    pub(super) after: Option<Vec<usize>>,
}

/// Where a count comes from.
pub(super) enum Rows {
    /// A SELECT gives it.
    Asked(String),
    /// It is that of an earlier step.
    As(usize),
    /// It was counted before.
    Known(u64),
}

impl Rows {
    /// The SELECT, if it takes one.
    pub(super) fn sql(&self) -> Option<&str> {
        if let Self::Asked(sql) = self { Some(sql) } else { None }
    }
}

/// Built-in relations that have one row.
const SINGLE: [&str; 2] = ["run", "vars"];

/// Cuts a query into counts.
pub(super) struct Cut<'s, 'c> {
    syntax: &'s Syntax<'c>,
    /// The common table expressions, in order.
    names: Vec<String>,
    /// The last step of each of them.
    ends: BTreeMap<String, usize>,
    /// Rows of models that were counted before.
    known: BTreeMap<String, u64>,
    pub(super) counts: Vec<Count>,
}

impl<'s, 'c> Cut<'s, 'c> {
    /// `names` are those of the common table expressions, `known` the rows of models that were counted before.
    pub(super) fn new(syntax: &'s Syntax<'c>, names: Vec<String>, known: BTreeMap<String, u64>) -> Self {
        Self { syntax, names, ends: BTreeMap::new(), known, counts: Vec::new() }
    }

    fn push(&mut self, of: &str, clause: String, rows: Rows, after: Option<usize>) -> usize {
        self.counts.push(Count { of: of.to_owned(), clause, rows, after: after.map(|after| vec![after]) });
        self.counts.len() - 1
    }

    fn count(&mut self, of: &str, clause: String, node: &Tree, after: Option<usize>) -> Result<usize> {
        let sql = format!("select count(*) from ({})", self.syntax.print(node)?);
        Ok(self.push(of, clause, Rows::Asked(sql), after))
    }

    /// The steps of a common table expression; the last one counts the expression itself.
    pub(super) fn expression(&mut self, model: &str, index: usize, name: &str, node: &Tree) -> Result<()> {
        let of = format!("{model}: {name}");
        let whole = Rows::Asked(format!("select count(*) from {}", quoted(name)));
        let later: Vec<&String> = self.names.iter().skip(index).collect();
        // Such a name means something else inside of the expression than it does behind all of them.
        let hidden = any_table(node, &|schema, table| schema.is_empty() && later.iter().any(|name| *name == table));
        let last = if hidden || node["type"] == "RECURSIVE_CTE_NODE" {
            self.push(&of, if hidden { "rows" } else { "recursive" }.to_owned(), whole, None)
        } else {
            let last = self.query(node, &of)?;
            if self.counts[last].rows.sql().is_some() {
                self.counts[last].rows = whole;
            }
            last
        };
        self.ends.insert(name.to_owned(), last);
        Ok(())
    }

    /// The steps of a query; gives the last of them.
    pub(super) fn query(&mut self, node: &Tree, of: &str) -> Result<usize> {
        match node["type"].as_str() {
            Some("SELECT_NODE") => self.select(node, of),
            Some("SET_OPERATION_NODE") if node["left"].is_object() && node["right"].is_object() => {
                let parts = vec![self.query(&node["left"], &format!("{of}, part 1"))?, self.query(&node["right"], &format!("{of}, part 2"))?];
                let word = node["setop_type"].as_str().unwrap_or("UNION").to_lowercase().replace('_', " ");
                let all = if node["setop_all"] == true { " all" } else { "" };
                let last = self.count(of, format!("{word}{all}"), node, None)?;
                self.counts[last].after = Some(parts);
                Ok(last)
            }
            _ => self.count(of, "rows".to_owned(), node, None),
        }
    }

    fn select(&mut self, node: &Tree, of: &str) -> Result<usize> {
        let mut last = None;
        let mut up_to = self.syntax.select();
        for table in chain(&node["from_table"]) {
            up_to["from_table"] = table.clone();
            let clause = self.clause_of_table(table)?;
            last = Some(match (self.without_counting(table), last) {
                (Some(rows), None) => self.push(of, clause, rows, None),
                // A join with the one row there is.
                (Some(_), Some(before)) => self.push(of, clause, Rows::As(before), Some(before)),
                (None, last) => self.count(of, clause, &up_to, last)?,
            });
        }
        if node["where_clause"].is_object() {
            up_to["from_table"] = node["from_table"].clone();
            up_to["where_clause"] = node["where_clause"].clone();
            let clause = self.condition("where", &node["where_clause"])?;
            last = Some(self.count(of, clause, &up_to, last)?);
        }
        let mut body = node.clone();
        body["cte_map"] = json!({ "map": [] });
        let (having, qualify, modifiers) = (body["having"].take(), body["qualify"].take(), body["modifiers"].take());
        body["modifiers"] = json!([]);
        if let Some(word) = self.shape(node) {
            last = Some(self.count(of, word.to_owned(), &body, last)?);
        } else if last.is_none() {
            last = Some(self.count(of, "select".to_owned(), &body, None)?);
        }
        for (key, value) in [("having", having), ("qualify", qualify)] {
            if value.is_object() {
                let clause = self.condition(key, &value)?;
                body[key] = value;
                last = Some(self.count(of, clause, &body, last)?);
            }
        }
        for modifier in modifiers.as_array().into_iter().flatten() {
            body["modifiers"].as_array_mut().into_iter().for_each(|all| all.push(modifier.clone()));
            let word = match modifier["type"].as_str() {
                Some("DISTINCT_MODIFIER") => "distinct",
                Some("LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER") => "limit",
                _ => continue,
            };
            last = Some(self.count(of, word.to_owned(), &body, last)?);
        }
        last.ok_or_else(|| Error::new(Kind::Internal, "a query without steps"))
    }

    /// The rows of a first table, or of a join that changes nothing, where they need not be counted.
    fn without_counting(&self, table: &Tree) -> Option<Rows> {
        if table["type"] == "JOIN" {
            let (schema, name) = base_table(&table["right"])?;
            let single = schema.is_empty() && SINGLE.contains(&name.as_str()) && self.syntax.is_cross_join(table);
            return single.then_some(Rows::Known(1));
        }
        let (schema, name) = base_table(table)?;
        if !schema.is_empty() {
            return None;
        }
        match self.ends.get(&name) {
            Some(end) => Some(Rows::As(*end)),
            None if self.names.contains(&name) => None,
            None if SINGLE.contains(&name.as_str()) => Some(Rows::Known(1)),
            None => self.known.get(&name).copied().map(Rows::Known),
        }
    }

    /// What the select list does to the number of rows, if it can do anything.
    fn shape(&self, node: &Tree) -> Option<&'static str> {
        if self.syntax.is_grouped(node) {
            return Some("group by");
        }
        let unnests = |value: &Tree| value["function_name"].as_str().is_some_and(|name| ["unnest", "unlist"].contains(&name.to_lowercase().as_str()));
        any_expression(&node["select_list"], &unnests).then_some("unnest")
    }

    fn clause_of_table(&self, table: &Tree) -> Result<String> {
        if table["type"] != "JOIN" {
            return Ok(format!("from {}", relation(table)));
        }
        let right = relation(&table["right"]);
        if self.syntax.is_cross_join(table) {
            return Ok(format!("cross join {right}"));
        }
        let kind = match table["join_type"].as_str() {
            Some("INNER") | None => "join".to_owned(),
            Some("OUTER") => "full join".to_owned(),
            Some(kind) => format!("{} join", kind.to_lowercase()),
        };
        if table["condition"].is_object() {
            self.condition(&format!("{kind} {right} on"), &table["condition"])
        } else {
            Ok(format!("{kind} {right}"))
        }
    }

    fn condition(&self, word: &str, condition: &Tree) -> Result<String> {
        let text = self.syntax.print_expression(condition)?;
        let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).filter(|inner| is_balanced(inner)).unwrap_or(&text).to_owned();
        let line = format!("{word} {}", text.split_whitespace().collect::<Vec<_>>().join(" "));
        Ok(match line.char_indices().nth(CLAUSE) {
            None => line,
            Some((end, _)) => format!("{}…", &line[..end]),
        })
    }
}

/// Whether no parenthesis closes before it was opened.
fn is_balanced(text: &str) -> bool {
    let mut depth = 0;
    text.chars().all(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth >= 0
    })
}

/// The tables of a FROM clause from the first one on, each with all before it.
fn chain(table: &Tree) -> Vec<&Tree> {
    match table["type"].as_str() {
        Some("JOIN") => {
            let mut before = chain(&table["left"]);
            before.push(table);
            before
        }
        None | Some("EMPTY") => Vec::new(),
        Some(_) => vec![table],
    }
}

fn relation(table: &Tree) -> String {
    match (base_table(table), table["type"].as_str()) {
        (Some((schema, name)), _) if schema.is_empty() => name,
        (Some((schema, name)), _) => format!("{schema}.{name}"),
        (None, Some("TABLE_FUNCTION")) => format!("{}(…)", table["function"]["function_name"].as_str().unwrap_or("a function")),
        (None, Some("SUBQUERY")) => match table["alias"].as_str() {
            Some(alias) if !alias.is_empty() => format!("({alias})"),
            _ => "(a query)".to_owned(),
        },
        _ => "(…)".to_owned(),
    }
}

fn any_table(value: &Tree, test: &dyn Fn(&str, &str) -> bool) -> bool {
    match value {
        Tree::Array(items) => items.iter().any(|item| any_table(item, test)),
        Tree::Object(fields) => {
            base_table(value).is_some_and(|(schema, name)| test(&schema, &name)) || fields.values().any(|field| any_table(field, test))
        }
        _ => false,
    }
}
