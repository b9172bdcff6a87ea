//! `--migrate-data`.

use super::{
    script::{HOSTILE, Scripts, ident},
    watch::Watch,
};
use crate::scratch::PASSWORD;

const OLD: &str = "create table b_parent (id int primary key, name varchar(30), parent int, foreign key (parent) references b_parent (id));
    create table a_child (id int primary key, parent int not null, raw blob, old_note text, foreign key (parent) references b_parent (id));
    create table plain (i int, at date);
    insert into b_parent values (0, 'zero', null), (2, 'two', null), (1, 'one 😀', 2);
    insert into a_child values (5, 1, x'00ff', null), (6, 0, null, null);
    insert into plain values (1, '0000-00-00'), (1, null)";

/// The same in another order, wider, with columns of its own.
const NEW: &str = "create table b_parent (parent int, added int default 3, name varchar(90), id int primary key, constraint self foreign key (parent) references b_parent (id));";

#[tokio::test]
async fn rows_go_into_the_tables_of_another_mysql_database_whole_or_not_at_all() {
    let scripts = Scripts::new().await;
    let (source, target) = (scripts.name(HOSTILE), scripts.name("-new $`'tables"));
    scripts.database(&source, &format!("set sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; {OLD}")).await;
    scripts
        .database(
            &target,
            &format!(
                "{NEW} create table a_child (raw blob, id int primary key, parent int not null, twice int as (id * 2) stored, old_note text,
                     constraint up foreign key (parent) references b_parent (id) on delete cascade);
                 create table plain (at date, i int); create table other (i int); insert into other values (9)"
            ),
        )
        .await;
    let watch = Watch::new(PASSWORD, format!("--user={}", scripts.prefix));
    let (s, t) = (ident(&source), ident(&target));
    let held = async || {
        let sql = format!(
            "select concat_ws(' ', 'p', id, name, parent, added) from {t}.b_parent
             union all select concat_ws(' ', 'c', id, parent, hex(raw), twice) from {t}.a_child
             union all select concat_ws(' ', 'l', i, at) from {t}.plain order by 1"
        );
        scripts.texts(&sql).await
    };
    // An orphan that the source has let in: found when all rows are in, and all of them go again.
    scripts.as_root(&format!("set foreign_key_checks = 0; insert into {s}.a_child values (7, 77, null, null)")).await;
    let refused = scripts.run(&["-m", &source, &target]);
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("foreign key `up` of `a_child` has rows without a parent"), "{}", refused.stderr);
    assert!(held().await.is_empty(), "{:?}", held().await);
    scripts.as_root(&format!("delete from {s}.a_child where id = 7")).await;

    let all = ["c 5 1 00FF 10", "c 6 0 12", "l 1", "l 1 0000-00-00", "p 0 zero 3", "p 1 one 😀 2 3", "p 2 two 3"];
    scripts.ok(&["-m", &source, &target]);
    assert_eq!(held().await, all);
    // Rows of equal key stop it, whole.
    scripts
        .as_root(&format!("update {t}.b_parent set name = 'changed' where id = 2; delete from {t}.plain; delete from {t}.a_child where id = 6"))
        .await;
    let changed = held().await;
    let refused = scripts.run(&["-m", &source, &target]);
    assert!(refused.code == Some(1) && refused.stderr.contains("the rows of `b_parent` did not go in"), "{}", refused.stderr);
    assert_eq!(held().await, changed);
    // Overwriting is no deleting: what hangs on a row by a cascading key stays.
    scripts.ok(&["--migrate-data", &source, &target, "--replace"]);
    watch.end();
    assert_eq!(held().await, all);
    assert_eq!(scripts.texts(&format!("select cast(i as char) from {t}.other")).await, ["9"]);
    scripts.clear().await;
}

#[tokio::test]
async fn what_does_not_fit_into_the_tables_of_mysql_is_listed_first() {
    let scripts = Scripts::new().await;
    let (source, target) = (scripts.name("-source"), scripts.name("-target"));
    scripts
        .database(
            &source,
            "create table gone (i int); create table t (a int not null, b int, c int, d varchar(5)); insert into t values (1, 2, null, 'abc');
             create view v as select 1 as one",
        )
        .await;
    scripts.database(&target, "create table t (c2 int not null, d varchar(5)) engine = MyISAM").await;
    let refused = scripts.run(&["-m", &source, &target]);
    assert_eq!(refused.code, Some(1));
    let problems: Vec<&str> = refused.stderr.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        problems,
        [
            "table `gone` is missing in the target",
            "table `t` of the target is MyISAM, which cannot be rolled back",
            "column `t`.`c2` of the target must have a value and is missing in the source",
            "column `t`.`a` is missing in the target",
            "column `t`.`b` is missing in the target, and has values",
        ]
    );
    assert_eq!(scripts.run(&["-m", &source, &source]).code, Some(1));
    // Too long for the target: refused, not cut.
    scripts.as_root(&format!("drop table {0}.t, {1}.gone; create table {0}.t (a int, b int, d varchar(2))", ident(&target), ident(&source))).await;
    let refused = scripts.run(&["-m", &source, &target]);
    assert!(refused.code == Some(1) && refused.stderr.contains("Data too long"), "{}", refused.stderr);
    scripts.clear().await;
}
