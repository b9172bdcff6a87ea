//! Lakes in buckets: SeaweedFS for S3 and Azurite for Azure, which `.ci/buckets` starts, and a server of our own for Google
//! (no emulator in the registries takes the XML API's conditional writes, which `object_store` makes).

mod azure;
pub(crate) mod cloud;
mod conformance;
mod exports;
mod faulty;
mod garbage;
mod google;
mod lost_responses;
mod mirrored;
mod packs;
mod pumped;
mod shards;
