//! `etl load` from published marts in a lake into a database.

mod interrupted;
mod old_scripts;
mod published;
mod world;
