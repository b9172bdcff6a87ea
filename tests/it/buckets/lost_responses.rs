//! Writes whose response is lost: the object may or may not exist, and only a look at it says which.

use bytes::Bytes;
use etl::lake::{Created, Lake, Wanted};

use super::{
    cloud::{Cloud, Kind},
    faulty::Fault,
};

const BUCKETS: [Kind; 3] = [Kind::Google, Kind::S3, Kind::Azure];

/// More than one part of an upload.
fn large(seed: u8) -> Vec<u8> {
    (0..(8_usize << 20) + 300_000).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

async fn upload(lake: &Lake, path: &str, content: &[u8]) -> Created {
    let disk = tempfile::tempdir().unwrap();
    let file = disk.path().join("file");
    fs_err::write(&file, content).unwrap();
    lake.upload_new(path, &file).await.unwrap()
}

/// The object as another machine sees it.
async fn read(cloud: &Cloud, path: &str) -> Vec<u8> {
    let elsewhere = tempfile::tempdir().unwrap();
    let local = cloud.on_disk(elsewhere.path()).local(vec![Wanted::at(path)]).await.unwrap();
    fs_err::read(&local.paths()[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_store_keeps_the_rules_when_every_request_fails() {
    for kind in BUCKETS {
        for seed in 1..=2 {
            let what = format!("{kind:?}, seed {seed}");
            let cloud = Cloud::faulty(kind, seed).await;
            let lake = cloud.open();
            assert!(upload(&lake, "large/one", &large(3)).await.is_written(), "{what}");
            for number in 0..4 {
                let created = lake.put_new(&format!("a/{number}"), Bytes::from(vec![b'x'; 20_000])).await.unwrap();
                assert!(created.is_written(), "{what}: a/{number}");
            }
            let elsewhere = tempfile::tempdir().unwrap();
            let other = cloud.on_disk(elsewhere.path());
            assert_eq!(other.list("a").await.unwrap().len(), 4, "{what}");
            assert!(read(&cloud, "large/one").await == large(3), "{what}");
            assert_eq!(read(&cloud, "a/3").await, vec![b'x'; 20_000], "{what}");
            assert_eq!(other.put_new("a/3", Bytes::from_static(b"y")).await.unwrap(), Created::Different, "{what}");
            assert!(lake.traffic().unwrap().requests > 20, "{what}: repetitions are counted: {:?}", lake.traffic());
        }
    }
}

/// The request that makes an uploaded file whole, under its own name or under its target's.
fn is_completion(method: &str, target: &str) -> bool {
    (method == "POST" && target.contains("uploadId=")) || (method == "PUT" && target.contains("comp=blocklist"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_without_response_is_done() {
    for kind in BUCKETS {
        for fault in [Fault::ResponseLost, Fault::DoneButInternalError, Fault::InternalError, Fault::ResponseCut] {
            let cloud = Cloud::with_fault(kind, fault, is_completion).await;
            assert!(upload(&cloud.open(), "large/one", &large(4)).await.is_written(), "{kind:?} {fault:?}");
            assert!(read(&cloud, "large/one").await == large(4), "{kind:?} {fault:?}");
            let all: Vec<_> = cloud.open().list("").await.unwrap().into_iter().map(|object| object.path).collect();
            assert_eq!(all, ["large/one"], "{kind:?} {fault:?}");
        }
    }
}

/// Writes of an object under its own name in one request: a small one, or the copy of a large one.
fn is_write(method: &str, target: &str) -> bool {
    method == "PUT" && (target.contains("/small") || target.contains("/large")) && !target.contains("comp=block")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_response_is_done() {
    for kind in BUCKETS {
        for fault in [Fault::ResponseLost, Fault::DoneButInternalError, Fault::Dropped] {
            let cloud = Cloud::with_fault(kind, fault, is_write).await;
            let lake = cloud.open();
            assert!(lake.put_new("small", Bytes::from_static(b"mine")).await.unwrap().is_written(), "{kind:?} {fault:?}");
            assert!(upload(&lake, "large", &large(5)).await.is_written(), "{kind:?} {fault:?}");
            assert_eq!(read(&cloud, "small").await, b"mine", "{kind:?} {fault:?}");
            assert!(read(&cloud, "large").await == large(5), "{kind:?} {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_neither_existence_nor_failure() {
    let is_conditional = |method: &str, target: &str| is_write(method, target) || (is_completion(method, target) && !target.contains(".uploads"));
    for kind in BUCKETS {
        let cloud = Cloud::with_fault(kind, Fault::Conflict, is_conditional).await;
        let lake = cloud.open();
        assert_eq!(lake.put_new("small", Bytes::from_static(b"mine")).await.unwrap(), Created::New, "{kind:?}");
        assert_eq!(upload(&lake, "large", &large(6)).await, Created::New, "{kind:?}");
        assert_eq!(read(&cloud, "small").await, b"mine", "{kind:?}");
        assert!(read(&cloud, "large").await == large(6), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_and_different_objects_are_told_apart() {
    for kind in Kind::ALL {
        let cloud = Cloud::new(kind).await;
        let lake = cloud.open();
        for expected in [Created::New, Created::Identical] {
            assert_eq!(lake.put_new("small", Bytes::from_static(b"mine")).await.unwrap(), expected, "{kind:?}");
            assert_eq!(upload(&lake, "large", &large(7)).await, expected, "{kind:?}");
        }
        assert_eq!(lake.put_new("small", Bytes::from_static(b"tiny")).await.unwrap(), Created::Different, "{kind:?}");
        let different = upload(&lake, "large", &large(8)).await;
        assert_eq!(different, Created::Different, "{kind:?}");
        let refused = different.require_written(&lake, "large").unwrap_err();
        assert!(refused.to_string().starts_with("`large` already exists in the lake `"), "{refused}");
        assert_eq!(read(&cloud, "small").await, b"mine", "{kind:?}");
        assert!(read(&cloud, "large").await == large(7), "{kind:?}");
    }
}
