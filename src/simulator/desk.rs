//! What clients have written: pages, files, render tasks. All else of the simulated world is computed and never changes.

use std::collections::BTreeMap;

/// Everything that was written.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Pages of Confluence as they were last saved.
    pub(super) pages: BTreeMap<String, Saved>,
    /// Texts that somebody else saves just before the next write of a page.
    pub(super) interruptions: BTreeMap<String, Vec<String>>,
    /// Files by page.
    pub(super) files: BTreeMap<String, Vec<File>>,
    /// Render tasks in the order of their beginning; the id is the position.
    pub(super) tasks: Vec<Task>,
    /// How looks are rendered, where it is not as usual.
    pub(super) renderings: BTreeMap<String, Rendering>,
    numbers: u64,
}

/// A version of a page.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) title: String,
    pub(super) body: String,
    pub(super) number: u64,
    pub(super) when: String,
    pub(super) editor: String,
    pub(super) message: String,
}

/// A file of a page.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) comment: String,
    pub(super) version: u64,
    pub(super) content: Vec<u8>,
}

/// A render task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) look: String,
    pub(super) width: i64,
    pub(super) height: i64,
    /// Times that its status was asked.
    pub(super) asked: u32,
    /// Times that its picture was asked.
    pub(super) fetched: u32,
}

/// How a look is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// It ends with `failure`.
    Fails,
    /// Its status stays this one.
    Stuck(&'static str),
    /// It is ready, and its picture is handed out only after so many answers "not yet".
    Late(u32),
    /// It is ready, and its picture is gone.
    Expired,
    /// What is handed out is no picture.
    NoPicture,
}

impl Desk {
    /// A number that no other thing has.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}
