//! How the rows of a model come about: the count after every clause of its query, in one statement.
//!
//! The clauses are cut out of the query's own tree, so no model needs code of its own. A count after a clause is a
//! count of the query up to there; common table expressions are computed once, and what cannot change is not counted.

use std::collections::BTreeSet;

use serde_json::{Value as Tree, json};

use super::{
    cut::{Cut, Rows},
    moment::Moment,
    query,
    row::{Row, Value},
    syntax::{Syntax, ctes},
};
use crate::{
    catalog::{Model, ModelKind, Node},
    error::Result,
    lake::Step,
};

impl Moment<'_> {
    /// The rows after each clause of the model's query, and of the intermediate models that it reads, those first.
    ///
    /// # Errors
    /// [`crate::error::Kind::Sql`] if the query, taken apart, does not run.
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
        let known = self.counted().borrow().get(&model.name).cloned();
        if let Some(known) = known {
            steps.extend(known);
            return Ok(());
        }
        self.require(references)?;
        let own = self.own_steps(model)?;
        steps.extend(own.iter().cloned());
        self.counted().borrow_mut().insert(model.name.clone(), own);
        Ok(())
    }

    /// The steps of the model's own query.
    fn own_steps(&self, model: &Model) -> Result<Vec<Step>> {
        let Some(tree) = self.engine().tree(&model.name) else { return Ok(Vec::new()) };
        let syntax = Syntax::of(self.session())?;
        let mut query = tree["statements"][0]["node"].clone();
        syntax.spell_out_cross_joins(&mut query);
        let known = self.counted().borrow().iter().filter_map(|(name, steps)| Some((name.clone(), steps.last()?.rows))).collect();
        let names = ctes(&query).map(|(name, _)| name).collect();
        let mut cut = Cut::new(&syntax, names, known);
        for (index, (name, query)) in ctes(&query).enumerate() {
            cut.expression(&model.name, index, &name, query)?;
        }
        let mut body = query.clone();
        body["cte_map"] = json!({ "map": [] });
        cut.query(&body, &model.name)?;
        let asked: Vec<String> = cut.counts.iter().filter_map(|count| Some(format!("({})", count.rows.sql()?))).collect();
        let row = if asked.is_empty() {
            Row::new()
        } else {
            query::rows(self.session(), &format!("{}select {}", prelude(&syntax, &query)?, asked.join(", ")))?.pop().unwrap_or_default()
        };
        let mut answers = row.into_iter().map(|(_, value)| if let Value::Int(rows) = value { rows.cast_unsigned() } else { 0 });
        let mut rows: Vec<u64> = Vec::with_capacity(cut.counts.len());
        for count in &cut.counts {
            rows.push(match &count.rows {
                Rows::Asked(_) => answers.next().unwrap_or_default(),
                Rows::As(index) => rows.get(*index).copied().unwrap_or_default(),
                Rows::Known(rows) => *rows,
            });
        }
        let mut steps = Vec::with_capacity(rows.len());
        for (count, own) in cut.counts.into_iter().zip(&rows) {
            let before = count.after.map(|before| before.iter().filter_map(|index| rows.get(*index)).sum::<u64>());
            let change = before.map(|before| own.cast_signed() - before.cast_signed());
            steps.push(Step { of: count.of, clause: count.clause, rows: *own, change });
        }
        Ok(steps)
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
