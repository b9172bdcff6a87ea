mod architecture;
mod buckets;
mod db;
mod docs;
mod engines;
mod extract;
mod load;
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
mod sources_page;
mod together;
mod workflows;
