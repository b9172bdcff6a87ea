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
        self.ensure_identity().await?;
        self.put_document(&path, receipt).await?;
        // The pull is committed. A checkpoint that could not be written is no reason to say otherwise: it is a cache, and
        // the next commit tries again.
        let _ = self.after_commit(&receipt.source, endpoint, day, receipt.pull_id).await;
        Ok(())
    }

    /// Compares an object's size and the rows in its footer with what is claimed.
    pub(super) async fn check_file(&self, path: &str, bytes: u64, rows: u64) -> Result<()> {
        let footer = self.footer_of(path, bytes).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{File, sample};

    #[tokio::test]
    async fn a_commit_makes_the_pull_visible_and_may_be_repeated() {
        let (_folder, lake) = sample::lake();
        let mut receipt = sample::receipt("2026-01-02T23:30:00Z");
        sample::land(&lake, &mut receipt, &["{}", "[1]"]).await;
        assert_eq!(*lake.receipts(None).await.unwrap(), [], "files alone are not visible");
        lake.commit(&receipt).await.unwrap();
        lake.commit(&receipt).await.unwrap();
        assert!(lake.exists(&format!("receipts/testrail/cases/date=2026-01-02/{}.json", receipt.pull_id)).await.unwrap());
        assert_eq!(*lake.receipts(None).await.unwrap(), [receipt.clone()]);
        let other = Receipt { retries: 9, ..receipt };
        assert!(lake.commit(&other).await.unwrap_err().to_string().ends_with(".json` exists and says something else"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_two_receipts_for_one_pull_one_wins() {
        let (_folder, lake) = sample::lake();
        let first = sample::receipt("2026-01-02T00:00:00Z");
        let second = Receipt { retries: 9, ..first.clone() };
        let other = Lake::open(lake.location()).unwrap();
        let (first, second) = tokio::join!(lake.commit(&first), other.commit(&second));
        assert!(first.is_ok() != second.is_ok());
        assert_eq!(lake.receipts(None).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn files_that_are_missing_torn_or_different_are_refused() {
        let (_folder, lake) = sample::lake();
        let mut receipt = sample::receipt("2026-01-02T00:00:00Z");
        sample::land(&lake, &mut receipt, &["{}"; 100]).await;
        let whole = receipt.files[0].clone();
        let local = lake.local_path(&whole.path).unwrap();
        let bytes = fs_err::read(&local).unwrap();

        let file = File { rows: 99, ..whole.clone() };
        let wrong = Receipt { files: vec![file], records: 99, ..receipt.clone() };
        let error = lake.commit(&wrong).await.unwrap_err();
        assert!(
            format!("{error:?}")
                .ends_with(&format!("`{}` has 100 rows in {1} bytes, but 99 rows in {1} bytes were written", whole.path, whole.bytes)),
            "{error:?}"
        );

        fs_err::write(&local, &bytes[..bytes.len() - 7]).unwrap();
        let error = lake.commit(&receipt).await.unwrap_err();
        let torn = format!("`{}` ({} bytes) is no whole Parquet file", whole.path, bytes.len() - 7);
        assert_eq!(error.kind(), Kind::Lake);
        assert!(format!("{error:?}").contains(&torn), "{error:?}");

        fs_err::remove_file(&local).unwrap();
        let error = lake.commit(&receipt).await.unwrap_err();
        assert!(format!("{error:?}").contains("is not in the lake"), "{error:?}");
        assert_eq!(*lake.receipts(None).await.unwrap(), []);

        fs_err::write(&local, &bytes).unwrap();
        lake.commit(&receipt).await.unwrap();
    }

    #[tokio::test]
    async fn receipts_that_contradict_themselves_are_refused() {
        let (_folder, lake) = sample::lake();
        let mut receipt = sample::receipt("2026-01-02T00:00:00Z");
        sample::land(&lake, &mut receipt, &["{}"]).await;
        let elsewhere = File { path: "landed/testrail/cases/date=2026-01-03/x.parquet".into(), ..receipt.files[0].clone() };
        for (receipt, message) in [
            (Receipt { version: 2, ..receipt.clone() }, "the receipt has version 2, not 1"),
            (Receipt { stop: Stop::Cap, ..receipt.clone() }, "the receipt calls a pull complete that stopped by `Cap`"),
            (Receipt { records: 2, ..receipt.clone() }, "the receipt counts 2 records, its files hold 1"),
            (Receipt { endpoint: "bugzilla_bugs".into(), ..receipt.clone() }, "endpoint `bugzilla_bugs` is not named `testrail_…`"),
            (Receipt { files: vec![elsewhere], ..receipt.clone() }, "the receipt names `landed/testrail/cases/date=2026-01-03/x.parquet`"),
        ] {
            let error = lake.commit(&receipt).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Internal);
            assert!(format!("{error:?}").contains(message), "{error:?}");
        }
        assert_eq!(*lake.receipts(None).await.unwrap(), []);
    }
}
