//! What only a server can be asked for: other connections that read and write meanwhile, and a network that breaks. MySQL's
//! and PostgreSQL's tests call all of it. SQLite has one writer at a time and no network.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    conformance::{loaded, stored, target},
    cut::Cutter,
    destination::Destination,
    flavour::Flavour,
    sample::{Place, Row, load_one, manner, mart, numbers, plan, plans, text},
    session::{Access, Few},
    statement::Statements,
    table::Mode,
    value::Value,
};
use crate::{error::Kind, secret::Secret};

/// Makes a test of every check, in places that `$place` makes.
macro_rules! served {
    ($place:expr) => {
        $crate::load::on_servers::served!($place;
            strangers_are_not_blocked,
            readers_see_the_old_table_or_the_new_one,
            a_cut_connection_leaves_the_old_table_or_the_new_one,
            a_load_whose_connection_was_cut_is_tried_again,
            a_load_that_gives_way_is_tried_again,
            the_loading_account_has_no_other_rights,
            certificates_are_checked,
            no_error_shows_the_password,
        );
    };
    ($place:expr; $($check:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            let place = $place;
            $crate::load::on_servers::$check(&place).await;
        })*
    };
}
pub(super) use served;

fn rows(numbers: std::ops::Range<i64>, name: &str) -> Vec<Row> {
    numbers.map(|number| plan(number, name, 1)).collect()
}

/// While a load has changed rows and not committed yet, others write to all other rows without waiting.
pub(super) async fn strangers_are_not_blocked(place: &Place) {
    let destination = &place.destination;
    let contract = plans();
    place.migrated(&[&contract]).await;
    loaded(destination, &contract, &rows(0..100, "old"), 1).await;
    place.run("insert into plans (plan, name) values (1000, 'mine')").await;
    let mut session = destination.open(false).await.unwrap();
    let target = target(session.as_mut(), &contract).await;
    session.begin(Access::Write).await.unwrap();
    let statements = Statements::new(session.flavour(), &target);
    let changes: Vec<Row> = (0..50).map(|number| vec![text("new"), Value::Int(number), Value::Int(number)]).collect();
    assert_eq!(session.execute(&statements.update(), &changes).await.unwrap(), 50);
    let gone: Vec<Row> = (50..60).map(|number| vec![Value::Int(number)]).collect();
    assert_eq!(session.execute(&statements.delete(), &gone).await.unwrap(), 10);
    let fresh: Vec<Row> = (200..900).map(|number| vec![Value::Int(number), text("new"), Value::Int(number)]).collect();
    session.insert("plans", &["plan", "name", "_row_hash"], &mut Few::new(&fresh)).await.unwrap();
    // The server would break off what waits.
    let impatient = match session.flavour() {
        Flavour::Postgres => "set lock_timeout = 500",
        _ => "set innodb_lock_wait_timeout = 1",
    };
    place
        .run(&format!(
            "{impatient}; update plans set name = 'theirs' where plan = 1000; update plans set name = 'theirs' where plan = 99; \
             insert into plans (plan, name) values (1001, 'theirs'), (60000, 'theirs'), (-5, 'theirs'); delete from plans where plan = 98"
        ))
        .await;
    session.rollback().await.unwrap();
    let names: Vec<Row> = stored(destination, &contract).await.into_iter().filter(|row| row[1] == text("theirs")).collect();
    assert_eq!(names.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), [-5, 99, 1000, 1001, 60000].map(Value::Int));
}

