//! Pictures: files in a folder, and the same content in the lake, so that an empty machine has the former picture too.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Journal;
use crate::{
    digest::sha256,
    error::{Kind, OrFail, Result},
    lake::{Lake, layout},
};

/// Where the pictures are.
pub struct Images {
    folder: PathBuf,
    lake: Lake,
    /// What was last rendered under each name: the hash of its content, and when.
    rendered: BTreeMap<String, (String, Option<DateTime<Utc>>)>,
}

/// A picture as it is.
#[derive(Clone, Debug)]
pub struct Image {
    /// The content.
    pub content: Bytes,
    /// Its hash.
    pub sha256: String,
    /// When a look was last rendered as this picture; none for a picture that somebody put there.
    pub rendered_at: Option<DateTime<Utc>>,
}

impl Images {
    /// The pictures in `folder`, and those that `renders` (the journal of [`super::looker::RENDERS`]) knows of.
    pub fn open(folder: &Path, lake: &Lake, renders: &Journal) -> Self {
        let text =
            |record: &serde_json::Map<String, serde_json::Value>, name: &str| record.get(name).and_then(|value| value.as_str().map(str::to_owned));
        let when = |record| text(record, "rendered_at").and_then(|at| at.parse().ok());
        let rendered = renders.all().filter_map(|record| Some((text(record, "file_name")?, (text(record, "image_sha256")?, when(record))))).collect();
        Self { folder: folder.to_owned(), lake: lake.clone(), rendered }
    }

    /// The file of a name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The picture of this name, if there is one: the file, else what was last rendered under the name, which becomes the file.
    ///
    /// # Errors
    /// [`Kind::Io`] if the file cannot be read or written.
    pub async fn find(&self, name: &str) -> Result<Option<Image>> {
        // A name leads to a file of the folder and nowhere else.
        if name.contains(['/', '\\']) || name.starts_with('.') {
            return Ok(None);
        }
        let path = self.path(name);
        if path.is_file() {
            let content = Bytes::from(fs_err::read(&path)?);
            let sha256 = sha256(&content);
            let rendered_at = self.rendered.get(name).filter(|(known, _)| *known == sha256).and_then(|(_, at)| *at);
            return Ok(Some(Image { content, sha256, rendered_at }));
        }
        let Some((sha256, rendered_at)) = self.rendered.get(name) else { return Ok(None) };
        let Ok(content) = self.lake.get(&layout::image(sha256)).await else { return Ok(None) };
        self.write(name, &content)?;
        Ok(Some(Image { content, sha256: sha256.clone(), rendered_at: *rendered_at }))
    }

    /// Puts a picture in its place: whole or not at all. Gives its hash.
    ///
    /// # Errors
    /// [`Kind::Io`] and [`Kind::Lake`].
    pub async fn keep(&self, name: &str, content: &Bytes) -> Result<String> {
        let sha256 = sha256(content);
        let path = layout::image(&sha256);
        self.lake.put_new(&path, content.clone()).await?.require_written(&self.lake, &path)?;
        self.write(name, content)?;
        Ok(sha256)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<()> {
        use std::io::Write;
        fs_err::create_dir_all(&self.folder)?;
        let path = self.path(name);
        let mut file = tempfile::Builder::new().prefix(".etl-").tempfile_in(&self.folder)?;
        file.write_all(content).or_fail(Kind::Io, || format!("cannot write `{}`", path.display()))?;
        file.persist(&path).or_fail(Kind::Io, || format!("cannot write `{}`", path.display()))?;
        Ok(())
    }
}
