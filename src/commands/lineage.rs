//! `etl lineage`: what a node needs and what needs it.

use std::{collections::BTreeSet, fmt::Write};

use super::context::{Context, Outcome};
use crate::{
    catalog::{Edge, Graph, Node},
    cli::{Global, LineageArgs, LineageFormat},
    error::Result,
    settings::Env,
    term::Printer,
};

pub(super) async fn run(global: &Global, env: Env, printer: &Printer, args: LineageArgs) -> Result<Outcome> {
    let context = Context::open(global, env, printer).await?;
    let graph = context.engine.graph();
    let Some(name) = &args.node else {
        let text = match args.format {
            LineageFormat::Text => list(graph),
            LineageFormat::Json => json(graph, &graph.nodes().cloned().collect()),
            LineageFormat::Mermaid => mermaid(graph, &graph.nodes().cloned().collect()),
        };
        printer.data(&text)?;
        return Ok(Outcome::default());
    };
    let roots = graph.find(name)?;
    let (up, down) = (!args.down, !args.up);
    let mut shown = BTreeSet::new();
    if up {
        shown.extend(graph.upstream(roots.clone()));
    }
    if down {
        shown.extend(downstream(graph, &roots));
    }
    let text = match args.format {
        LineageFormat::Text => {
            let mut text = String::new();
            for root in &roots {
                if up {
                    let _ = writeln!(text, "{root} needs");
                    tree(graph, root, 1, true, &mut BTreeSet::new(), &mut text);
                }
                if down {
                    let _ = writeln!(text, "{root} is needed by");
                    tree(graph, root, 1, false, &mut BTreeSet::new(), &mut text);
                }
            }
            text
        }
        LineageFormat::Json => json(graph, &shown),
        LineageFormat::Mermaid => mermaid(graph, &shown),
    };
    printer.data(&text)?;
    Ok(Outcome::default())
}

fn list(graph: &Graph) -> String {
    graph.nodes().fold(String::new(), |mut text, node| {
        let _ = writeln!(text, "{node}");
        text
    })
}

fn downstream(graph: &Graph, roots: &[Node]) -> BTreeSet<Node> {
    let mut found = BTreeSet::new();
    let mut open = roots.to_vec();
    while let Some(node) = open.pop() {
        if found.insert(node.clone()) {
            open.extend(graph.needed_by(&node).map(|edge| edge.from.clone()));
        }
    }
    found
}

fn tree(graph: &Graph, node: &Node, depth: usize, up: bool, seen: &mut BTreeSet<Node>, text: &mut String) {
    let edges: Vec<&Edge> = if up { graph.needs(node).collect() } else { graph.needed_by(node).collect() };
    for edge in edges {
        let next = if up { &edge.to } else { &edge.from };
        let note = if edge.previous { " (its state before the run)" } else { "" };
        let known = !seen.insert(next.clone());
        let more = if known && (if up { graph.needs(next).count() } else { graph.needed_by(next).count() }) > 0 { " …" } else { "" };
        let _ = writeln!(text, "{}{next}{note}{more}", "  ".repeat(depth));
        if !known && !edge.previous {
            tree(graph, next, depth + 1, up, seen, text);
        }
    }
}

fn json(graph: &Graph, nodes: &BTreeSet<Node>) -> String {
    let kind = |node: &Node| match node {
        Node::Endpoint(_) => "endpoint",
        Node::Model(_) => "model",
        Node::Report(_) => "report",
    };
    let list: Vec<_> = nodes
        .iter()
        .map(|node| {
            let needs: Vec<_> = graph
                .needs(node)
                .map(|edge| serde_json::json!({ "kind": kind(&edge.to), "name": edge.to.name(), "previous": edge.previous }))
                .collect();
            serde_json::json!({ "kind": kind(node), "name": node.name(), "needs": needs })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "nodes": list }))
}

fn mermaid(graph: &Graph, nodes: &BTreeSet<Node>) -> String {
    let id = |node: &Node| match node {
        Node::Endpoint(name) => format!("endpoint_{name}[/{name}/]"),
        Node::Model(name) => format!("model_{name}[{name}]"),
        Node::Report(name) => format!("report_{}([{name}])", name.replace('-', "_")),
    };
    let mut text = "flowchart LR\n".to_owned();
    for node in nodes {
        for edge in graph.needs(node).filter(|edge| nodes.contains(&edge.to)) {
            let arrow = if edge.previous { "-.->" } else { "-->" };
            let _ = writeln!(text, "  {} {arrow} {}", id(&edge.to), id(node));
        }
    }
    text
}