/// Every read during loads gives one whole state.
pub(super) async fn readers_see_the_old_table_or_the_new_one(place: &Place) {
    let contract = plans();
    place.migrated(&[&contract]).await;
    let destination = place.destination.clone();
    loaded(&destination, &contract, &rows(0..800, "0"), 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let loading = tokio::spawn({
        let (destination, contract, done) = (destination.clone(), contract.clone(), Arc::clone(&done));
        async move {
            for round in 1..9 {
                // Every row changes, some come and some go.
                let first = i64::from(round % 2) * 100;
                loaded(&destination, &contract, &rows(first..first + 800, &round.to_string()), 1 + round).await;
            }
            done.store(true, Ordering::SeqCst);
        }
    });
    let mut seen = BTreeSet::new();
    while !done.load(Ordering::SeqCst) && !loading.is_finished() {
        let rows = stored(&destination, &contract).await;
        let names: BTreeSet<String> = rows.iter().map(|row| row[1].to_string()).collect();
        assert_eq!((rows.len(), names.len()), (800, 1), "{names:?}");
        seen.extend(names);
    }
    loading.await.unwrap();
    assert!(!seen.is_empty());
}

/// A connection that breaks at any byte, on the way there or back.
pub(super) async fn a_cut_connection_leaves_the_old_table_or_the_new_one(place: &Place) {
    let contract = plans();
    place.migrated(&[&contract]).await;
    let scratch = place.scratch.as_ref().unwrap();
    let cutter = Cutter::before(&scratch.loader()).await;
    let shaky = Destination::of(&Secret::new(cutter.url.clone())).unwrap().waiting(Duration::from_secs(20));
    let direct = place.destination.clone().waiting(Duration::from_secs(20));
    let (old, new) = (rows(0..300, "old"), rows(100..400, "new"));
    let mut as_of = 1;
    let mut whole = async || {
        let mut all = manner(Mode::Load);
        all.asked_for = true;
        all.accept_shrink = vec!["plans".to_owned()];
        all.attempts = 1;
        load_one(&direct, &contract, &Arc::new(mart(&contract, &old, as_of)), &all).await;
        assert_eq!(stored(&direct, &contract).await, old);
        as_of = as_of % 28 + 1;
        all
    };
    let all = whole().await;
    let new_mart = || Arc::new(mart(&contract, &new, 30));
    let many = 1 << 40;
    cutter.cut_after(many);
    assert!(load_one(&shaky, &contract, &new_mart(), &all).await.error.is_none());
    let bytes = cutter.passed(many);
    assert!(bytes > 10_000, "{bytes}");
    // Evenly over the whole, and densely over the end, where the commit is.
    let evenly = (0..20).map(|step| bytes * step / 20);
    let (mut kept, mut made) = (0, 0);
    for cut in evenly.chain((0..14).map(|step| bytes - step * 9)) {
        whole().await;
        cutter.cut_after(cut);
        let summary = load_one(&shaky, &contract, &new_mart(), &all).await;
        cutter.cut_after(many);
        let now = stored(&direct, &contract).await;
        assert!(now == old || now == new, "cut after {cut} of {bytes} bytes: {} rows, {:?}", now.len(), summary.error);
        if summary.error.is_none() {
            assert!(now == new, "cut after {cut} of {bytes} bytes: said to be loaded, and is not");
        }
        *(if now == old { &mut kept } else { &mut made }) += 1;
    }
    assert!(kept > 5 && made > 0, "{kept} old, {made} new");
}

/// The same, with the attempts that a load has: the table is the new one, and what was done is told, be it that the cut
/// swallowed the answer to the COMMIT.
pub(super) async fn a_load_whose_connection_was_cut_is_tried_again(place: &Place) {
    let contract = plans();
    place.migrated(&[&contract]).await;
    let cutter = Cutter::before(&place.scratch.as_ref().unwrap().loader()).await;
    let shaky = Destination::of(&Secret::new(cutter.url.clone())).unwrap().waiting(Duration::from_secs(20));
    let (old, new) = (rows(0..300, "old"), rows(100..400, "new"));
    let mut all = manner(Mode::Load);
    all.asked_for = true;
    all.accept_shrink = vec!["plans".to_owned()];
    let many = 1 << 40;
    let mut bytes = many;
    for step in 0..8 {
        load_one(&shaky, &contract, &Arc::new(mart(&contract, &old, 1)), &all).await;
        // The whole way once; then somewhere on it; then close before its end.
        cutter.cut_after(match step {
            0 => many,
            1..4 => bytes * step / 4,
            _ => bytes - (step - 3) * 25,
        });
        let summary = load_one(&shaky, &contract, &Arc::new(mart(&contract, &new, 2)), &all).await;
        bytes = if step == 0 { cutter.passed(many) } else { bytes };
        cutter.cut_after(many);
        assert!(summary.error.is_none(), "{step}: {:?}", summary.error);
        assert_eq!(numbers(&summary), (100, 200, 100, 0, 0), "{step}");
        assert!(stored(&place.destination, &contract).await == new, "{step}");
    }
    let without = super::table::Manner { attempts: 1, ..all };
    cutter.cut_after(bytes / 2);
    let cut = load_one(&shaky, &contract, &Arc::new(mart(&contract, &old, 3)), &without).await;
    assert!(super::again::was_lost(cut.error.as_ref().unwrap()), "{:?}", cut.error);
}

/// A deadlock with a stranger, whom the server lets go on: the load is rolled back and tried again.
pub(super) async fn a_load_that_gives_way_is_tried_again(place: &Place) {
    let contract = plans();
    place.migrated(&[&contract]).await;
    let patient = place.destination.clone().waiting(Duration::from_secs(20));
    loaded(&patient, &contract, &rows(1..3, "old"), 1).await;
    // MySQL rolls back the transaction that has written less; PostgreSQL the one whose patience ends first.
    place.run("create table heavy (n integer)").await;
    let numbers: Vec<String> = (0..2_000).map(|number| format!("({number})")).collect();
    let mut stranger = place.stranger().await;
    if patient.flavour() == Flavour::Postgres {
        stranger.run("set deadlock_timeout = '60s'").await;
    }
    stranger.run("begin").await;
    stranger.run(&format!("insert into heavy (n) values {}", numbers.join(", "))).await;
    stranger.run("update plans set name = 'theirs' where plan = 2").await;
    let new = rows(1..3, "new");
    let loading = tokio::spawn({
        let (patient, contract, new) = (patient.clone(), contract.clone(), new.clone());
        async move { load_one(&patient, &contract, &Arc::new(mart(&contract, &new, 2)), &manner(Mode::Load)).await }
    });
    let waiting = match patient.flavour() {
        Flavour::Postgres => "select 'x' from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        // Not innodb_trx: it is a cache that frequent looks keep from being renewed.
        _ => "select 'x' from information_schema.processlist where db = database() and info like 'update%' and time >= 1",
    };
    while place.scratch.as_ref().unwrap().texts(waiting).await.is_empty() {
        assert!(!loading.is_finished(), "the load did not wait for the stranger");
    }
    stranger.run("update plans set name = 'theirs' where plan = 1").await;
    stranger.run("commit").await;
    let summary = loading.await.unwrap();
    assert!(summary.error.is_none(), "{:?}", summary.error);
    assert_eq!(summary.updated, 2);
    assert_eq!(stored(&patient, &contract).await, new);
}

/// The rights of docs/load.md are enough for everything else in these tests, and the account has no more than those.
pub(super) async fn the_loading_account_has_no_other_rights(place: &Place) {
    let contract = plans();
    place.migrated(&[&contract]).await;
    let migrations = place.migrations();
    fs_err::write(migrations.join(place.destination.flavour().name()).join("20990101000000_more.sql"), "create table more (n integer);").unwrap();
    let refused = super::migrate::bring(&place.destination, &migrations).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Database);
    assert!(place.destination.open(false).await.unwrap().facts("more").await.unwrap().is_none());
}

