//! Figures of a load of 100,000 rows of 12 columns. Run: `cargo test --lib load::speed -- --ignored --nocapture`.

use std::{sync::Arc, time::Instant};

use super::{
    sample::{Row, column, load_one, manner, mart, migrated, numbers, sqlite, state, text},
    table::Mode,
    value::Value,
};
use crate::catalog::ColumnType;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints figures; says nothing about right or wrong"]
async fn a_hundred_thousand_rows() {
    let folder = tempfile::tempdir().unwrap();
    let destination = sqlite(folder.path());
    let mut columns = vec![column("key", ColumnType::Integer, "not null")];
    columns.extend((0..5).map(|n| column(&format!("text_{n}"), ColumnType::Varchar(100), "")));
    columns.extend((0..3).map(|n| column(&format!("number_{n}"), ColumnType::BigInt, "")));
    columns.extend([column("ratio", ColumnType::Double, ""), column("day", ColumnType::Date, ""), column("moment", ColumnType::Timestamp, "")]);
    let contract = state("big", columns);
    migrated(&destination, folder.path(), &[&contract]).await;
    let row = |n: i64, word: &str| -> Row {
        let mut row = vec![Value::Int(n)];
        row.extend((0..5).map(|c| text(&format!("{word} {n} of column {c}"))));
        row.extend((0..3).map(|c| Value::Int(n * c)));
        row.extend([Value::Double(n as f64 / 3.0), Value::Date(20_000), Value::Timestamp(1_700_000_000 + n)]);
        row
    };
    let rows: Vec<Row> = (0..100_000).map(|n| row(n, "value")).collect();
    let changed: Vec<Row> = (0..100_000).map(|n| row(n, if n % 100 == 0 { "other" } else { "value" })).collect();
    let first = Arc::new(mart(&contract, &rows, 1));
    let again = Arc::new(mart(&contract, &rows, 2));
    let one_percent = Arc::new(mart(&contract, &changed, 3));
    for (what, mart, mode) in [
        ("first load", &first, Mode::Load),
        ("the same mart again", &first, Mode::Load),
        ("a newer mart without changes", &again, Mode::Load),
        ("1% changed", &one_percent, Mode::Load),
        ("plan of all changed back", &first, Mode::Plan),
        ("verify", &one_percent, Mode::Verify),
    ] {
        let started = Instant::now();
        let mut way = manner(mode);
        way.asked_for = true;
        let summary = load_one(&destination, &contract, mart, &way).await;
        eprintln!("{what}: {:.3} s {:?} {:?}", started.elapsed().as_secs_f64(), numbers(&summary), summary.error);
    }
}
