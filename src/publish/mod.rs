//! Publishing: what is made from marts for people. Builders are pure; what was published lands as pulls of the source `etl`.

pub mod bigquery;
pub mod product;
pub mod slack;
pub mod standing;
