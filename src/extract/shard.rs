//! One extract in several parts that need not know of one another: which of them asks for what. Pure.
//!
//! Part 0 asks for the endpoints whose records say what else to ask for; parts 1 to N share the rest, and ask by what part 0
//! has committed. A scope is the unit of commit, so it goes to one part as a whole, unless its partitions count one by one
//! (`replaces = "partition"`): then they are shared out, and every part commits its own pull of the scope.

use std::collections::BTreeSet;

use super::{plan, request::column_value};
use crate::{
    catalog::{Endpoint, Graph, Node, Replaces},
    digest,
    engine::Row,
    lake::canonical_scope,
};

/// Part `number` of `of`; 0 stands for what comes before the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub number: u32,
    /// At least 1.
    pub of: u32,
}

impl Shard {
    /// Which of the selected endpoints this part asks for.
    pub(super) fn endpoints<'a>(self, graph: &Graph, selected: impl Iterator<Item = &'a String> + Clone) -> BTreeSet<&'a str> {
        let mut parents = BTreeSet::new();
        for id in selected.clone() {
            above(graph, &Node::Endpoint(id.clone()), &mut parents);
        }
        selected.filter(|id| parents.contains(&Node::Endpoint((*id).clone())) == (self.number == 0)).map(String::as_str).collect()
    }

    /// The rows of `for_each` that this part asks for; `None` where the endpoint has no rows and is another's.
    pub(super) fn share(self, endpoint: &Endpoint, mut rows: Vec<Row>) -> Option<Vec<Row>> {
        if self.number == 0 {
            return Some(rows);
        }
        if endpoint.for_each.is_none() {
            return self.takes(&endpoint.id).then_some(rows);
        }
        rows.retain(|row| {
            let scope = endpoint.scope.iter().map(|column| (column.clone(), column_value(row, column).to_json())).collect();
            let scope = canonical_scope(&scope);
            self.takes(&match endpoint.replaces {
                Replaces::Partition => format!("{} {scope} {}", endpoint.id, plan::identity(endpoint, row)),
                Replaces::Scope | Replaces::Keys => format!("{} {scope}", endpoint.id),
            })
        });
        Some(rows)
    }

    fn takes(self, text: &str) -> bool {
        let start = u32::from_str_radix(&digest::short(text, 4), 16).unwrap_or(0);
        start % self.of == self.number - 1
    }
}

/// Everything above `node` that must be there before it is asked for.
fn above(graph: &Graph, node: &Node, found: &mut BTreeSet<Node>) {
    for edge in graph.needs(node).filter(|edge| !edge.previous) {
        if found.insert(edge.to.clone()) {
            above(graph, &edge.to, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Value, extract::samples::endpoint};

    fn rows() -> Vec<Row> {
        (0..60).map(|number| vec![("p".to_owned(), Value::Int(number % 6)), ("s".to_owned(), Value::Int(number))]).collect()
    }

    #[test]
    fn the_parts_together_are_the_whole_and_none_overlaps() {
        for (replaces, whole_scopes) in [("scope", true), ("keys", true), ("partition", false)] {
            let endpoint =
                endpoint(&format!("path = \"{{p}}/{{s}}\"\nscope = [\"p\"]\npartition = [\"s\"]\nreplaces = \"{replaces}\"\nfor_each = \"x\""));
            let parts: Vec<Vec<Row>> = (1..=4).map(|number| Shard { number, of: 4 }.share(&endpoint, rows()).unwrap()).collect();
            let mut all: Vec<&Row> = parts.iter().flatten().collect();
            all.sort_by_key(|row| row[1].1.to_json().as_i64());
            assert_eq!(all, rows().iter().collect::<Vec<_>>(), "{replaces}");
            let scopes = |rows: &[Row]| rows.iter().map(|row| row[0].1.to_json().to_string()).collect::<BTreeSet<_>>();
            let shared = parts.iter().map(|rows| scopes(rows).len()).sum::<usize>() > 6;
            assert_eq!(shared, !whole_scopes, "{replaces}");
            assert!(parts.iter().filter(|rows| !rows.is_empty()).count() > 1, "{replaces}: the work is shared");
        }
    }

    #[test]
    fn a_list_without_for_each_belongs_to_one_part() {
        let endpoint = endpoint("path = \"x\"");
        let takers = (1..=8).filter(|number| Shard { number: *number, of: 8 }.share(&endpoint, Vec::new()).is_some()).count();
        assert_eq!(takers, 1);
    }
}
