//! Reads the receipts: newest checkpoint, and what lies beyond it.

use std::collections::BTreeSet;

use super::{
    document,
    receipt::{RECEIPT_VERSION, Receipt},
    store::Lake,
};
use crate::error::Result;

impl Lake {
    /// Every committed pull of these endpoints (`testrail_cases`; `None` = all), complete or not, ordered by
    /// (`finished`, `pull_id`).
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if the store cannot be read, a receipt is damaged, or was written by a newer `etl`.
    pub async fn receipts(&self, endpoints: Option<&BTreeSet<String>>) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for source in self.list_folders("receipts").await? {
            for name in self.list_folders(&format!("receipts/{source}")).await? {
                if endpoints.is_none_or(|endpoints| endpoints.contains(&format!("{source}_{name}"))) {
                    receipts.append(&mut self.receipts_of(&source, &name).await?);
                }
            }
        }
        receipts.sort_by(|a, b| (a.finished, a.pull_id).cmp(&(b.finished, b.pull_id)));
        Ok(receipts)
    }

    async fn receipts_of(&self, source: &str, endpoint: &str) -> Result<Vec<Receipt>> {
        let (checkpoint, texts) = loop {
            let Some(checkpoint) = self.newest_checkpoint(source, endpoint).await? else { break (None, Vec::new()) };
            match self.checkpoint_column(&checkpoint.path, "receipt").await {
                Ok(texts) => break (Some(checkpoint), texts),
                // Superseded and removed by gc between the two reads.
                Err(_) if !self.exists(&checkpoint.path).await? => {}
                Err(error) => return Err(error),
            }
        };
        let mut receipts = Vec::with_capacity(texts.len());
        if let Some(checkpoint) = &checkpoint {
            for text in texts {
                receipts.push(document::parse(text.as_bytes(), &checkpoint.path, RECEIPT_VERSION)?);
            }
        }
        let beyond = self.beyond(source, endpoint, checkpoint.as_deref()).await?;
        for (path, bytes) in self.get_all(beyond.into_iter().map(|listed| listed.object.path).collect()).await? {
            receipts.push(document::parse(&bytes, &path, RECEIPT_VERSION)?);
        }
        Ok(receipts)
    }
}
