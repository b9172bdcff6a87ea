//! Reads the receipts: newest checkpoint, and what lies beyond it.

use std::{
    collections::{BTreeSet, HashSet},
    ops::Deref,
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    document,
    local::AT_ONCE,
    receipt::{RECEIPT_VERSION, Receipt},
    store::{Backend, Lake},
};
use crate::error::{Error, Result};

/// What was pulled of some endpoints, or of all: a reader that was not given those of an endpoint must not take it for empty.
#[derive(Clone, Debug)]
pub struct Receipts {
    list: Vec<Receipt>,
    /// Whose they are; none = of all.
    of: Option<BTreeSet<String>>,
}

impl Receipts {
    /// These, which are all of the lake.
    pub fn all(list: Vec<Receipt>) -> Self {
        Self { list, of: None }
    }

    /// Of an empty lake.
    pub fn none() -> &'static Self {
        static NONE: Receipts = Receipts { list: Vec::new(), of: None };
        &NONE
    }

    /// Whether those of an endpoint are among them, if there are any.
    pub fn cover(&self, endpoint: &str) -> bool {
        self.of.as_ref().is_none_or(|of| of.contains(endpoint))
    }

    /// Whether they are those of the whole lake.
    pub fn cover_all(&self) -> bool {
        self.of.is_none()
    }
}

impl Deref for Receipts {
    type Target = [Receipt];

    fn deref(&self) -> &[Receipt] {
        &self.list
    }
}

impl Lake {
    /// Every committed pull of these endpoints (`testrail_cases`; `None` = all), complete or not, ordered by
    /// (`finished`, `pull_id`).
    ///
    /// # Errors
    /// [`crate::error::Kind::Lake`] if the store cannot be read, a receipt is damaged, or was written by a newer `etl`.
    pub async fn receipts(&self, endpoints: Option<&BTreeSet<String>>) -> Result<Receipts> {
        let mut receipts = Receipts { list: Vec::new(), of: Some(BTreeSet::new()) };
        self.add_receipts(&mut receipts, endpoints).await?;
        Ok(receipts)
    }

    /// Adds to `known`, in its order, what was committed of these endpoints since it was read: only that is read.
    ///
    /// # Errors
    /// As [`Lake::receipts`].
    pub async fn add_receipts(&self, known: &mut Receipts, endpoints: Option<&BTreeSet<String>>) -> Result<()> {
        let held: Arc<HashSet<Uuid>> = Arc::new(known.iter().map(|receipt| receipt.pull_id).collect());
        let folders = self.list_folders("receipts").await?.into_iter().map(|source| async move {
            let names = self.list_folders(&format!("receipts/{source}")).await?;
            Ok::<_, Error>((source, names))
        });
        let folders: Vec<(String, Vec<String>)> = futures::stream::iter(folders).buffered(AT_ONCE).try_collect().await?;
        let all = folders.into_iter().flat_map(|(source, names)| names.into_iter().map(move |name| (source.clone(), name)));
        let wanted: Vec<(String, String)> =
            all.filter(|(source, name)| endpoints.is_none_or(|endpoints| endpoints.contains(&format!("{source}_{name}")))).collect();
        // On a bucket every endpoint is some requests one after the other.
        let held = &held;
        let reads = wanted.into_iter().map(|(source, name)| async move { self.receipts_of(&source, &name, held).await });
        let found: Vec<Vec<Receipt>> = futures::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        known.list.extend(found.into_iter().flatten());
        known.of = known.of.take().zip(endpoints).map(|(known, more)| known.union(more).cloned().collect());
        if let (None, Backend::Bucket(bucket)) = (endpoints, self.backend()) {
            bucket.mirror().note_seen();
        }
        known.list.sort_by_key(|receipt| (receipt.finished, receipt.pull_id));
        Ok(())
    }

    /// The receipts of an endpoint besides those that are `held`.
    async fn receipts_of(&self, source: &str, endpoint: &str, held: &Arc<HashSet<Uuid>>) -> Result<Vec<Receipt>> {
        let (checkpoint, mut receipts) = loop {
            let Some(checkpoint) = self.newest_checkpoint(source, endpoint).await? else { break (None, Vec::new()) };
            if checkpoint.pulls.is_subset(held) {
                break (Some(checkpoint), Vec::new());
            }
            let (held, path, mut shared) = (Arc::clone(held), checkpoint.path.clone(), Shared::default());
            let unheld = move |text: &str| {
                let receipt: Receipt = document::parse(text.as_bytes(), &path, RECEIPT_VERSION)?;
                Ok((!held.contains(&receipt.pull_id)).then(|| shared.among(receipt)))
            };
            match self.checkpoint_column(&checkpoint.path, "receipt", unheld).await {
                Ok(receipts) => break (Some(checkpoint), receipts),
                // Superseded and removed by gc between the two reads.
                Err(_) if !self.exists(&checkpoint.path).await? => {}
                Err(error) => return Err(error),
            }
        };
        let mut shared = Shared::default();
        let mut beyond = self.beyond(source, endpoint, checkpoint.as_deref()).await?;
        beyond.retain(|listed| !held.contains(&listed.pull_id));
        for (path, bytes) in self.get_all(beyond.into_iter().map(|listed| listed.object.path).collect()).await? {
            receipts.push(shared.among(document::parse(&bytes, &path, RECEIPT_VERSION)?));
        }
        Ok(receipts)
    }
}

