//! Computes one mart (or one day of it) into a local Parquet file and checks it. Nothing is published here.

use tempfile::TempPath;

use super::audit;
use crate::{
    catalog::{Contract, Model, ModelKind, Node},
    engine::{Moment, projection},
    error::{Error, Kind, Result},
    events::Observer,
    lake::Local,
};

/// A checked result that is not published yet.
pub(super) struct Candidate {
    /// The Parquet file.
    pub(super) path: TempPath,
    /// Its rows.
    pub(super) rows: u64,
}

/// Runs the model in `moment`, checks the contract and the audits.
///
/// # Errors
/// [`Kind::Sql`], [`Kind::Contract`], [`Kind::Audit`], with the file that is to blame.
pub(super) fn candidate(moment: &Moment<'_>, model: &Model, observer: &dyn Observer) -> Result<Candidate> {
    let contract = contract(model)?;
    let sql = select(moment, model, contract)?;
    let path = tempfile::Builder::new().prefix("mart-").suffix(".parquet").tempfile_in(moment.engine().temp())?.into_temp_path();
    let rows = moment.write_parquet(&sql, &path).map_err(|error| error.within(format!("{}: does not run", model.file.display())))?;
    // A seed is a table of the moment already, with the very rows that were written.
    if model.kind != ModelKind::Seed {
        moment.show_result(&model.name, Local::of(vec![path.to_path_buf()]))?;
    }
    moment.check_rows(model, contract, &model.name)?;
    audit::run(moment, model, observer)?;
    Ok(Candidate { path, rows })
}

/// The contract that every table has.
pub(super) fn contract(model: &Model) -> Result<&Contract> {
    model.contract.as_ref().ok_or_else(|| Error::new(Kind::Internal, format!("`{}` has no contract", model.name)))
}

/// The statement that gives the table's rows, its relations made and its columns checked.
fn select(moment: &Moment<'_>, model: &Model, contract: &Contract) -> Result<String> {
    if model.kind == ModelKind::Seed {
        moment.require(&[crate::catalog::Reference { schema: None, name: model.name.clone() }])?;
        let mut seed = model.clone();
        seed.text = format!("select * from \"{}\"", model.name);
        return Ok(projection(&seed, contract));
    }
    moment.require(moment.engine().graph().references(&Node::Model(model.name.clone())))?;
    moment.check_columns(model, contract, &model.text).map_err(|error| match error.kind() {
        Kind::Sql => error.within(format!("{}: does not run", model.file.display())),
        _ => error,
    })?;
    Ok(projection(model, contract))
}
