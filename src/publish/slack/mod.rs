//! Messages for Slack: pure functions from rows to messages, and the posting of them.
//!
//! Every limit of Slack is kept by splitting, every text that came from an API is escaped, and a message about a report that
//! is incomplete says so.

mod block;
mod deep_dive;
mod github_issues;
mod links;
mod message;
mod new_issues;
mod parts;
mod post;
mod rates;
pub mod rows;
#[cfg(test)]
mod sample;
mod text;
mod transport;
mod troubles;
mod workflow;

pub use deep_dive::{alert, deep_dive};
pub use github_issues::{OpenIssue, OpenIssues};
pub use message::Message;
pub use new_issues::{Issue, NewIssues, Version};
pub use post::{Manner, Post, Posted, Unsure};
pub use rates::{Rate, Rates};
pub use transport::who;
pub use troubles::Known;
pub use workflow::{Conclusion, Trouble, Workflow};
