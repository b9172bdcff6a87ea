//! Which landed records a row of a mart comes from. The query is rewritten so that every row carries the marks of the
//! records that it was made of, through joins, groups and unions; no model needs code of its own.
//!
//! What only decides whether a row is there (conditions, semi joins, subqueries in a WHERE) leaves no mark.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Tree, json};

use super::{
    moment::Moment,
    session::{literal, quoted},
    syntax::{Syntax, base_table},
};
use crate::{
    catalog::{Model, ModelKind, Node, Reference},
    error::{Error, Kind, Result},
};

/// The column with the marks; no model may have it.
const MARKS: &str = "_why";

/// Type of a list of marks.
const NO_MARKS: &str = "[]::struct(endpoint varchar, pull_id varchar, request_no integer, record_no integer)[]";

/// A query that gives the records behind some rows.
pub struct Trail {
    /// A SELECT of `endpoint`, `pull_id`, `request_no`, `record_no`: distinct and ordered.
    pub sql: String,
    /// The relations that it needs.
    pub references: Vec<Reference>,
}

impl Moment<'_> {
    /// The query for the records behind the rows of `model` whose key columns are written like these texts; none where no part
    /// of the model's query leads to records (a seed).
    ///
    /// # Errors
    /// [`Kind::Config`] if a query cannot be followed.
    pub fn trail(&self, model: &Model, key: &[(String, String)]) -> Result<Option<Trail>> {
        let mut order: Vec<&Model> = Vec::new();
        self.below(model, &mut order);
        let syntax = Syntax::of(self.session())?;
        let mut marked = BTreeSet::new();
        let mut queries: Vec<(String, String)> = Vec::new();
        let mut references: BTreeSet<Reference> = BTreeSet::new();
        for model in order {
            let Some(tree) = self.engine().tree(&model.name) else { continue };
            let mut query = tree["statements"][0]["node"].clone();
            syntax.spell_out_cross_joins(&mut query);
            let marking = Marking { syntax: &syntax };
            if marking.query(&mut query, &marked)? {
                marked.insert(model.name.clone());
            }
            queries.push((model.name.clone(), syntax.print(&query)?));
            references.extend(self.engine().graph().references(&Node::Model(model.name.clone())).iter().cloned());
        }
        if !marked.contains(&model.name) {
            return Ok(None);
        }
        references.retain(|reference| reference.schema.is_some() || !queries.iter().any(|(name, _)| *name == reference.name));
        let (_, last) = queries.pop().unwrap_or_default();
        let with: Vec<String> = queries.iter().map(|(name, text)| format!("{} as ({text})", quoted(name))).collect();
        let with = if with.is_empty() { String::new() } else { format!("with recursive {} ", with.join(", ")) };
        let terms: Vec<String> = key.iter().map(|(column, text)| format!("{}::varchar = {}", quoted(column), literal(text))).collect();
        let condition = if terms.is_empty() { "true".to_owned() } else { terms.join(" and ") };
        let sql = format!(
            "{with}select distinct mark.endpoint as endpoint, mark.pull_id as pull_id, mark.request_no as request_no, mark.record_no as record_no \
             from (select unnest({MARKS}) as mark from ({last}) where {condition}) where mark.pull_id is not null order by all"
        );
        Ok(Some(Trail { sql, references: references.into_iter().collect() }))
    }

    /// Intermediate models and marts below a model, each after what it reads, itself last.
    fn below<'m>(&'m self, model: &'m Model, order: &mut Vec<&'m Model>) {
        for reference in self.engine().graph().references(&Node::Model(model.name.clone())).iter().filter(|reference| reference.schema.is_none()) {
            let read = self.engine().project().model(&reference.name);
            let read = read.filter(|read| matches!(read.kind, ModelKind::Intermediate | ModelKind::Mart));
            if let Some(read) = read.filter(|read| !order.iter().any(|known| known.name == read.name)) {
                self.below(read, order);
            }
        }
        order.push(model);
    }
}

/// Adds the marks to trees.
struct Marking<'s, 'c> {
    syntax: &'s Syntax<'c>,
}

impl Marking<'_, '_> {
    /// Adds the marks to a query; `marked` are the relations whose rows have them. False: nothing in it leads to records.
    fn query(&self, node: &mut Tree, marked: &BTreeSet<String>) -> Result<bool> {
        let mut visible = marked.clone();
        for entry in node["cte_map"]["map"].as_array_mut().into_iter().flatten() {
            let name = entry["key"].as_str().unwrap_or_default().to_lowercase();
            if self.query(&mut entry["value"]["query"]["node"], &visible)? {
                visible.insert(name);
            } else {
                visible.remove(&name);
            }
        }
        match node["type"].as_str() {
            Some("SELECT_NODE") => self.select(node, &visible),
            Some("SET_OPERATION_NODE") => self.both(node, &visible),
            Some("RECURSIVE_CTE_NODE") => {
                if !self.query(&mut node["left"], &visible)? {
                    return Ok(false);
                }
                let own = node["cte_name"].as_str().unwrap_or_default().to_lowercase();
                visible.insert(own);
                self.query(&mut node["right"], &visible)
            }
            _ => Ok(false),
        }
    }

