//! Which views differ from what BigQuery has, and making them alike. Where nothing differs nothing is written.

use std::sync::Arc;

use super::{
    api::{Api, Existing},
    place::Place,
    view::View,
};
use crate::{
    error::{Error, Kind, Result},
    events::Observer,
    settings::Settings,
};

/// What is done with a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is not there yet.
    Create,
    /// It is another one.
    Replace,
    /// It is as it should be.
    Unchanged,
}

impl Change {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What became of a view.
#[derive(Debug)]
pub struct Applied {
    /// Its name.
    pub view: String,
    /// What was, or would be, done.
    pub change: Change,
    /// Its definition.
    pub definition: String,
    /// Why that failed.
    pub error: Option<Error>,
}

/// Compares every view and, unless `plan_only`, makes those that differ. A view that fails stops no other.
///
/// # Errors
/// [`Kind::Usage`] where dataset and connection are in different locations, before anything is written; failures of the
/// account and of reading.
pub async fn apply(views: &[View], place: &Place, settings: &Settings, observer: Arc<dyn Observer>, plan_only: bool) -> Result<Vec<Applied>> {
    let api = Api::open(place, settings, observer).await?;
    let location = api.location().await?;
    if location != place.location() {
        return Err(Error::new(
            Kind::Usage,
            format!(
                "the dataset is in `{location}`, the connection in `{}`: BigQuery reads a connection from its own location only",
                place.location()
            ),
        )
        .hint("make a dataset or a connection in the other's location"));
    }
    let mut applied = Vec::new();
    // All are compared first: a failure to read must come before the first write.
    for view in views {
        let existing = api.existing(&view.name).await?;
        let (change, error) = match change(view, place, existing.as_ref()) {
            Ok(change) => (change, None),
            Err(error) => (Change::Unchanged, Some(error)),
        };
        applied.push(Applied { view: view.name.clone(), change, definition: view.definition(place), error });
    }
    if !plan_only {
        for (view, done) in views.iter().zip(&mut applied).filter(|(_, done)| done.change != Change::Unchanged) {
            done.error = api.run(&format!("view `{}`", view.name), &view.statement(place)).await.err();
        }
    }
    Ok(applied)
}

fn change(view: &View, place: &Place, existing: Option<&Existing>) -> Result<Change> {
    let Some(existing) = existing else { return Ok(Change::Create) };
    if existing.kind != "VIEW" {
        return Err(Error::new(Kind::Guard, format!("`{}` is there and is no view but a {}", view.name, existing.kind.to_ascii_lowercase()))
            .hint("rename it, or publish into another dataset"));
    }
    // The label tells of columns and descriptions; a view edited by hand keeps its label, but not its query.
    let same = existing.definition.as_deref() == Some(view.definition(place).as_str()) && bare(&existing.query) == bare(&view.query());
    Ok(if same { Change::Unchanged } else { Change::Replace })
}

/// A query without its layout.
fn bare(query: &str) -> String {
    query.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Database, view::ViewColumn},
        *,
    };

    #[test]
    fn a_view_is_replaced_when_label_or_query_differ() {
        let place = Place::new("p", "d", "us.c", None, Database::Mysql).unwrap();
        let view = View {
            name: "a".into(),
            description: "d".into(),
            columns: vec![ViewColumn { name: "x".into(), expression: "1".into(), description: "e".into() }],
            source: "FROM t".into(),
        };
        let same = Existing { kind: "VIEW".into(), query: "SELECT 1 AS `x`\n FROM t".into(), definition: Some(view.definition(&place)) };
        let edited = Existing { query: "SELECT 2 AS `x` FROM t".into(), ..same.clone() };
        let foreign = Existing { definition: None, ..same.clone() };
        let table = Existing { kind: "TABLE".into(), ..same.clone() };
        assert_eq!(change(&view, &place, None).unwrap(), Change::Create);
        assert_eq!(change(&view, &place, Some(&same)).unwrap(), Change::Unchanged);
        assert_eq!(change(&view, &place, Some(&edited)).unwrap(), Change::Replace);
        assert_eq!(change(&view, &place, Some(&foreign)).unwrap(), Change::Replace);
        assert_eq!(change(&view, &place, Some(&table)).unwrap_err().kind(), Kind::Guard);
    }
}
