//! `--copy-db`, and what all options have in common.

use std::process::Command;

use super::{
    busy,
    faults::Faults,
    script::{HOSTILE, Scripts, ident, program},
    watch::Watch,
};
use crate::scratch::PASSWORD;

#[tokio::test]
async fn help_usage_and_missing_variables_need_no_mysql() {
    let mut scripts = Scripts::new().await;
    for flag in ["-h", "--help"] {
        let bare = Command::new(program("db")).env_clear().env("PATH", super::script::path()).arg(flag).output().unwrap();
        assert!(bare.status.success() && bare.stderr.is_empty());
        let help = String::from_utf8(bare.stdout).unwrap();
        for option in ["-h, --help", "-s, --sql", "-c, --copy-db", "-i, --import", "-d, --dump", "-a, --dump-data", "-m, --migrate-data"] {
            assert!(help.contains(option), "{help}");
        }
    }
    for wrong in [&["--sqll"][..], &["-s"], &["-s", ""], &["-c", "one"], &["-d", "a", "b"], &["-d", "a", "-a"], &["word"], &["-d", "a", "--replace"]]
    {
        assert_eq!(scripts.run(wrong).code, Some(2), "{wrong:?}");
    }
    let missing = scripts.run(&["-s", "select 1"]);
    assert_eq!((missing.code, missing.stderr.as_str()), (Some(2), "db: not set: CLOUD_SQL_DATABASE_NAME\n"));
    scripts.unset("CLOUD_SQL_DATABASE_PASSWORD");
    let missing = scripts.run(&["-d", "anything"]);
    assert_eq!((missing.code, missing.stderr.as_str()), (Some(2), "db: not set: CLOUD_SQL_DATABASE_PASSWORD\n"));
    scripts.clear().await;
}

#[tokio::test]
async fn sql_prints_rows_and_passes_the_code_of_mysql_on() {
    let mut scripts = Scripts::new().await;
    let name = scripts.name(HOSTILE);
    scripts.database(&name, &busy(&name)).await;
    scripts.set("CLOUD_SQL_DATABASE_NAME", &name);
    let watch = Watch::new(PASSWORD, format!("--user={}", scripts.prefix));
    let rows = scripts.ok(&["-s", "select id, parent from parents order by id"]);
    assert_eq!(rows.stdout, "id\tparent\n7\tNULL\n8\t7\n9\t8\n");
    assert_eq!(rows.stderr, "");
    let text = scripts.ok(&["--sql", "-- a comment\nselect note from children where id in (1, 2) order by id; select database() as it"]);
    assert_eq!(
        text.stdout,
        format!("note\ntab\\tline\\nback\\\\slash'quote\n/*!40000 DROP DATABASE mysql */; 𝒳\nit\n{}\n", name.replace('\\', "\\\\"))
    );
    let refused = scripts.run(&["-s", "select 1 as one; select * from nothing; select 2 as two"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), "one\n1\n"));
    assert!(refused.stderr.contains("nothing' doesn't exist"), "{}", refused.stderr);
    // The client's own commands are text here.
    let shell = scripts.run(&["-s", "\\! touch made-by-the-client\n"]);
    assert_eq!(shell.code, Some(1), "{}", shell.stderr);
    assert!(!scripts.folder.path().join("made-by-the-client").exists());
    // The bare call is the client itself.
    let input = scripts.folder.path().join("input.sql");
    fs_err::write(&input, "select database();\nselect sleep(0.3);\nselect broken").unwrap();
    let bare = scripts.given(&input, &[]);
    assert_eq!(bare.code, Some(1), "{}", bare.stderr);
    assert!(bare.stdout.contains(&name.replace('\\', "\\\\")), "{}", bare.stdout);
    scripts.set("CLOUD_SQL_DATABASE_HOST", "localhost");
    assert_eq!(scripts.ok(&["-s", "select 1"]).stdout, "1\n1\n", "localhost is no socket");
    scripts.set("CLOUD_SQL_DATABASE_PASSWORD", "wrong");
    assert_eq!(scripts.run(&["-s", "select 1"]).code, Some(1));
    watch.end();
    scripts.clear().await;
}

