//! How the rows of a model come about: the count after every clause of its query, in one statement.
//!
//! The clauses are cut out of the query's own tree, so no model needs code of its own. A count after a clause is a
//! count of the query up to there; common table expressions are computed once.

use std::collections::BTreeSet;

use serde_json::{Value as Tree, json};

use super::{
    moment::Moment,
    query,
    row::Value,
    session::quoted,
    syntax::{Syntax, any_expression, base_table, ctes},
};
use crate::{
    catalog::{Model, ModelKind, Node},
    error::{Error, Kind, Result},
    lake::Step,
};

/// Longer conditions are cut.
const CLAUSE: usize = 160;

impl Moment<'_> {
    /// The rows after each clause of the model's query, and of the intermediate models that it reads, those first.
    ///
    /// # Errors
    /// [`Kind::Sql`] if the query, taken apart, does not run.
    pub fn steps(&self, model: &Model) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        self.collect(model, &mut BTreeSet::new(), &mut steps)?;
        Ok(steps)
    }

    fn collect(&self, model: &Model, seen: &mut BTreeSet<String>, steps: &mut Vec<Step>) -> Result<()> {
        let node = Node::Model(model.name.clone());
        let references = self.engine().graph().references(&node);
        for reference in references.iter().filter(|reference| reference.schema.is_none()) {
            let below = self.engine().project().model(&reference.name).filter(|below| below.kind == ModelKind::Intermediate);
            if let Some(below) = below.filter(|below| seen.insert(below.name.clone())) {
                self.collect(below, seen, steps)?;
            }
        }
        let Some(tree) = self.engine().tree(&model.name) else { return Ok(()) };
        self.require(references)?;
        let syntax = Syntax::of(self.session())?;
        let mut query = tree["statements"][0]["node"].clone();
        syntax.spell_out_cross_joins(&mut query);
        let mut cut = Cut { syntax: &syntax, names: ctes(&query).map(|(name, _)| name).collect(), counts: Vec::new() };
        for (index, (name, query)) in ctes(&query).enumerate() {
            cut.expression(&model.name, index, &name, query)?;
        }
        let mut body = query.clone();
        body["cte_map"] = json!({ "map": [] });
        cut.query(&body, &model.name)?;
        let counts: Vec<String> = cut.counts.iter().map(|count| format!("({})", count.sql)).collect();
        let sql = format!("{}select {}", prelude(&syntax, &query)?, counts.join(", "));
        let row = query::rows(self.session(), &sql)?.pop().unwrap_or_default();
        let rows: Vec<u64> = row.iter().map(|(_, value)| if let Value::Int(rows) = value { rows.cast_unsigned() } else { 0 }).collect();
        if rows.len() != cut.counts.len() {
            return Err(Error::new(Kind::Internal, format!("{} counts of {} steps", rows.len(), cut.counts.len())));
        }
        for (count, own) in cut.counts.into_iter().zip(&rows) {
            let before = count.after.map(|before| before.iter().filter_map(|index| rows.get(*index)).sum::<u64>());
            let change = before.map(|before| own.cast_signed() - before.cast_signed());
            steps.push(Step { of: count.of, clause: count.clause, rows: *own, change });
        }
        Ok(())
    }
}

/// The common table expressions, each computed once, in front of a SELECT.
fn prelude(syntax: &Syntax<'_>, query: &Tree) -> Result<String> {
    let mut select = syntax.select();
    select["cte_map"] = query["cte_map"].clone();
    for entry in select["cte_map"]["map"].as_array_mut().into_iter().flatten() {
        if entry["value"]["query"]["node"]["type"] != "RECURSIVE_CTE_NODE" {
            entry["value"]["materialized"] = json!("CTE_MATERIALIZE_ALWAYS");
        }
    }
    let text = syntax.print(&select)?;
    Ok(text.strip_suffix("SELECT 1").map(|head| format!("{head} ")).unwrap_or_default())
}

/// One count to be made.
struct Count {
    of: String,
    clause: String,
    sql: String,
    /// The counts that it is compared with; none = it begins.
    after: Option<Vec<usize>>,
}

/// Cuts a query into counts.
struct Cut<'s, 'c> {
    syntax: &'s Syntax<'c>,
    /// The common table expressions, in order.
    names: Vec<String>,
    counts: Vec<Count>,
}

impl Cut<'_, '_> {
    fn push(&mut self, of: &str, clause: String, sql: String, after: Option<Vec<usize>>) -> usize {
        self.counts.push(Count { of: of.to_owned(), clause, sql, after });
        self.counts.len() - 1
    }

