//! Commits a pull: reads its files back, then writes the receipt.

use super::{
    layout,
    receipt::{FileKind, Outcome, RECEIPT_VERSION, Receipt, Stop},
    store::Lake,
};
use crate::error::{Error, Kind, Result};

impl Lake {
    /// Makes a pull visible. Its files must lie in the lake already; their sizes and footers are read back first. Committing
    /// the same receipt twice is fine (the answer to the first may have been lost); another one for the same pull is not.
    ///
    /// # Errors
    /// [`Kind::Lake`] if a file is missing, torn or not as the receipt says, or if the pull was committed otherwise;
    /// [`Kind::Internal`] if the receipt contradicts itself. Nothing is visible then.
    pub async fn commit(&self, receipt: &Receipt) -> Result<()> {
        let endpoint = layout::endpoint_name(&receipt.source, &receipt.endpoint)?;
        let day = receipt.run_at.date_naive();
        let path = layout::receipt(&receipt.source, endpoint, day, receipt.pull_id);
        consistent(receipt).map_err(|error| error.within(format!("cannot commit `{path}`")))?;
        for file in &receipt.files {
            self.check_file(&file.path, file.bytes, file.rows).await.map_err(|error| error.within(format!("cannot commit `{path}`")))?;
        }
        self.put_document(&path, receipt).await?;
        // The pull is committed. A checkpoint that could not be written is no reason to say otherwise: it is a cache, and
        // the next commit tries again.
        let _ = self.after_commit(&receipt.source, endpoint, day, receipt.pull_id).await;
        Ok(())
    }

    /// Compares an object's size and the rows in its footer with what is claimed.
    pub(super) async fn check_file(&self, path: &str, bytes: u64, rows: u64) -> Result<()> {
        let footer = self.footer(path).await?;
        if (footer.bytes, footer.rows) == (bytes, rows) {
            return Ok(());
        }
        let found = format!("`{path}` has {} rows in {} bytes, but {rows} rows in {bytes} bytes were written", footer.rows, footer.bytes);
        Err(Error::new(Kind::Lake, found))
    }
}

/// What a receipt must not say, because a reader would believe it.
fn consistent(receipt: &Receipt) -> Result<()> {
    let refuse = |message: String| Err(Error::new(Kind::Internal, message));
    if receipt.version != RECEIPT_VERSION {
        return refuse(format!("the receipt has version {}, not {RECEIPT_VERSION}", receipt.version));
    }
    if receipt.outcome == Outcome::Complete && matches!(receipt.stop, Stop::Cap | Stop::Error) {
        return refuse(format!("the receipt calls a pull complete that stopped by `{:?}`", receipt.stop));
    }
    let landed: u64 = receipt.files.iter().filter(|file| file.kind == FileKind::Records).map(|file| file.rows).sum();
    if landed != receipt.records {
        return refuse(format!("the receipt counts {} records, its files hold {landed}", receipt.records));
    }
    let endpoint = layout::endpoint_name(&receipt.source, &receipt.endpoint)?;
    for file in &receipt.files {
        let day = receipt.run_at.date_naive();
        let path = match file.kind {
            FileKind::Records => layout::records(&receipt.source, endpoint, day, receipt.pull_id),
            FileKind::Requests => layout::requests(&receipt.source, endpoint, day, receipt.pull_id),
        };
        if file.path != path {
            return refuse(format!("the receipt names `{}` where `{path}` is due", file.path));
        }
    }
    Ok(())
}
