//! `POST /api/v1/devices/import`: devices that are known before they come, one JSON object a line.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::post;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use sangam_control::{DeviceAdmin, DeviceImport, ImportedDevice};
use serde::{Deserialize, Serialize};

use super::{Admin, bad, refused};
use crate::guard::Writer;
use crate::problem::Problem;
use crate::routes::fresh_json;
use crate::state::Shared;

/// Lines of one request.
const LINES_MAX: usize = 10_000;
/// Lines that wait for the store at once: it writes those that wait together.
const AT_ONCE: usize = 64;

/// The route, with a bound of its own for its body.
pub(crate) fn router(bytes_max: usize) -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/devices/import", post(import)).layer(DefaultBodyLimit::max(bytes_max))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    oui: String,
    #[serde(default)]
    product_class: String,
    serial_number: String,
    #[serde(default)]
    tags: Vec<String>,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Serialize)]
struct Imported {
    data: Vec<LineResult>,
    meta: Counts,
}

/// What became of a line.
#[derive(Serialize)]
struct LineResult {
    /// From 1.
    line: usize,
    /// `null`: it was refused.
    id: Option<String>,
    /// `created`, `changed`, `unchanged` or `refused`.
    result: &'static str,
    /// Why it was refused.
    code: Option<&'static str>,
    /// The same for people.
    detail: Option<String>,
}

#[derive(Default, Serialize)]
struct Counts {
    count: usize,
    created: usize,
    changed: usize,
    unchanged: usize,
    refused: usize,
}

/// Each line by itself: that one is refused stops no other.
async fn import(writer: Writer, Admin(admin): Admin, body: Bytes) -> Result<Response, Problem> {
    let text = std::str::from_utf8(&body).map_err(|_| bad("The body is not UTF-8."))?;
    let lines: Vec<(usize, &str)> =
        (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()).take(LINES_MAX + 1).collect();
    if lines.len() > LINES_MAX {
        return Err(bad(&format!("The body has more than {LINES_MAX} lines; send it in parts.")));
    }
    let mut before = HashSet::new();
    let devices: Vec<_> = lines.into_iter().map(|(line, text)| (line, device(text, &mut before))).collect();
    let results = stream::iter(devices).map(|(line, device)| one(&admin, line, device)).buffered(AT_ONCE);
    let data: Vec<LineResult> = results.collect().await;
    let mut meta = Counts { count: data.len(), ..Counts::default() };
    for result in &data {
        match result.result {
            "created" => meta.created += 1,
            "changed" => meta.changed += 1,
            "unchanged" => meta.unchanged += 1,
            _ => meta.refused += 1,
        }
    }
    let Counts { created, changed, refused, .. } = meta;
    tracing::info!(by = writer.subject, created, changed, refused, "devices are imported");
    Ok(fresh_json(StatusCode::OK, &Imported { data, meta }))
}

/// What a line says; of two lines about one device the second says nothing, as both are done at once.
fn device(text: &str, before: &mut HashSet<(String, String, String)>) -> Result<DeviceImport, Problem> {
    // Where it is wrong is said, not what stands there: there are passwords in it.
    let line: Line = serde_json::from_str(text).map_err(|error| {
        let column = error.column();
        bad(&format!(
            "At column {column} it is not an object with `oui`, `serial_number` and, if wanted, `product_class`, `tags`, \
             `username` and `password`."
        ))
    })?;
    let login = match (line.username, line.password) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        _ => return Err(bad("`username` and `password` stand together.")),
    };
    let oui = line.oui.to_ascii_uppercase();
    if !before.insert((oui.clone(), line.product_class.clone(), line.serial_number.clone())) {
        return Err(Problem::new(StatusCode::CONFLICT, "line_repeated", "A line before it is about the same device."));
    }
    let (product_class, serial_number, tags) = (line.product_class, line.serial_number, line.tags);
    Ok(DeviceImport { oui, product_class, serial_number, tags, login })
}

async fn one(admin: &Arc<dyn DeviceAdmin>, line: usize, device: Result<DeviceImport, Problem>) -> LineResult {
    let outcome = match device {
        Ok(device) => admin.import(device).await.map_err(refused),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(ImportedDevice { id, outcome }) => {
            LineResult { line, id: Some(id), result: outcome, code: None, detail: None }
        }
        Err(Problem { code, detail, .. }) => {
            LineResult { line, id: None, result: "refused", code: Some(code), detail: Some(detail) }
        }
    }
}
