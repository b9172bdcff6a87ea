//! `--preflight-refresh`: production is copied to preflight, and at no step of it is preflight lost.

use super::{
    busy,
    faults::Faults,
    script::{Scripts, ident},
    watch::Watch,
};
use crate::scratch::PASSWORD;

#[tokio::test]
async fn preflight_becomes_a_copy_of_production_in_mysql() {
    let mut scripts = Scripts::new().await;
    let (production, preflight) = (scripts.name("-produc`tion"), scripts.name("-pre'flight"));
    scripts.database(&production, &busy(&production)).await;
    let wanted = scripts.everything(&production).await;
    let faults = Faults::new(&mut scripts);
    let refresh = ["--preflight-refresh", &production, &preflight];
    // A copy that is there already.
    scripts.ok(&["-c", &production, &preflight]);

    // A former one with things of its own.
    let p = ident(&preflight);
    scripts
        .as_root(&format!(
            "insert into {p}.log values (1, 'former'); create table {p}.mine (i int primary key); insert into {p}.mine values (1);
             create trigger {p}.mine_too before insert on {p}.mine for each row set new.i = 5; drop procedure {p}.note_it;
             create view {p}.my_view as select i from {p}.mine; create procedure {p}.mine_three() select 3"
        ))
        .await;
    // The server's own account has made them; they are to come back whoever restores them.
    let former = scripts.everything(&preflight).await;
    assert_ne!(former, wanted);
    for (statement, how) in [("rename table", "before"), ("rename table", "after"), (".`my_VIEW`;", "before"), ("VIEW `the_first`", "hold")] {
        match how {
            "hold" => faults.statements(statement, "hold"),
            how => faults.statements(&statement.replace("VIEW", "view"), how),
        }
        let failed = if how == "hold" {
            // Killed while the copy is being made: nothing can be tidied up, and nothing has happened to preflight.
            let mut child = scripts.spawn(&refresh);
            faults.wait();
            child.kill().unwrap();
            child.wait().unwrap();
            None
        } else {
            let failed = scripts.run(&refresh);
            assert_eq!(failed.code, Some(1), "{statement} {how}: {}", failed.stderr);
            assert!(faults.happened(), "{statement} {how}: {}", failed.stderr);
            Some(failed)
        };
        faults.none();
        assert_eq!(scripts.everything(&preflight).await, former, "{statement} {how}: {failed:?}");
        let left = if how == "hold" { 3 } else { 2 };
        assert_eq!(scripts.databases().await.len(), left, "{statement} {how}: {:?}", scripts.databases().await);
    }
    // The next one clears away what the killed one has left.
    let watch = Watch::new(PASSWORD, format!("--user={}", scripts.prefix));
    let done = scripts.ok(&[&refresh[..], &["--blank-emails"]].concat());
    watch.end();
    assert!(done.stderr.contains("left behind by a run that was killed"), "{}", done.stderr);
    assert!(done.stderr.contains("the addresses in 2 columns are left out"), "{}", done.stderr);
    let mails = format!("select ifnull(email, '-') from {p}.children where id < 3 union all select email from {p}.`we``ird 'na\"me-$ü`");
    let mails = scripts.texts(&mails).await;
    assert!(mails.len() == 4 && mails.iter().all(|mail| !mail.contains('@')) && mails[1] == "nobody" && mails[2] != mails[3], "{mails:?}");
    let blank =
        |lines: Vec<String>| lines.into_iter().filter(|line| !line.starts_with("row children") && !line.starts_with("row we`")).collect::<Vec<_>>();
    assert_eq!(blank(scripts.everything(&preflight).await), blank(wanted));
    assert_eq!(scripts.databases().await.len(), 2, "{:?}", scripts.databases().await);

    for target in ["production", production.as_str()] {
        assert_eq!(scripts.run(&["--preflight-refresh", &production, target]).code, Some(1));
    }
    for left in scripts.leftovers() {
        fs_err::remove_dir_all(scripts.folder.path().join(left)).unwrap();
    }
    scripts.clear().await;
}

#[tokio::test]
async fn strangers_databases_in_mysql_are_not_taken_for_leftovers() {
    let scripts = Scripts::new().await;
    let (production, preflight) = (scripts.name("-a"), scripts.name("-b"));
    scripts.database(&production, "create table t (i int)").await;
    scripts.database(&preflight, "create table t (i int); insert into t values (4)").await;
    scripts.database(&format!("{preflight}_old"), "create table precious (i int)").await;
    let refused = scripts.run(&["--preflight-refresh", &production, &preflight]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("drop or rename it"), "{}", refused.stderr);
    assert_eq!(scripts.databases().await, ["-a", "-b", "-b_old"]);
    // There may be no preflight yet.
    scripts.ok(&["--preflight-refresh", &production, &scripts.name("-c")]);
    assert_eq!(scripts.everything(&scripts.name("-c")).await, scripts.everything(&production).await);
    scripts.clear().await;
}
