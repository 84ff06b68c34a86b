//! `GET /api/v1/devices.csv`: all devices, for spreadsheets.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use sangam_control::{DeviceAdmin, DeviceFilter, DeviceList, ManagedDevice};
use sangam_types::Wall;
use serde::Deserialize;

use super::{Admin, refused};
use crate::problem::Problem;
use crate::routes::listed::{Asked, LIMIT_MAX};

const HEAD: &str = "id,oui,product_class,serial_number,endpoint_id,state,manufacturer,model,hardware_version,\
    software_version,tags,periodic_interval_secs,created_at,seen_at,booted_at\r\n";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TableQuery {
    state: Option<String>,
    tag: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    search: Option<String>,
}

/// A page at a time, as the client takes them: no more of them is in memory. What goes wrong behind the first page breaks the answer off.
pub(super) async fn table(Admin(admin): Admin, Asked(query): Asked<TableQuery>) -> Result<Response, Problem> {
    let TableQuery { state, tag, manufacturer, model, search } = query;
    let filter = DeviceFilter { state, tag, manufacturer, model, search, after: None, limit: LIMIT_MAX };
    let first = admin.devices(filter.clone()).await.map_err(refused)?;
    let begun = (admin, filter, Some(first), HEAD.to_owned());
    let rows = stream::try_unfold(begun, |(admin, mut filter, page, mut text)| async move {
        let Some(page) = page else { return Ok::<_, io::Error>(None) };
        page.items.iter().for_each(|device| row(device, &mut text));
        let next = match page.next {
            Some(next) => Some(following(&admin, &mut filter, &next).await?),
            None => None,
        };
        Ok(Some((Bytes::from(text), (admin, filter, next, String::new()))))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"devices.csv\"")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, Body::from_stream(rows)).into_response())
}

async fn following(
    admin: &Arc<dyn DeviceAdmin>,
    filter: &mut DeviceFilter,
    next: &str,
) -> io::Result<DeviceList<ManagedDevice>> {
    let after = next.parse().map_err(|_| io::Error::other("a page that nobody can ask for"))?;
    filter.after = Some(after);
    admin.devices(filter.clone()).await.map_err(io::Error::other)
}

/// As RFC 4180 has it.
fn row(device: &ManagedDevice, text: &mut String) {
    let at = |at: Option<Wall>| at.map_or_else(String::new, crate::timestamp::rfc3339);
    let cells = [
        &device.id,
        &device.oui,
        &device.product_class,
        &device.serial_number,
        device.endpoint_id.as_deref().unwrap_or_default(),
        device.state,
        &device.manufacturer,
        &device.model,
        &device.hardware_version,
        &device.software_version,
        &device.tags.join(" "),
        &device.periodic_interval_secs.to_string(),
        &at(Some(device.created_at)),
        &at(device.seen_at),
        &at(device.booted_at),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// Devices choose what they say, and spreadsheets run what begins like a formula: such a cell begins with an apostrophe.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !cell.contains([',', '"', '\r', '\n']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_no_formula_runs() {
        for (cell, expected) in [
            ("a b", "a b"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a\"b\n", "\"a\"\"b\n\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}