/// With a certificate authority the server must prove who it is.
pub(super) async fn certificates_are_checked(place: &Place) {
    let loader = place.scratch.as_ref().unwrap().loader();
    let Some((base, ca)) = loader.split_once("?ssl-ca=") else {
        panic!("`ETL_TEST_…_URL` must end with `?ssl-ca=PATH` of the authority that signed the server's certificate");
    };
    let open = async |query: String| Destination::of(&Secret::new(format!("{base}?{query}"))).unwrap().open(false).await.map(|_| ());
    let (check, only_ca) = if base.starts_with("mysql") { ("VERIFY_IDENTITY", "VERIFY_CA") } else { ("verify-full", "verify-ca") };
    open(format!("ssl-mode={check}&ssl-ca={ca}")).await.unwrap();
    open(format!("ssl-mode={only_ca}&ssl-ca={ca}")).await.unwrap();
    // An authority that has signed nothing.
    let other = place.folder.path().join("other.pem");
    let key = place.folder.path().join("other.key");
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=other"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&other)
        .output()
        .unwrap();
    assert!(made.status.success());
    for mode in [check, only_ca] {
        let refused = open(format!("ssl-mode={mode}&ssl-ca={}", other.display())).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::Database, "{refused:?}");
    }
    assert!(open(format!("ssl-mode={check}")).await.is_err(), "no public authority has signed a certificate of the tests");
}

/// Wrong passwords, unknown databases and servers that are not there are told without a part of the password.
pub(super) async fn no_error_shows_the_password(place: &Place) {
    let loader = place.scratch.as_ref().unwrap().loader();
    let open = async |url: &str| Destination::of(&Secret::new(url)).unwrap().open(false).await.map(|_| ()).unwrap_err();
    let mut wrong = url::Url::parse(&loader).unwrap();
    wrong.set_password(Some("Hunter2/wrong")).unwrap();
    let mut nobody = wrong.clone();
    nobody.set_port(Some(1)).unwrap();
    let mut elsewhere = url::Url::parse(&loader).unwrap();
    elsewhere.set_path("/no_such_database");
    for (url, hint) in [(&wrong, "docs/load.md"), (&nobody, ""), (&elsewhere, "")] {
        let error = open(url.as_str()).await;
        let told = format!("{error:?} {:?}", error.remedy());
        assert_eq!(error.kind(), Kind::Database, "{told}");
        assert!(told.contains(hint) && !told.contains("Hunter2") && !told.contains("Geheim"), "{told}");
    }
    let shown = Destination::of(&Secret::new(loader)).unwrap().to_string();
    assert!(shown.contains(":***@") && !shown.contains("Geheim"), "{shown}");
}
