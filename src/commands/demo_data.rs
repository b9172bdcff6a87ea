//! The data of a demo and real data are kept apart: the former are removed unasked, the latter are the only copy of what the
//! APIs said, and as one history both would be wrong.

use std::path::Path;

use super::context::Context;
use crate::{
    catalog::Selection,
    error::{Error, Kind, Result},
    http::BaseUrl,
    lake::Lake,
    settings::Settings,
};

/// The file that says whose data lie beside it.
const MARKER: &str = ".demo";

/// What a demo fills.
const FILES: [&str; 4] = ["etl.sqlite", "etl.sqlite-wal", "etl.sqlite-shm", "lake.duckdb"];

/// Makes the data folder ready for a demo. Unless it goes on with an earlier one, it starts from nothing: the lake and the SQLite
/// file of a former demo are removed, and nothing else.
///
/// # Errors
/// [`Kind::Usage`] for a lake or a database elsewhere, [`Kind::Guard`] where something lies that no demo has made.
pub(super) async fn prepare(settings: &Settings, keep: bool) -> Result<()> {
    let hint = "leave out `ETL_LAKE`, `ETL_DATABASE` and their options, or name a data folder for the demo by `ETL_DATA`";
    let elsewhere = |what: &str| Err(Error::new(Kind::Usage, format!("a demo fills {what} of its data folder, and another one is named")).hint(hint));
    let lake = Path::new(&settings.lake);
    if !lake.starts_with(&settings.data) {
        return elsewhere("the lake");
    }
    if !settings.database.expose().strip_prefix("sqlite:").is_some_and(|file| Path::new(file).starts_with(&settings.data)) {
        return elsewhere("the SQLite file");
    }
    let marker = settings.data.join(MARKER);
    let receipts = Lake::of(settings)?.receipts(None).await?;
    let real = receipts.iter().find(|receipt| !is_this_machine(&receipt.host)).map(|receipt| receipt.host.as_str());
    let unmarked = !marker.exists() && (lake.exists() || settings.data.join(FILES[0]).exists());
    if real.is_some() || (unmarked && !keep) {
        let of = real.map(|host| format!(" (of {host})")).unwrap_or_default();
        return Err(Error::new(Kind::Guard, format!("`{}` holds data that no demo made{of}", settings.data.display()))
            .hint("name another folder with `ETL_DATA`"));
    }
    fs_err::create_dir_all(&settings.data)?;
    fs_err::write(&marker, "made by `etl demo`, which may remove what lies beside this file\n")?;
    if keep {
        return Ok(());
    }
    if lake.exists() {
        fs_err::remove_dir_all(lake)?;
    }
    for path in FILES.map(|name| settings.data.join(name)) {
        if path.exists() {
            fs_err::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Whether simulated APIs answered. What `etl` itself recorded has no host.
fn is_this_machine(host: &str) -> bool {
    host.is_empty() || ["127.", "localhost", "[::1]"].iter().any(|start| host.starts_with(start))
}

/// Refuses to pull from real APIs into the lake of a demo.
///
/// # Errors
/// [`Kind::Guard`].
pub(super) fn refuse_real(context: &Context, selection: &Selection) -> Result<()> {
    let settings = &context.settings;
    if !settings.data.join(MARKER).exists() || !Path::new(&settings.lake).starts_with(&settings.data) {
        return Ok(());
    }
    for endpoint in selection.waves.iter().flatten().filter_map(|id| context.project.endpoint(id)) {
        let client = context.project.source(&endpoint.source).and_then(|source| source.client.as_ref());
        let base = client.and_then(|client| BaseUrl::resolve(&endpoint.source, &client.base_url, &settings.env).ok());
        if let Some(base) = base.filter(|base| !base.is_loopback()) {
            return Err(Error::new(Kind::Guard, format!("`{}` is the lake of a demo, and {} is a real API", settings.lake, base.host()))
                .hint("name another data folder by `ETL_DATA`, or remove the demo's: `make clean-data`"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_this_machine() {
        for (host, here) in [("", true), ("127.0.0.1:4711", true), ("localhost:9", true), ("[::1]:9", true), ("example.test", false)] {
            assert_eq!(is_this_machine(host), here, "{host}");
        }
    }
}
