//! `--dump`, `--dump-data` and `--import`.

use std::os::unix::fs::PermissionsExt;

use super::{
    busy,
    faults::{executable, real},
    script::{HOSTILE, Scripts, ident},
    watch::Watch,
};
use crate::scratch::PASSWORD;

#[tokio::test]
async fn dumps_of_mysql_load_anywhere() {
    let mut scripts = Scripts::new().await;
    let (source, target, data) = (scripts.name(HOSTILE), scripts.name("-else where"), scripts.name("-data"));
    scripts.database(&source, &busy(&source)).await;
    scripts.database(&target, "").await;
    let before = scripts.everything(&source).await;
    let watch = Watch::new(PASSWORD, format!("--user={}", scripts.prefix));
    let dumped = scripts.ok(&["-d", &source]).stdout.trim_end().to_owned();
    let stamp = dumped.strip_prefix(&format!("{source}-")).and_then(|rest| rest.strip_suffix(".sql")).unwrap();
    assert!(stamp.len() == 19 && stamp.split('-').count() == 6 && stamp.starts_with("20"), "{stamp}");
    let path = scripts.folder.path().join(&dumped);
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = String::from_utf8_lossy(&fs_err::read(&path).unwrap()).into_owned();
    assert!(!text.contains("sandbox") && !text.lines().any(|line| line.starts_with("USE ") || line.starts_with("CREATE DATABASE")));
    assert!(text.contains("0x00FF275C0A0D1A") && text.contains("TIME_ZONE='+00:00'") && text.contains("😀"));
    scripts.set("CLOUD_SQL_DATABASE_NAME", &target);
    scripts.ok(&["-i", &dumped]);
    assert_eq!(scripts.everything(&target).await, before);

    // The data alone, into tables that are there.
    let structure = "create table log (note text, entry int, more int)";
    scripts.database(&data, structure).await;
    let only = scripts.name("-only");
    scripts.database(&only, "create table log (entry int, note text); insert into log values (1, 'one'), (2, null)").await;
    let dumped = scripts.ok(&["--dump-data", &only]).stdout.trim_end().to_owned();
    watch.end();
    assert!(dumped.starts_with(&format!("DATA-{only}-")), "{dumped}");
    scripts.set("CLOUD_SQL_DATABASE_NAME", &data);
    scripts.ok(&["--import", &dumped]);
    assert_eq!(scripts.texts(&format!("select concat(entry, ifnull(note, '-')) from {}.log", ident(&data))).await, ["1one", "2-"]);
    assert_eq!(scripts.run(&["-d", &scripts.name("-none")]).code, Some(1));
    scripts.clear().await;
}