    fn both(&self, node: &mut Tree, visible: &BTreeSet<String>) -> Result<bool> {
        let (left, right) = (self.query(&mut node["left"], visible)?, self.query(&mut node["right"], visible)?);
        for (side, has) in [("left", left), ("right", right)] {
            if !has && (left || right) {
                if node[side]["type"] != "SELECT_NODE" {
                    return Err(cannot("a part of a UNION leads to no records"));
                }
                let none = self.syntax.expression(&format!("{NO_MARKS} as {MARKS}"))?;
                push(&mut node[side]["select_list"], none);
            }
        }
        Ok(left || right)
    }

    fn select(&self, node: &mut Tree, visible: &BTreeSet<String>) -> Result<bool> {
        let mut tables = BTreeMap::new();
        self.tables(&mut node["from_table"], visible, &mut tables)?;
        if tables.is_empty() {
            return Ok(false);
        }
        let marks: Vec<&str> = tables.values().map(|table| table.marks.as_str()).collect();
        let all = if let [one] = marks.as_slice() { (*one).to_owned() } else { format!("list_concat({})", marks.join(", ")) };
        let marks = if self.syntax.is_grouped(node) { format!("flatten(list({all}))") } else { all };
        for item in node["select_list"].as_array_mut().into_iter().flatten().filter(|item| item["class"] == "STAR") {
            let of = item["relation_name"].as_str().unwrap_or_default().to_lowercase();
            if tables.iter().any(|(alias, table)| table.has_column && (of.is_empty() || of == *alias)) {
                push(&mut item["exclude_list"], json!(MARKS));
            }
        }
        let column = self.syntax.expression(&format!("{marks} as {MARKS}"))?;
        push(&mut node["select_list"], column);
        Ok(true)
    }

    /// The tables of a FROM clause that lead to records, by alias.
    fn tables(&self, table: &mut Tree, visible: &BTreeSet<String>, found: &mut BTreeMap<String, Table>) -> Result<()> {
        let alias = table["alias"].as_str().unwrap_or_default().to_owned();
        match table["type"].as_str() {
            Some("JOIN") => {
                self.tables(&mut table["left"], visible, found)?;
                // The right side of these is a condition.
                if table["join_type"] != "SEMI" && table["join_type"] != "ANTI" {
                    self.tables(&mut table["right"], visible, found)?;
                }
            }
            Some("SUBQUERY") => {
                let leads = self.query(&mut table["subquery"]["node"], visible)?;
                let own = || Table { marks: format!("{}.{MARKS}", quoted(&alias)), has_column: true };
                found.extend(leads.then(|| (alias.to_lowercase(), own())));
            }
            Some("BASE_TABLE") => {
                let Some((schema, name)) = base_table(table) else { return Ok(()) };
                let alias = if alias.is_empty() { name.clone() } else { alias };
                let column = |column: &str| format!("{}.{column}", quoted(&alias));
                let (pull, request, record) = match schema.as_str() {
                    "latest" | "history" => (column("_pull_id"), column("_request_no"), column("_record_no")),
                    "landed" => (column("pull_id"), column("request_no"), column("record_no")),
                    _ if visible.contains(&name) => {
                        found.insert(alias.to_lowercase(), Table { marks: column(MARKS), has_column: true });
                        return Ok(());
                    }
                    _ => return Ok(()),
                };
                let marks = format!(
                    "[struct_pack(endpoint := {}, pull_id := {pull}::varchar, request_no := {request}::integer, record_no := {record}::integer)]",
                    literal(&name)
                );
                found.insert(alias.to_lowercase(), Table { marks, has_column: false });
            }
            _ => {}
        }
        Ok(())
    }
}

/// A table that leads to records.
struct Table {
    /// The expression for its marks.
    marks: String,
    /// Whether they are a column, which a `*` would bring along.
    has_column: bool,
}

fn push(list: &mut Tree, item: Tree) {
    if let Some(items) = list.as_array_mut() {
        items.push(item);
    }
}

fn cannot(why: &str) -> Error {
    Error::new(Kind::Config, format!("the records behind it cannot be followed: {why}"))
}
