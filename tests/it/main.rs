mod architecture;
mod docs;
mod engines;
mod extract;
mod load;
mod pump;
mod readme;
mod real;
mod recovery;
mod relations;
mod replay;
#[path = "../../src/load/scratch.rs"]
mod scratch;
mod secrets;
mod together;