#[tokio::test]
async fn an_import_into_mysql_stays_in_its_database() {
    let mut scripts = Scripts::new().await;
    let (own, other) = (scripts.name("-ow`n"), scripts.name("_other"));
    scripts.database(&own, "").await;
    scripts.database(&other, "create table t (i int)").await;
    scripts.set("CLOUD_SQL_DATABASE_NAME", &own);
    let file = scripts.folder.path().join("file.sql");
    let name = file.to_str().unwrap();
    let quoted = ident(&own);
    let refused = [
        format!("use {other};\ninsert into t values (1);"),
        format!("  uSe\n`{other}`"),
        format!("select 1; use {other}"),
        format!("use {quoted}; use {other}"),
        format!("/*!40000 DROP DATABASE IF EXISTS `{other}` */;"),
        format!("/*M!100000 drop schema {other} */;"),
        format!("-- it's\ndrop database {other};"),
        format!("select 'a\\'; use x; ', \"it's\", `it's`; use {other};"),
        format!("/* don't\n */ drop database {other};"),
        format!("select 'over\nlines; use {quoted}; '; use {other};"),
        format!("delimiter //\nuse {other} //\n"),
        format!("set sql_mode = 'NO_BACKSLASH_ESCAPES'; select '\\'; use {other}; select '\\';"),
    ];
    for text in refused {
        fs_err::write(&file, &text).unwrap();
        let ran = scripts.run(&["-i", name]);
        assert_eq!(ran.code, Some(2), "{text}\n{}", ran.stderr);
        assert!(ran.stderr.contains("--allow-use"), "{}", ran.stderr);
    }
    assert_eq!(scripts.texts(&format!("select cast(count(*) as char) from {other}.t")).await, ["0"]);
    let good = format!(
        "create database if not exists {quoted};\nUSE {quoted};\r\n# use x\ncreate table u (note text); -- drop database x\n\
         insert into u values ('; use {other};'), (\"\n; drop database {other};\n\"); /** use y; **/ /* use z; */\ninsert into u select '`' as `use`;\n"
    );
    fs_err::write(&file, &good).unwrap();
    scripts.ok(&["-i", name]);
    assert_eq!(
        scripts.texts(&format!("select note from {quoted}.u")).await,
        [format!("; use {other};"), format!("\n; drop database {other};\n"), "`".to_owned()]
    );
    // The first error ends it, and its code is passed on.
    fs_err::write(&file, "insert into u values ('last'); insert into nothing values (1); insert into u values ('never');").unwrap();
    assert_eq!(scripts.run(&["-i", name]).code, Some(1));
    assert_eq!(scripts.texts(&format!("select note from {quoted}.u where note in ('last', 'never')")).await, ["last"]);
    // A dump of somebody who owned his views, loaded by an account that may not speak for others.
    fs_err::write(&file, "CREATE DEFINER=`root`@`localhost` FUNCTION `two`() RETURNS int DETERMINISTIC return 2;\n").unwrap();
    let ran = scripts.run(&["-i", name]);
    assert!(ran.code == Some(1) && ran.stderr.contains("--own-definers"), "{}", ran.stderr);
    scripts.ok(&["-i", name, "--own-definers"]);
    assert_eq!(scripts.ok(&["-s", "select two() as two"]).stdout, "two\n2\n");
    fs_err::write(&file, format!("use {other}; insert into t values (5);")).unwrap();
    scripts.ok(&["-i", name, "--allow-use"]);
    assert_eq!(scripts.texts(&format!("select cast(i as char) from {other}.t")).await, ["5"]);
    assert_eq!(scripts.run(&["-i", "no such file"]).code, Some(2));
    scripts.clear().await;
}

/// The programs of MySQL 8 know options that those of MariaDB refuse, and the other way round.
#[tokio::test]
async fn the_programs_of_mysql_and_mariadb_get_their_own_options() {
    let mut scripts = Scripts::new().await;
    let source = scripts.name("-source");
    scripts.database(&source, "create table t (i int)").await;
    let bin = scripts.folder.path().join("bin");
    fs_err::create_dir(&bin).unwrap();
    let client = real(["mariadb", "mysql"]);
    executable(
        &bin.join("mysql"),
        &format!(
            "#!/bin/bash\ncase \"$*\" in *--version*) echo 'mysql  Ver 8.0.43 for Linux on x86_64 (MySQL Community Server - GPL)'; exit ;; esac\n\
             args=(); for arg; do [ \"$arg\" = --get-server-public-key ] || args+=(\"$arg\"); done\nexec {} \"${{args[@]}}\"\n",
            client.display()
        ),
    );
    executable(
        &bin.join("mysqldump"),
        "#!/bin/bash\ncase \"$*\" in *--version*) echo 'mysqldump  Ver 8.0.43 for Linux on x86_64'; exit ;; esac\nprintf '%s\\n' \"$@\"\necho '-- Dump completed on today'\n",
    );
    scripts.set("PATH", format!("{}:{}", bin.display(), super::script::path()));
    let dumped = scripts.ok(&["-d", &source]).stdout.trim_end().to_owned();
    let arguments = fs_err::read_to_string(scripts.folder.path().join(dumped)).unwrap();
    let given = |wanted: &str| arguments.lines().any(|line| line == wanted);
    for wanted in ["--set-gtid-purged=OFF", "--column-statistics=0", "--no-tablespaces", "--single-transaction", "--quick", "--hex-blob"] {
        assert!(given(wanted), "{wanted} is missing in {arguments}");
    }
    for wanted in ["--routines", "--triggers", "--events", "--default-character-set=utf8mb4", "--host=127.0.0.1", "--protocol=TCP"] {
        assert!(given(wanted), "{wanted} is missing in {arguments}");
    }
    assert!(!given("--skip-ssl-verify-server-cert") && !arguments.contains(PASSWORD));
    scripts.clear().await;
}