/// What the partitions of an endpoint were asked for. A list that goes by thousands of ids has the same ones in every pull: they are kept once.
#[derive(Default)]
struct Shared(HashSet<Arc<Map<String, Value>>>);

impl Shared {
    fn among(&mut self, mut receipt: Receipt) -> Receipt {
        for partition in &mut receipt.partitions {
            match self.0.get(&partition.params) {
                Some(same) => partition.params = Arc::clone(same),
                None => drop(self.0.insert(Arc::clone(&partition.params))),
            }
        }
        // It grew while it was read.
        receipt.partitions.shrink_to_fit();
        receipt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::{Partition, PartitionStatus, Receipt, sample};

    #[tokio::test]
    async fn receipts_are_ordered_by_their_end_and_chosen_by_endpoint() {
        let (_folder, lake) = sample::lake();
        let late = sample::receipt("2026-01-05T00:00:00Z");
        let early = sample::receipt("2026-01-02T00:00:00Z");
        let other = Receipt { endpoint: "testrail_plans".into(), ..sample::receipt("2026-01-03T00:00:00Z") };
        for receipt in [&late, &early, &other] {
            lake.commit(receipt).await.unwrap();
        }
        assert_eq!(*lake.receipts(None).await.unwrap(), [early.clone(), other, late.clone()]);
        let cases = BTreeSet::from(["testrail_cases".to_owned(), "unknown_thing".to_owned()]);
        let of_cases = lake.receipts(Some(&cases)).await.unwrap();
        assert_eq!(*of_cases, [early.clone(), late.clone()]);
        assert!(of_cases.cover("unknown_thing") && !of_cases.cover("testrail_plans") && !of_cases.cover_all());
        // What is held is not read again: it may even be gone.
        let mut known = Receipts { list: vec![late.clone()], of: Some(BTreeSet::new()) };
        lake.add_receipts(&mut known, Some(&cases)).await.unwrap();
        assert_eq!(*known, [early, late]);
        assert!(known.cover("testrail_cases") && !known.cover_all());
        lake.add_receipts(&mut known, None).await.unwrap();
        assert!(known.len() == 3 && known.cover("testrail_plans") && known.cover_all());
    }

    #[test]
    fn what_was_asked_for_again_is_kept_once() {
        let partition = |id: u32| {
            let params = serde_json::json!({ "id": id }).as_object().unwrap().clone();
            Partition { no: id, params: params.into(), status: PartitionStatus::Ok, records: 0, error: None }
        };
        let receipt = |ids: &[u32]| Receipt { partitions: ids.iter().map(|id| partition(*id)).collect(), ..sample::receipt("2026-01-02T00:00:00Z") };
        let mut shared = Shared::default();
        let (first, second) = (shared.among(receipt(&[1, 2])), shared.among(receipt(&[2, 3])));
        assert_eq!((&first.partitions, &second.partitions), (&receipt(&[1, 2]).partitions, &receipt(&[2, 3]).partitions));
        assert!(Arc::ptr_eq(&first.partitions[1].params, &second.partitions[0].params));
    }

    #[tokio::test]
    async fn a_newer_receipt_is_refused_and_a_foreign_file_ignored() {
        let (_folder, lake) = sample::lake();
        let receipt = sample::receipt("2026-01-02T00:00:00Z");
        lake.put_new("receipts/testrail/cases/date=2026-01-02/notes.txt", "x".into()).await.unwrap().accept_existing();
        lake.commit(&receipt).await.unwrap();
        assert_eq!(lake.receipts(None).await.unwrap().len(), 1);
        let path = "receipts/testrail/cases/date=2026-01-03/0198c0de-0000-7000-8000-000000000000.json";
        lake.put_new(path, r#"{"version":2}"#.into()).await.unwrap().accept_existing();
        let error = lake.receipts(None).await.unwrap_err();
        assert_eq!(error.to_string(), format!("`{path}` has version 2; this `etl` reads up to 1"));
    }
}
