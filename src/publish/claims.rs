//! Claims: of several publishers that know the same past one makes the next attempt. Which of them nobody asks for any more.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::outcomes::{ENDPOINT, Outcome};
use crate::{
    digest::sha256,
    lake::{PartitionStatus, Receipt},
};

/// What is claimed: the attempt that follows the newest known one.
pub(super) fn attempt(kind: &str, key: &str, former: Option<&Outcome>) -> String {
    let former = former.map(|former| (former.status.name(), former.attempted_at.to_rfc3339()));
    serde_json::json!([kind, key, former]).to_string()
}

/// The claims of attempts that have ended, by the hash in their names, with the time when that was recorded: who looks now sees a
/// later attempt, and claims what follows that. `receipts` are in their order.
pub fn ended(receipts: &[Receipt]) -> BTreeMap<String, DateTime<Utc>> {
    let mut newest: BTreeMap<(String, String), Outcome> = BTreeMap::new();
    let mut ended = BTreeMap::new();
    for receipt in receipts.iter().filter(|receipt| receipt.endpoint == ENDPOINT && receipt.complete()) {
        for partition in receipt.partitions.iter().filter(|partition| partition.status == PartitionStatus::Ok) {
            let outcome = Outcome::of_record(&partition.params);
            let publication = (outcome.kind.clone(), outcome.key.clone());
            let former = newest.get(&publication);
            ended.insert(sha256(attempt(&outcome.kind, &outcome.key, former)), recorded(receipt));
            newest.insert(publication, outcome);
        }
    }
    // What follows the newest one is open, whether anybody claimed it or not.
    for outcome in newest.values() {
        ended.remove(&sha256(attempt(&outcome.kind, &outcome.key, Some(outcome))));
    }
    ended
}

/// By the machine's clock, which made the id, also where `ETL_NOW` sets another.
fn recorded(receipt: &Receipt) -> DateTime<Utc> {
    let made = receipt.pull_id.get_timestamp().map(|at| at.to_unix());
    made.and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)).unwrap_or(receipt.finished)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        catalog::Project,
        clock::Clock,
        lake::Lake,
        publish::outcomes::{Outcomes, Status},
        settings::{Env, Settings},
    };

    #[tokio::test]
    async fn claims_end_with_their_attempts_and_the_next_one_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        // A clock of another year: how long ago something was recorded is told by the machine's.
        let settings = Settings::read(folder.path(), Env::of([("ETL_NOW", "2026-01-02T03:04:05Z")])).unwrap();
        let mut outcomes = Outcomes::open(&project, &lake, &settings).await.unwrap();
        let claimed = async || -> Vec<String> {
            let mut names: Vec<String> =
                lake.list("claims").await.unwrap().into_iter().map(|object| object.path["claims/".len()..].to_owned()).collect();
            names.sort();
            names
        };
        let ended = async || ended(&lake.receipts(None).await.unwrap());
        assert!(outcomes.claim("slack", "fenix").await.unwrap() && outcomes.claim("slack", "focus").await.unwrap());
        assert!(ended().await.is_empty(), "nobody knows yet how they end");
        let first = claimed().await;
        let mut attempt = Outcome::begin("slack", "fenix", "#a", "abc", outcomes.now());
        outcomes.record(vec![attempt.clone()]).await.unwrap();
        attempt.status = Status::Failed;
        outcomes.record(vec![attempt]).await.unwrap();
        let known = ended().await;
        let of_fenix: Vec<&String> = first.iter().filter(|name| known.contains_key(*name)).collect();
        assert_eq!((first.len(), of_fenix.len()), (2, 1), "the other one is open");
        let age = Clock::system().now() - known[of_fenix[0]];
        assert!(age >= TimeDelta::zero() && age < TimeDelta::minutes(10), "{age}");
        // It failed: what follows is another attempt, which is open until it is recorded.
        assert!(outcomes.claim("slack", "fenix").await.unwrap());
        let second: Vec<String> = claimed().await.into_iter().filter(|name| !first.contains(name)).collect();
        assert_eq!(second.len(), 1);
        assert!(!ended().await.contains_key(&second[0]));
        let failed = outcomes.find("slack", "fenix").unwrap();
        let again = Outcome { status: Status::Published, ..Outcome::begin("slack", "fenix", "#a", "abc", outcomes.now()) };
        outcomes.record(vec![again]).await.unwrap();
        assert!(ended().await.contains_key(&second[0]));
        // A clock that was set back: what is known now is what was known then, and what follows it is open.
        outcomes.record(vec![failed]).await.unwrap();
        assert!(!ended().await.contains_key(&second[0]));
    }
}
