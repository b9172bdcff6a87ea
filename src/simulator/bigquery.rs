//! BigQuery's REST API and the token endpoint in front of it, as far as views need them.
//!
//! A token is given for a word that is signed with the key whose public half the server knows. Statements are understood as
//! far as `etl` writes them: CREATE OR REPLACE VIEW with columns, description, labels and a query.

use std::io;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use axum::http::Method;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answer::Answer, query::Query};

/// The token that the endpoint gives.
pub(super) const TOKEN: &str = "simulated-bigquery-token";
/// The account that is known.
const ACCOUNT: &str = "etl@simulated.iam.gserviceaccount.com";
/// The dataset there is, which lies in `US`.
pub const BIGQUERY_DATASET: &str = "testops_staging";

/// What BigQuery holds.
#[derive(Debug, Default)]
pub(super) struct BigQuery {
    /// DER of the account's public key.
    pub(super) key: Vec<u8>,
    /// By name, as `tables.get` answers.
    pub(super) tables: std::collections::BTreeMap<String, Value>,
    /// Statements that ran.
    pub(super) statements: Vec<String>,
    /// Ids of queries that ran: one that comes again is not run again.
    seen: Vec<String>,
}

/// What one request asks.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    /// Below `/bigquery/`.
    pub(super) path: &'a str,
    pub(super) authorization: Option<&'a str>,
    pub(super) body: &'a [u8],
    /// The address of the token endpoint, which a signed word must name.
    pub(super) audience: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    scope: String,
    iat: i64,
    exp: i64,
}

/// A new key of the account: its file, as Google hands it out, and DER of its public half.
pub(super) fn new_key(token_url: &str) -> io::Result<(String, Vec<u8>)> {
    let failed = |_| io::Error::other("no key can be made");
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let der: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
    let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    let text = BASE64_STANDARD.encode(der.as_ref());
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    let file = json!({"type": "service_account", "client_email": ACCOUNT, "private_key": pem, "private_key_id": "k1", "token_uri": token_url});
    Ok((file.to_string(), key.public_key().as_ref().to_vec()))
}

/// Answers below `/bigquery/`.
pub(super) fn answer(call: &Call<'_>, held: &mut BigQuery) -> Answer {
    if call.path == "token" {
        return token(call, &held.key);
    }
    if call.authorization.and_then(|text| text.strip_prefix("Bearer ")) != Some(TOKEN) {
        return error(401, "Request had invalid authentication credentials.");
    }
    let parts: Vec<&str> = call.path.split('/').collect();
    match (call.method.as_str(), &parts[..]) {
        ("GET", ["v2", "projects", _, "datasets", BIGQUERY_DATASET]) => {
            Answer::json(200, json!({"kind": "bigquery#dataset", "location": "US"}).to_string())
        }
        ("GET", ["v2", "projects", _, "datasets", BIGQUERY_DATASET, "tables", table]) => match held.tables.get(*table) {
            Some(found) => Answer::json(200, found.to_string()),
            None => error(404, &format!("Not found: Table {table}")),
        },
        ("GET", ["v2", "projects", _, "datasets", ..]) => error(404, "Not found: Dataset"),
        ("POST", ["v2", "projects", project, "queries"]) => query(call, project, held),
        ("GET", ["v2", "projects", _, "queries", "job_slow"]) => {
            Answer::json(200, json!({"jobComplete": true, "jobReference": {"jobId": "job_slow"}}).to_string())
        }
        _ => error(404, "Not found"),
    }
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, json!({"error": {"code": status, "message": message, "errors": [{"reason": "simulated", "message": message}]}}).to_string())
}

fn token(call: &Call<'_>, key: &[u8]) -> Answer {
    let refuse = |what: &str| Answer::json(400, json!({"error": "invalid_grant", "error_description": what}).to_string());
    let form = Query::parse(&String::from_utf8_lossy(call.body));
    if form.get("grant_type") != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Answer::json(400, json!({"error": "unsupported_grant_type"}).to_string());
    }
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[call.audience]);
    // The world's clock is not this machine's: only that the times fit together is looked at.
    rules.validate_exp = false;
    match decode::<Claims>(form.get("assertion").unwrap_or_default(), &DecodingKey::from_rsa_der(key), &rules) {
        Err(_) => refuse("Invalid JWT Signature."),
        Ok(word) if word.claims.iss != ACCOUNT => refuse("Invalid grant: account not found"),
        Ok(word) if word.claims.exp - word.claims.iat != 3_600 => refuse("Invalid JWT: Token must be a short-lived token (60 minutes)"),
        Ok(word) if word.claims.scope != "https://www.googleapis.com/auth/bigquery" => refuse("Invalid OAuth scope or ID token audience provided."),
        Ok(_) => Answer::json(200, json!({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}).to_string()),
    }
}

fn query(call: &Call<'_>, project: &str, held: &mut BigQuery) -> Answer {
    let Ok(asked) = serde_json::from_slice::<Value>(call.body) else { return error(400, "Invalid JSON payload received.") };
    let id = asked["requestId"].as_str().unwrap_or_default().to_owned();
    let done = || Answer::json(200, json!({"jobComplete": true, "jobReference": {"jobId": "job"}}).to_string());
    if !id.is_empty() && held.seen.contains(&id) {
        return done();
    }
    if asked["useLegacySql"] != false || !asked["location"].as_str().is_some_and(|location| location.eq_ignore_ascii_case("US")) {
        return error(400, "Syntax error or wrong location");
    }
    let text = asked["query"].as_str().unwrap_or_default();
    let form = r"(?s)^CREATE OR REPLACE VIEW `([^`]+)`\.`([^`]+)`\.`(\w+)`\n\((.*?)\n\)\nOPTIONS \(\n  description = ('(?:[^'\\]|\\.)*'),\n  labels = \[\('(\w+)', '(\w+)'\)\]\n\)\nAS\n(SELECT\n.*)$";
    // A constant that compiles.
    let Some(parts) = Regex::new(form).ok().and_then(|form| form.captures(text)) else { return error(400, "Syntax error: Unexpected statement") };
    if &parts[1] != project || &parts[2] != BIGQUERY_DATASET {
        return error(404, "Not found: Dataset");
    }
    let name = parts[3].to_owned();
    // A view reads what is there.
    let others = Regex::new(r"(?:FROM|JOIN) `[^`]+`\.`[^`]+`\.`(\w+)`")
        .map(|form| form.captures_iter(&parts[8]).map(|found| found[1].to_owned()).collect::<Vec<_>>());
    if let Some(missing) = others.unwrap_or_default().into_iter().find(|other| !held.tables.contains_key(other)) {
        return error(404, &format!("Not found: Table {missing} was not found in location US"));
    }
    held.seen.push(id);
    held.statements.push(text.to_owned());
    let view =
        json!({"type": "VIEW", "view": {"query": &parts[8], "useLegacySql": false}, "labels": {&parts[6]: &parts[7]}, "description": &parts[5]});
    held.tables.insert(name, view);
    // Every third one takes its time.
    if held.statements.len().is_multiple_of(3) {
        return Answer::json(200, json!({"jobComplete": false, "jobReference": {"jobId": "job_slow", "location": "US"}}).to_string());
    }
    done()
}
