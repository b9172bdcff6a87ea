//! What every store of a lake must do, whatever it is.

use std::time::Duration;

use bytes::Bytes;
use etl::{
    error::Kind as ErrorKind,
    lake::{Lake, Wanted},
    settings::{Env, Settings},
};

use super::cloud::{Cloud, Kind};

/// More than one part of an upload.
const LARGE: usize = (8 << 20) + 300_000;

fn paths(objects: Vec<etl::lake::Object>) -> Vec<String> {
    objects.into_iter().map(|object| object.path).collect()
}

fn large(seed: u8) -> Vec<u8> {
    (0..LARGE).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed)).collect()
}

async fn keeps_the_rules(cloud: &Cloud) {
    let what = format!("{:?}", cloud.kind);
    let lake = cloud.open();
    assert_eq!(paths(lake.list("").await.unwrap()), Vec::<String>::new(), "{what}: nothing yet");
    assert_eq!(lake.list_folders("receipts").await.unwrap(), Vec::<String>::new(), "{what}");
    assert!(!lake.exists("a/b").await.unwrap(), "{what}");
    let missing = lake.get("a/b").await.unwrap_err();
    assert_eq!((missing.kind(), missing.to_string().starts_with("`a/b` is not in the lake")), (ErrorKind::Lake, true), "{what}: {missing:?}");

    // Created once, never replaced, by either way of writing.
    let disk = tempfile::tempdir().unwrap();
    let file = disk.path().join("file");
    fs_err::write(&file, "second").unwrap();
    assert!(lake.put_new("a/b", Bytes::from_static(b"first")).await.unwrap().is_new(), "{what}");
    assert!(!lake.put_new("a/b", Bytes::from_static(b"second")).await.unwrap().is_new(), "{what}");
    assert!(!lake.upload_new("a/b", &file).await.unwrap().is_new(), "{what}");
    assert!(lake.upload_new("a/c", &file).await.unwrap().is_new(), "{what}");
    let large_file = disk.path().join("large");
    fs_err::write(&large_file, large(1)).unwrap();
    assert!(lake.upload_new("large/one", &large_file).await.unwrap().is_new(), "{what}");
    fs_err::write(&large_file, large(2)).unwrap();
    assert!(!lake.upload_new("large/one", &large_file).await.unwrap().is_new(), "{what}");

    // Another machine sees the same: whole objects, and files of them.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = cloud.on_disk(elsewhere.path());
    assert_eq!(other.get("a/b").await.unwrap(), "first", "{what}");
    assert_eq!(other.get("a/c").await.unwrap(), "second", "{what}");
    let local = other.local(vec![Wanted::at("large/one"), Wanted::at("a/c")]).await.unwrap();
    assert!(fs_err::read(&local.paths()[0]).unwrap() == large(1), "{what}: the first one stayed, byte for byte");
    assert_eq!(fs_err::read(&local.paths()[1]).unwrap(), b"second", "{what}");

    // Listings: ordered, from an offset, by folder, over several pages.
    for number in 0..12 {
        lake.put_new(&format!("receipts/s/e/date=2026-01-{:02}/{number}.json", number / 3 + 1), Bytes::from_static(b"{}"))
            .await
            .unwrap()
            .accept_existing();
    }
    let all = paths(other.list("receipts").await.unwrap());
    assert_eq!((all.len(), all.is_sorted()), (12, true), "{what}: {all:?}");
    let later = paths(other.list_after("receipts/s/e", "receipts/s/e/date=2026-01-02z").await.unwrap());
    assert_eq!(later, all[6..], "{what}");
    assert_eq!(other.list_folders("receipts/s/e").await.unwrap().len(), 4, "{what}");
    assert_eq!(other.list_folders("").await.unwrap(), ["a", "large", "receipts"], "{what}");
    assert_eq!(paths(other.list("a").await.unwrap()), ["a/b", "a/c"], "{what}: and nothing of an upload is left");
    assert_eq!(other.list("large").await.unwrap()[0].bytes, LARGE as u64, "{what}");
    assert!(lake.probe().await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_store_keeps_the_rules() {
    for kind in Kind::ALL {
        keeps_the_rules(&Cloud::new(kind).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_one_wins_in_every_bucket() {
    for kind in [Kind::Google, Kind::S3, Kind::Azure] {
        let cloud = Cloud::new(kind).await;
        let disk = tempfile::tempdir().unwrap();
        let writers = (0..6_u8).map(|writer| {
            let folder = disk.path().join(format!("{writer}"));
            let file = disk.path().join(format!("{writer}.large"));
            fs_err::write(&file, large(writer)).unwrap();
            // Machines of their own.
            let lake = cloud.on_disk(&folder);
            tokio::spawn(async move {
                let put = lake.put_new("put", vec![writer; 100_000].into()).await.unwrap();
                (put.is_new(), lake.upload_new("large", &file).await.unwrap().is_new())
            })
        });
        let (mut put, mut streamed) = (Vec::new(), Vec::new());
        for (writer, task) in (0_u8..).zip(writers.collect::<Vec<_>>()) {
            let won = task.await.unwrap();
            put.extend(won.0.then_some(writer));
            streamed.extend(won.1.then_some(writer));
        }
        assert_eq!((put.len(), streamed.len()), (1, 1), "{kind:?}");
        let lake = cloud.open();
        assert_eq!(lake.get("put").await.unwrap(), vec![put[0]; 100_000], "{kind:?}");
        assert!(lake.get("large").await.unwrap() == large(streamed[0]), "{kind:?}: whole, and of one writer");
        assert_eq!(paths(lake.list("").await.unwrap()), ["large", "put"], "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_upload_leaves_nothing_visible() {
    for kind in [Kind::Google, Kind::S3, Kind::Azure] {
        let cloud = Cloud::new(kind).await;
        let (lake, disk) = (cloud.open(), tempfile::tempdir().unwrap());
        let file = disk.path().join("large");
        fs_err::write(&file, large(5).repeat(3)).unwrap();
        for milliseconds in [5, 20, 60] {
            let cut: Lake = lake.clone();
            let file = file.clone();
            let task = tokio::spawn(async move { cut.upload_new("large/one", &file).await });
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            task.abort();
            if task.await.is_ok_and(|done| done.is_ok()) {
                break;
            }
            let whole = cloud.open().list("").await.unwrap().iter().all(|object| object.bytes == 3 * LARGE as u64);
            assert!(whole, "{kind:?}: nothing, or (after its copy) all of it");
        }
        lake.upload_new("large/one", &file).await.unwrap().accept_existing();
        assert_eq!(lake.list("large").await.unwrap()[0].bytes, 3 * LARGE as u64, "{kind:?}");
    }
}

#[tokio::test]
async fn refusals_of_a_bucket_say_what_to_do() {
    let cloud = Cloud::new(Kind::Google).await;
    let lake = cloud.open();
    lake.put_new("a", Bytes::from_static(b"1")).await.unwrap().accept_existing();
    cloud.google.as_ref().unwrap().forbid(true);
    let refused = lake.put_new("b", Bytes::from_static(b"1")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    assert!(refused.remedy().unwrap().contains("`storage.objects.create`"), "{:?}", refused.remedy());
    assert!(lake.probe().await.unwrap_err().remedy().unwrap().contains("`storage.objects.list`"));
    cloud.google.as_ref().unwrap().forbid(false);

    let mut elsewhere = Cloud::new(Kind::Google).await;
    elsewhere.location = "gs://another".to_owned();
    for missing in [elsewhere.open().list("").await.unwrap_err(), elsewhere.open().get("a").await.unwrap_err()] {
        assert_eq!(missing.kind(), ErrorKind::Config, "{missing:?}");
        assert!(missing.remedy().unwrap().contains("there is no bucket `another`"), "{:?}", missing.remedy());
    }
    for (variable, value, part) in
        [("GCLOUD_AUTH", "{\"private_key\":\"x\"}", "GCLOUD_AUTH"), ("STORAGE_EMULATOR_HOST", "http://10.0.0.1", "in the clear")]
    {
        let mut wrong = Cloud::new(Kind::Google).await;
        wrong.variables.push((variable, value.to_owned()));
        let disk = tempfile::tempdir().unwrap();
        let error = Lake::of(&wrong.settings(disk.path())).err().unwrap();
        assert!(error.kind() == ErrorKind::Config && format!("{error:?}").contains(part), "{error:?}");
    }
    // Half of a pair.
    let disk = tempfile::tempdir().unwrap();
    let env = Env::of([("ETL_LAKE", "s3://lake"), ("AWS_ACCESS_KEY_ID", "x")]);
    let error = Lake::of(&Settings::read(disk.path(), env).unwrap()).err().unwrap();
    assert!(error.remedy().unwrap().contains("`AWS_SECRET_ACCESS_KEY`"), "{error:?}");
}

#[tokio::test]
async fn a_listing_that_lags_hides_nothing_from_who_wrote_it() {
    let cloud = Cloud::new(Kind::Google).await;
    let lake = cloud.open();
    cloud.google.as_ref().unwrap().lag(Duration::from_secs(600));
    lake.put_new("receipts/s/e/date=2026-01-01/1.json", Bytes::from_static(b"{}")).await.unwrap().accept_existing();
    assert_eq!(lake.list_folders("receipts").await.unwrap(), ["s"]);
    assert_eq!(lake.list_folders("receipts/s").await.unwrap(), ["e"]);
    assert_eq!(paths(lake.list("receipts/s").await.unwrap()), ["receipts/s/e/date=2026-01-01/1.json"]);
    assert_eq!(paths(lake.list_after("receipts/s/e", "receipts/s/e/date=2026-01-01z").await.unwrap()), Vec::<String>::new());
    // Others do not see it in listings yet, but whoever knows the name has it.
    let disk = tempfile::tempdir().unwrap();
    let other = cloud.on_disk(disk.path());
    assert_eq!(paths(other.list("receipts").await.unwrap()), Vec::<String>::new());
    assert_eq!(other.get("receipts/s/e/date=2026-01-01/1.json").await.unwrap(), "{}");
}