    fn count(&mut self, of: &str, clause: String, node: &Tree, after: Option<Vec<usize>>) -> Result<usize> {
        let sql = format!("select count(*) from ({})", self.syntax.print(node)?);
        Ok(self.push(of, clause, sql, after))
    }

    /// The steps of a common table expression; the last one counts the expression itself.
    fn expression(&mut self, model: &str, index: usize, name: &str, node: &Tree) -> Result<()> {
        let of = format!("{model}: {name}");
        let whole = format!("select count(*) from {}", quoted(name));
        let later: Vec<&String> = self.names.iter().skip(index).collect();
        // Such a name means something else inside of the expression than it does behind all of them.
        let hidden = any_table(node, &|schema, table| schema.is_empty() && later.iter().any(|name| *name == table));
        if hidden || node["type"] == "RECURSIVE_CTE_NODE" {
            self.push(&of, if hidden { "rows" } else { "recursive" }.to_owned(), whole, None);
            return Ok(());
        }
        let last = self.query(node, &of)?;
        self.counts[last].sql = whole;
        Ok(())
    }

    /// The steps of a query; gives the last of them.
    fn query(&mut self, node: &Tree, of: &str) -> Result<usize> {
        match node["type"].as_str() {
            Some("SELECT_NODE") => self.select(node, of),
            Some("SET_OPERATION_NODE") => {
                let mut parts = Vec::new();
                for (number, side) in ["left", "right"].iter().enumerate() {
                    if !node[*side].is_object() {
                        return self.count(of, "rows".to_owned(), node, None);
                    }
                    parts.push(self.query(&node[*side], &format!("{of}, part {}", number + 1))?);
                }
                let word = node["setop_type"].as_str().unwrap_or("UNION").to_lowercase().replace('_', " ");
                let all = if node["setop_all"] == true { " all" } else { "" };
                self.count(of, format!("{word}{all}"), node, Some(parts))
            }
            _ => self.count(of, "rows".to_owned(), node, None),
        }
    }

    fn select(&mut self, node: &Tree, of: &str) -> Result<usize> {
        let mut last = None;
        let mut up_to = self.syntax.select();
        for table in chain(&node["from_table"]) {
            up_to["from_table"] = table.clone();
            let clause = self.from_clause(table)?;
            last = Some(self.count(of, clause, &up_to, last.map(|last| vec![last]))?);
        }
        if node["where_clause"].is_object() {
            up_to["from_table"] = node["from_table"].clone();
            up_to["where_clause"] = node["where_clause"].clone();
            let clause = self.condition("where", &node["where_clause"])?;
            last = Some(self.count(of, clause, &up_to, last.map(|last| vec![last]))?);
        }
        let mut body = node.clone();
        body["cte_map"] = json!({ "map": [] });
        let (having, qualify, modifiers) = (body["having"].take(), body["qualify"].take(), body["modifiers"].take());
        body["modifiers"] = json!([]);
        last = Some(self.count(of, self.shape(node), &body, last.map(|last| vec![last]))?);
        for (key, word, value) in [("having", "having", having), ("qualify", "qualify", qualify)] {
            if value.is_object() {
                let clause = self.condition(word, &value)?;
                body[key] = value;
                last = Some(self.count(of, clause, &body, last.map(|last| vec![last]))?);
            }
        }
        for modifier in modifiers.as_array().into_iter().flatten() {
            let word = match modifier["type"].as_str() {
                Some("DISTINCT_MODIFIER") => "distinct",
                Some("LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER") => "limit",
                _ => "",
            };
            body["modifiers"].as_array_mut().into_iter().for_each(|all| all.push(modifier.clone()));
            if !word.is_empty() {
                last = Some(self.count(of, word.to_owned(), &body, last.map(|last| vec![last]))?);
            }
        }
        last.ok_or_else(|| Error::new(Kind::Internal, "a query without steps"))
    }

    /// What the select list does to the number of rows.
    fn shape(&self, node: &Tree) -> String {
        let unnests = any_expression(&node["select_list"], &|value| value["function_name"] == "unnest" || value["function_name"] == "UNNEST");
        let groups = node["group_expressions"].as_array().is_some_and(|groups| !groups.is_empty()) || node["aggregate_handling"] == "FORCE_AGGREGATES";
        match (unnests, groups) {
            (true, _) => "unnest",
            (false, true) => "group by",
            (false, false) => "select",
        }
        .to_owned()
    }

    fn from_clause(&self, table: &Tree) -> Result<String> {
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
        if table["condition"].is_object() { self.condition(&format!("{kind} {right} on"), &table["condition"]) } else { Ok(format!("{kind} {right}")) }
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
