//! The mirror: what it spares, what it refuses, and reading without the bucket.

use bytes::Bytes;
use etl::{
    error::Kind as ErrorKind,
    lake::{Lake, Wanted},
};

use super::cloud::{Cloud, Kind};

#[tokio::test]
async fn nothing_is_fetched_twice_and_what_was_uploaded_not_at_all() {
    let cloud = Cloud::new(Kind::Google).await;
    let google = cloud.google.as_ref().unwrap();
    let disk = tempfile::tempdir().unwrap();
    let file = disk.path().join("spool");
    fs_err::write(&file, vec![7; 50_000]).unwrap();
    let lake = cloud.open();
    lake.upload_new("landed/a.parquet", &file).await.unwrap().accept_existing();
    lake.put_new("receipts/a.json", Bytes::from_static(b"{}")).await.unwrap().accept_existing();
    fs_err::remove_file(&file).unwrap();
    google.requests();
    let wanted = || Wanted { bytes: Some(50_000), ..Wanted::at("landed/a.parquet") };
    let local = lake.local(vec![wanted()]).await.unwrap();
    assert_eq!(fs_err::read(&local.paths()[0]).unwrap(), vec![7; 50_000]);
    assert_eq!(lake.get("receipts/a.json").await.unwrap(), "{}");
    assert_eq!(google.requests(), Vec::<String>::new(), "both were here already");

    let elsewhere = tempfile::tempdir().unwrap();
    for round in 0..2 {
        let other = cloud.on_disk(elsewhere.path());
        assert!(other.already_local([wanted()]).unwrap().is_some() == (round == 1));
        let _files = other.local(vec![wanted()]).await.unwrap();
        other.get("receipts/a.json").await.unwrap();
        assert_eq!(google.requests().len(), if round == 0 { 2 } else { 0 }, "round {round}");
    }
}

#[tokio::test]
async fn a_damaged_object_is_refused_and_not_kept() {
    let cloud = Cloud::new(Kind::Google).await;
    let disk = tempfile::tempdir().unwrap();
    cloud.open().put_new("landed/a.parquet", Bytes::from_static(b"records")).await.unwrap().accept_existing();
    cloud.google.as_ref().unwrap().damage("landed/a.parquet");
    let other = cloud.on_disk(disk.path());
    let sha256 = Some(etl::digest::sha256("records"));
    let wanted = Wanted { path: "landed/a.parquet".to_owned(), bytes: Some(7), sha256, sealed: false };
    let error = other.local(vec![wanted.clone()]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Lake && error.to_string().contains("its SHA-256 is"), "{error:?}");
    assert!(other.already_local([wanted.clone()]).unwrap().is_none());
    let short = other.local(vec![Wanted { bytes: Some(8), ..wanted }]).await.unwrap_err();
    assert!(short.to_string().contains("it has 7 bytes, not 8"), "{short:?}");
}

#[tokio::test]
async fn offline_the_mirror_alone_is_read_and_nothing_written() {
    let cloud = Cloud::new(Kind::Google).await;
    let writer = cloud.open();
    for name in ["receipts/s/e/date=2026-01-01/1.json", "landed/1.parquet", "landed/2.parquet"] {
        writer.put_new(name, Bytes::from_static(b"{}")).await.unwrap().accept_existing();
    }
    let disk = tempfile::tempdir().unwrap();
    let mut settings = cloud.settings(disk.path());
    settings.offline = true;
    let error = Lake::of(&settings).unwrap().list("").await.unwrap_err();
    assert!(error.to_string().starts_with("nothing of the lake `gs://"), "{error:?}");

    let online = cloud.on_disk(disk.path());
    online.get("receipts/s/e/date=2026-01-01/1.json").await.unwrap();
    let _files = online.local(vec![Wanted::at("landed/1.parquet")]).await.unwrap();
    cloud.google.as_ref().unwrap().requests();
    let lake = Lake::of(&settings).unwrap();
    assert_eq!(lake.list_folders("receipts/s").await.unwrap(), ["e"]);
    assert_eq!(lake.get("receipts/s/e/date=2026-01-01/1.json").await.unwrap(), "{}");
    assert_eq!(fs_err::read(&lake.local(vec![Wanted::at("landed/1.parquet")]).await.unwrap().paths()[0]).unwrap(), b"{}");
    let missing = lake.local(vec![Wanted::at("landed/2.parquet")]).await.unwrap_err();
    assert!(missing.to_string().contains("is not mirrored in"), "{missing:?}");
    let written = lake.put_new("x", Bytes::from_static(b"1")).await.unwrap_err();
    assert_eq!(written.kind(), ErrorKind::Usage, "{written:?}");
    assert_eq!(cloud.google.as_ref().unwrap().requests(), Vec::<String>::new(), "nobody was asked");
}

#[tokio::test]
async fn a_bucket_out_of_reach_points_at_the_mirror() {
    let mut cloud = Cloud::new(Kind::Google).await;
    cloud.google = None;
    let disk = tempfile::tempdir().unwrap();
    let lake = cloud.on_disk(disk.path());
    fs_err::create_dir_all(lake.local_folder().unwrap()).unwrap();
    fs_err::write(lake.local_folder().unwrap().join(".seen"), "").unwrap();
    let error = tokio::time::timeout(std::time::Duration::from_secs(60), lake.get("a")).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error:?}");
    assert!(error.remedy().unwrap().contains("`--offline` reads what was mirrored up to 20"), "{:?}", error.remedy());
}
