mod architecture;
mod bigquery;
mod buckets;
mod db;
mod docs;
mod engines;
mod extract;
mod load;
mod looking_back;
mod official;
mod options;
mod products;
mod publish;
mod pump;
mod readme;
mod real;
mod recovery;
mod relations;
mod replay;
#[expect(dead_code, reason = "the tests of the room `load` use more of it")]
#[path = "../../src/load/scratch.rs"]
mod scratch;
mod secrets;
mod slack;
mod sources_page;
mod together;
mod workflows;
