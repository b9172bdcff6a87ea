//! `etl`: a data pump for test operations. See `docs/ARCHITECTURE.md` for the rooms and what each may import.

pub mod catalog;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod digest;
pub mod engine;
pub mod error;
pub mod events;
pub mod extract;
pub mod http;
pub mod lake;
pub mod load;
pub mod names;
pub mod parallel;
pub mod publish;
pub mod scan;
pub mod secret;
pub mod settings;
pub mod simulator;
pub mod term;
pub mod transform;
