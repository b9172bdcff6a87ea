//! `data/lake.duckdb`: views over the lake for the DuckDB shell, Python, R and BI tools.
//!
//! Views over pulls name folders and not files: which of the rows there count is said by `pulls` and `partitions`, which
//! grow by what is new.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    base::Engine,
    builtins, cover_views,
    draft::Draft,
    landed, live, packed,
    run_row::RunRow,
    seeds,
    session::{self, bare, execute, parquet, parquet_in, quoted},
    staged,
    typed::{self, Covered, View},
};
use crate::{
    catalog::{Endpoint, Model, ModelKind, Node, Reference},
    digest,
    error::{Kind, OrFail, Result},
    events::Event,
    lake::{Local, Manifest, Receipt, Wanted, layout},
};

/// Changes when a file of an earlier program cannot be gone on with.
const FORMAT: u32 = 1;

/// Of how many pulls the files are named one by one: to open these alone is faster than to look through all.
const FEW: usize = 64;

/// Writes the database file anew and puts it in the place of the former one.
///
/// `results` are the marts' newest manifests by table.
///
/// # Errors
/// [`Kind::Sql`] or [`Kind::Io`]; the former file stays then.
pub fn write_shell_file(engine: &Engine, run: &RunRow, receipts: &[Receipt], results: &BTreeMap<String, Manifest>, path: &Path) -> Result<()> {
    // In a folder of this process alone: another run may be writing its own.
    let part = engine.temp().join("lake.duckdb");
    let receipts: Vec<&Receipt> = receipts.iter().filter(|receipt| receipt.finished <= run.as_of).collect();
    let identity = identity(engine, results)?;
    let pulls: BTreeSet<String> = receipts.iter().map(|receipt| receipt.pull_id.to_string()).collect();
    let write = |draft: Draft| Writing { engine, run, receipts: &receipts, draft, shown: BTreeSet::new(), files: Local::default() }.write(results);
    let again = Draft::again(engine, path, &part, &identity, &pulls).and_then(|draft| draft.map(write).transpose());
    let files = match again {
        Ok(Some(files)) => files,
        // Somebody may have written to the former file, and nobody needs it.
        Ok(None) | Err(_) => match write(Draft::anew(engine, &part, &identity)?) {
            Ok(files) => files,
            // A file that it shows may be damaged: then it is computed again, or left out.
            Err(_) => {
                let results = repaired(engine, &receipts, results)?;
                Writing {
                    engine,
                    run,
                    receipts: &receipts,
                    draft: Draft::anew(engine, &part, &identity)?,
                    shown: BTreeSet::new(),
                    files: Local::default(),
                }
                .write(&results)?
            }
        },
    };
    // Before the file can be opened: from then on nobody may evict what it reads.
    engine.lake().keep_for(path, &files)?;
    fs_err::rename(&part, path).or_fail(Kind::Io, || "cannot replace lake.duckdb")
}

/// Computes damaged cached files again; returns the results whose files are sound.
fn repaired(engine: &Engine, receipts: &[&Receipt], results: &BTreeMap<String, Manifest>) -> Result<BTreeMap<String, Manifest>> {
    for endpoint in engine.project().endpoints().filter(|_| !engine.lake().is_remote()) {
        if let Some(model) = engine.project().model(&endpoint.id) {
            let pulls: Vec<&Receipt> = receipts.iter().copied().filter(|pull| pull.endpoint == endpoint.id && pull.complete()).collect();
            drop(staged::files(engine, model, &pulls)?);
        }
    }
    let mut sound = BTreeMap::new();
    for (table, manifest) in results {
        match engine.block_on(engine.lake().damaged(manifest.parts.iter().map(Wanted::from).collect()))?.first() {
            None => drop(sound.insert(table.clone(), manifest.clone())),
            Some((part, what)) => engine.observer().on(&Event::Warning(format!(
                "lake.duckdb does not show `{table}`: `{}` is damaged ({what}); run `etl transform {table}`",
                part.path
            ))),
        }
    }
    Ok(sound)
}

/// Names everything that decides the relations' columns, and the tables that are written once.
fn identity(engine: &Engine, results: &BTreeMap<String, Manifest>) -> Result<String> {
    let mut parts = vec![format!("{FORMAT} {} {}", env!("CARGO_PKG_VERSION"), session::DUCKDB)];
    parts.push(engine.lake().local_folder()?.display().to_string());
    parts.push(format!("{:?}", engine.settings_vars()));
    parts.extend(engine.project().models.iter().map(|model| format!("{}\n{}", model.file.display(), model.text)));
    parts.extend(results.iter().map(|(table, manifest)| format!("{table} {:?}", manifest.columns)));
    Ok(digest::short(&parts.join("\n"), 16))
}

