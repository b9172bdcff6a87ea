//! The project as its files describe it: sources, models, contracts, reports, and the one graph. Pure: nothing here
//! touches the network, DuckDB or the lake.

mod body;
mod contract;
mod duration;
mod endpoint;
mod endpoint_rules;
mod grammar;
mod graph;
mod header;
mod internal_file;
mod model;
mod project;
#[cfg(test)]
mod properties;
mod record_key;
mod schedule;
mod source;
mod source_file;
mod template;

pub use body::Body;
pub use contract::{Column, ColumnType, Contract, Grain, OnMissing};
pub use duration::parse_duration;
pub use endpoint::{Batch, Cursor, Endpoint, Method, Page, Replaces, Window};
pub use graph::{Edge, Graph, Node, Reference, Selection, Unresolved};
pub use header::Header;
pub use model::{Model, ModelKind, Severity};
pub(crate) use project::line_of;
pub use project::{Project, ProjectFiles, read_text};
pub use record_key::record_key;
pub use schedule::{Cadence, ScheduleEntry, parse_schedule};
pub use source::{Auth, Client, Login, Means, RateLimit, ResponseRule, Retry, Source};
pub use template::{Format, Piece, Template};
