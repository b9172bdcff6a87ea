//! `etl load` from published marts in a lake into a database.

mod interrupted;
mod published;
mod world;