struct Writing<'a> {
    engine: &'a Engine,
    run: &'a RunRow,
    receipts: &'a [&'a Receipt],
    draft: Draft,
    /// The relations that are there.
    shown: BTreeSet<Reference>,
    /// What they read.
    files: Local,
}

impl Writing<'_> {
    /// Writes all of it; returns the files that it reads.
    fn write(mut self, results: &BTreeMap<String, Manifest>) -> Result<Local> {
        self.builtins()?;
        let mut pulls: BTreeMap<&str, Vec<&Receipt>> = BTreeMap::new();
        for receipt in self.receipts {
            pulls.entry(&receipt.endpoint).or_default().push(receipt);
        }
        let project = self.engine.project();
        let wanted = self.wanted(&pulls.keys().copied().collect());
        for endpoint in project.endpoints() {
            let of = pulls.remove(endpoint.id.as_str()).unwrap_or_default();
            let of = live::inputs(of, &endpoint.id, self.run.as_of);
            if let (Some(model), true) = (project.model(&endpoint.id), wanted.contains(&endpoint.id) || !of.is_empty()) {
                self.endpoint(endpoint, model, &of)?;
            }
        }
        for (table, manifest) in results {
            if let Some(model) = project.model(table).filter(|model| model.kind == ModelKind::Mart) {
                self.mart(model, manifest)?;
            }
        }
        for name in self.engine.graph().select(project, &[])?.models {
            let Some(model) = project.model(&name).filter(|model| model.kind == ModelKind::Intermediate) else { continue };
            // One that reads a mart without a result yet is left out, as is what reads it.
            if self.engine.graph().references(&Node::Model(name.clone())).iter().all(|reference| self.shown.contains(reference)) {
                let comment = (format!("view {}", quoted(&name)), model.header.description.as_str());
                self.draft.view(&quoted(&name), bare(&model.text), &[comment])?;
                self.show(None, &name);
            }
        }
        self.draft.finish()?;
        Ok(self.files)
    }

    /// The relations that are always there.
    fn builtins(&mut self) -> Result<()> {
        let connection = self.draft.connection();
        builtins::run(connection, self.run)?;
        if let Some(known) = self.draft.known() {
            let new: Vec<&Receipt> = self.receipts.iter().copied().filter(|receipt| !known.contains(&receipt.pull_id.to_string())).collect();
            builtins::add_pulls(connection, new.iter().copied())?;
            builtins::add_partitions(connection, new.iter().copied())?;
        } else {
            builtins::vars(connection, self.engine.settings_vars())?;
            builtins::pulls(connection, self.receipts.iter().copied())?;
            builtins::partitions(connection, self.receipts.iter().copied())?;
        }
        let root = &self.engine.project().root;
        for seed in self.engine.project().models.iter().filter(|model| model.kind == ModelKind::Seed) {
            if self.draft.known().is_none() {
                let (name, connection) = (quoted(&seed.name), self.draft.connection());
                execute(connection, &format!("create table {name} as {}", seeds::select(root, seed)))?;
                execute(connection, &format!("comment on table {name} is {}", session::literal(&seed.header.description)))?;
            }
            self.shown.insert(Reference { schema: None, name: seed.name.clone() });
        }
        ["run", "vars", "pulls", "partitions"].into_iter().for_each(|name| self.show(None, name));
        Ok(())
    }

    fn show(&mut self, schema: Option<&str>, name: &str) {
        self.shown.insert(Reference { schema: schema.map(str::to_owned), name: name.to_owned() });
    }

    /// The endpoints that are shown even if they are empty. Of one without pulls there is nothing to look at, and most of a project
    /// may never be pulled; but what is read together with others must be there.
    fn wanted(&self, pulled: &BTreeSet<&str>) -> BTreeSet<String> {
        let (project, graph) = (self.engine.project(), self.engine.graph());
        let mut wanted = BTreeSet::new();
        for model in project.models.iter().filter(|model| model.kind == ModelKind::Intermediate) {
            let (mut read, mut open) = (BTreeSet::new(), vec![model.name.clone()]);
            while let Some(name) = open.pop() {
                for reference in graph.references(&Node::Model(name)) {
                    let is_step = project.model(&reference.name).is_some_and(|model| model.kind == ModelKind::Intermediate);
                    if reference.schema.is_some() {
                        read.insert(reference.name.clone());
                    } else if is_step {
                        open.push(reference.name.clone());
                    }
                }
            }
            if read.iter().any(|name| pulled.contains(name.as_str())) {
                wanted.extend(read);
            }
        }
        wanted
    }

    /// `landed`, `latest` and `history` of an endpoint.
    fn endpoint(&mut self, endpoint: &Endpoint, model: &Model, pulls: &[&Receipt]) -> Result<()> {
        let name = &endpoint.id;
        let lake = self.engine.lake();
        let landed = pulls.iter().filter(|pull| has_rows(pull)).filter_map(|pull| pull.records_file());
        // What a folder holds needs no list of files; of a bucket only what is here is shown, and only whole.
        let whole = if lake.is_remote() { lake.already_local(landed)? } else { Some(Local::default()) };
        if whole.is_some() {
            self.show(Some("landed"), name);
        }
        let rows = match &whole {
            Some(_) if pulls.iter().any(|pull| has_rows(pull)) => landed::of_folder(&lake.local_path(&landed_folder(endpoint))?),
            // Also stands behind the typed views where there is no file to take the columns from.
            _ => landed::empty(),
        };
        self.draft.view(&format!("landed.{name}"), &rows, &[])?;
        self.files.extend(whole.unwrap_or_default());
        for (relation, select) in cover_views::of(endpoint) {
            self.draft.view(&relation, &select, &[])?;
        }
        let covered = Covered::of(endpoint);
        let newest = if covered == Covered::Partition && pulls.len() > FEW && !lake.is_remote() {
            // Some partition of nearly every pull is live, and to say of which takes as long as all else.
            pulls.to_vec()
        } else {
            live::with_live_rows(endpoint, pulls.to_vec())
        };
        let cover = if lake.is_remote() { live::cover(endpoint, pulls) } else { live::Cover::default() };
        for (view, schema, cover, pulls) in [(View::History, "history", &cover, pulls), (View::Latest, "latest", &cover.live(), &newest)] {
            let Some(rows) = self.rows(view, model, cover, pulls)? else { continue };
            let relation = format!("{schema}.{name}");
            let comment = (format!("view {relation}"), model.header.description.as_str());
            self.draft.view(&relation, &typed::select(view, &rows, covered, name), &[comment])?;
            self.show(Some(schema), name);
        }
        Ok(())
    }

    /// What the view reads. Of a bucket only what is here is shown: nobody should wait, or pay, for a file that may never be opened.
    fn rows(&mut self, view: View, model: &Model, cover: &live::Cover, pulls: &[&Receipt]) -> Result<Option<String>> {
        let (lake, name) = (self.engine.lake(), &model.name);
        if !pulls.iter().any(|pull| has_rows(pull)) {
            self.draft.view(&format!("etl.none_{name}"), &format!("select * from ({}) limit 0", staged::select(model)), &[])?;
            return Ok(Some(format!("etl.none_{name}")));
        }
        if lake.is_remote() {
            let Some(files) = packed::files_at_hand(self.engine, model, view, cover, pulls)? else { return Ok(None) };
            let rows = parquet(files.paths(), "");
            self.files.extend(files);
            return Ok(Some(rows));
        }
        if view == View::History {
            // All that `latest` reads is among it.
            staged::fill(self.engine, model, pulls)?;
        } else if pulls.len() <= FEW
            && let Some(files) = staged::files_at_hand(self.engine, model, pulls)?
        {
            return Ok(Some(parquet(files.paths(), "")));
        }
        Ok(Some(parquet_in(&lake.local_path(&staged::present_folder(model))?, "*.parquet")))
    }

    /// The newest result of a mart.
    fn mart(&mut self, model: &Model, manifest: &Manifest) -> Result<()> {
        let Some(files) = self.engine.lake().already_local(&manifest.parts)?.filter(|files| !files.paths().is_empty()) else { return Ok(()) };
        let name = quoted(&model.name);
        let mut comments = vec![(format!("view {name}"), model.header.description.as_str())];
        // The last good result may be one of an earlier contract.
        let has = |name: &str| manifest.columns.iter().any(|(column, _)| column == name);
        let columns = model.contract.iter().flat_map(|contract| &contract.columns).filter(|column| has(&column.name));
        comments.extend(columns.map(|column| (format!("column {name}.{}", quoted(&column.name)), column.meaning.as_str())));
        self.draft.view(&name, &format!("select * from {}", parquet(files.paths(), "")), &comments)?;
        self.show(None, &model.name);
        self.files.extend(files);
        Ok(())
    }
}

fn has_rows(pull: &Receipt) -> bool {
    pull.records_file().is_some_and(|file| file.rows > 0)
}

/// The folder with the days of an endpoint.
fn landed_folder(endpoint: &Endpoint) -> String {
    let path = layout::records(&endpoint.source, &endpoint.name, chrono::NaiveDate::MIN, uuid::Uuid::nil());
    path.rsplitn(3, '/').last().unwrap_or_default().to_owned()
}
