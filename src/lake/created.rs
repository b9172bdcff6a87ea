//! The outcome of a create-only write.

use super::store::Lake;
use crate::error::{Error, Kind, Result};

/// What a create-only write found. A response can be lost after the store carried the request out, so "exists" alone says
/// nothing: the object is inspected, and this is what it holds.
#[must_use = "the object may already exist with other bytes"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// This call created the object.
    New,
    /// The object holds exactly these bytes: an earlier attempt of this call wrote it, or another writer did.
    Identical,
    /// The object holds other bytes, and keeps them.
    Different,
}

impl Created {
    /// Whether this call created the object.
    pub fn is_new(self) -> bool {
        self == Self::New
    }

    /// Whether the object holds the bytes of this call.
    pub fn is_written(self) -> bool {
        self != Self::Different
    }

    /// For objects whose name belongs to one writer or follows from their content.
    ///
    /// # Errors
    /// [`Kind::Lake`] if the object holds other bytes.
    pub fn require_written(self, lake: &Lake, path: &str) -> Result<()> {
        if self.is_written() {
            return Ok(());
        }
        Err(Error::new(Kind::Lake, format!("`{path}` already exists in the lake `{}` with other content", lake.location()))
            .hint("nothing was replaced; if the object was damaged, restore it or delete it, then run the same command again"))
    }

    /// For caches, where an object of another writer serves as well.
    pub fn accept_existing(self) {}
}
