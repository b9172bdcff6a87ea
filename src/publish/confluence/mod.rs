//! Pages of Confluence: described in YAML, rendered as storage format, and put into the managed region of a page that people
//! edit too.
//!
//! [`page_file`], [`render`], [`region`], [`storage`] and [`template`] are pure; [`attachments`] and [`write`] talk to Confluence.

pub mod attachments;
pub mod build_validation;
pub mod page_file;
pub mod region;
pub mod render;
pub mod storage;
pub mod template;
pub mod write;
