//! `etl load` from published marts in a lake into a database.

mod full_disk;
mod interrupted;
mod killed_server;
mod phases;
mod published;
mod server;
mod world;