#[tokio::test]
async fn a_copy_in_mysql_is_true_and_never_overwrites() {
    let scripts = Scripts::new().await;
    let (source, target) = (scripts.name(HOSTILE), scripts.name("-the copy's `name`$"));
    scripts.database(&source, &busy(&source)).await;
    // A view of somebody else's, whom this account may not speak for.
    scripts.as_root(&format!("create sql security invoker view {}.of_root as select id from {0}.parents", ident(&source))).await;
    let before = scripts.everything(&source).await;
    assert!(before.iter().filter(|line| line.starts_with("row children")).count() == 42, "{before:#?}");
    let watch = Watch::new(PASSWORD, format!("--user={}", scripts.prefix));
    let copied = scripts.ok(&["-c", &source, &target]);
    watch.end();
    assert_eq!(copied.stdout, "");
    assert!(copied.stderr.contains("procedure `note_it` names the database it was copied from"), "{}", copied.stderr);
    assert_eq!(scripts.everything(&target).await, before);
    assert_eq!(scripts.everything(&source).await, before);

    for (source, target, says) in [
        (source.as_str(), target.as_str(), "is there already"),
        (&source, &source, "onto itself"),
        (&source, "production", "no copy may replace"),
        (&source, "PRODUCTION", "no copy may replace"),
        (&source, "mysql", "belongs to the server"),
        (&scripts.name("-none"), &scripts.name("-new"), "there is no database"),
    ] {
        let refused = scripts.run(&["-c", source, target]);
        assert_eq!(refused.code, Some(1), "{source} {target}");
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
    // Replacing takes what the target had, once the copy is whole.
    scripts.as_root(&format!("insert into {0}.log values (1, 'only here'); create table {0}.mine (i int)", ident(&target))).await;
    scripts.ok(&["-c", &source, &target, "--replace"]);
    assert_eq!(scripts.everything(&target).await, before);
    assert_eq!(scripts.databases().await.len(), 2, "{:?}", scripts.databases().await);
    scripts.clear().await;
}

#[tokio::test]
async fn a_copy_in_mysql_that_breaks_off_leaves_nothing_that_looks_whole() {
    let mut scripts = Scripts::new().await;
    let (source, target) = (scripts.name("-source"), scripts.name("-target"));
    scripts.database(&source, &busy(&source)).await;
    let faults = Faults::new(&mut scripts);

    // The dump ends early, as if killed.
    faults.cut_dumps();
    let broken = scripts.run(&["-c", &source, &target]);
    assert_ne!(broken.code, Some(0), "{}", broken.stderr);
    assert!(broken.stderr.contains("was not finished and is removed"), "{}", broken.stderr);
    assert_eq!(scripts.databases().await, ["-source"]);
    let dumped = scripts.run(&["-d", &source]);
    assert_ne!(dumped.code, Some(0));
    assert!(fs_err::read_dir(scripts.folder.path()).unwrap().all(|entry| entry.unwrap().path().extension().is_none_or(|end| end != "sql")));
    faults.none();

    // The script is asked to end while rows flow.
    faults.hold_dumps();
    let mut child = scripts.spawn(&["-c", &source, &target]);
    faults.wait();
    faults.signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(scripts.databases().await, ["-source"]);
    faults.none();

    // It is killed: what is left says that it is unfinished, to the next who looks, and is not taken for a copy.
    faults.hold_dumps();
    let mut child = scripts.spawn(&["-c", &source, &target]);
    faults.wait();
    child.kill().unwrap();
    child.wait().unwrap();
    faults.none();
    let refused = scripts.run(&["-c", &source, &target]);
    assert!(refused.stderr.contains("a copy that was never finished"), "{}", refused.stderr);
    scripts.ok(&["-c", &source, &target, "--replace"]);
    assert_eq!(scripts.everything(&target).await, scripts.everything(&source).await);
    assert_eq!(scripts.databases().await, ["-source", "-target"]);
    for left in scripts.leftovers() {
        // Nothing runs any more that could take away the folder of the killed one.
        fs_err::remove_dir_all(scripts.folder.path().join(left)).unwrap();
    }
    scripts.clear().await;
}
