//! `GET /api/v1/devices/events`: what happens with devices, as Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::StreamExt as _;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use sangam_control::{DeviceAdminError, News, NewsKind, NewsWanted};
use serde::Deserialize;
use serde_json::json;

use super::{Admin, refused};
use crate::problem::Problem;
use crate::routes::listed::Asked;
use crate::state::Shared;

/// How often a silent stream shows that it is there: proxies close what is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/devices/events", get(follow))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NewsQuery {
    device: Option<String>,
    /// `event`, `alarm`, `task`, `value`, parted by commas; left out: all.
    kind: Option<String>,
    /// Of who cannot send `Last-Event-ID`.
    last_event_id: Option<String>,
}

/// Until the client goes, is too slow, or the server stops. Events and alarms have an id, behind which a client goes on.
async fn follow(Admin(admin): Admin, Asked(query): Asked<NewsQuery>, headers: HeaderMap) -> Result<Response, Problem> {
    let kinds = query.kind.iter().flat_map(|kinds| kinds.split(',')).map(kind).collect::<Result<_, _>>()?;
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("?").to_owned()).or(query.last_event_id);
    let after = last.filter(|id| !id.is_empty()).map(|id| id.parse::<u64>()).transpose();
    let after = after.map_err(|_| invalid("`Last-Event-ID` is the id of an event that was told."))?;
    let news = admin.news().follow(NewsWanted { device: query.device, kinds, after }).await.map_err(not_followed)?;
    let stream = Sse::new(news.map(|news| Ok::<_, Infallible>(told(news))));
    let mut response = stream.keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn told(news: News) -> Event {
    match news {
        News::Told { number, kind, data } => {
            // JSON has no line breaks of its own.
            let event = Event::default().event(kind.name()).data(data.to_string());
            number.map_or_else(|| event.clone(), |number| event.clone().id(number.to_string()))
        }
        News::Forgotten => Event::default().event("forgotten").data(json!({}).to_string()),
        News::Missed(missed) => Event::default().event("missed").data(json!({ "missed": missed }).to_string()),
    }
}

fn kind(name: &str) -> Result<NewsKind, Problem> {
    NewsKind::parse(name)
        .ok_or_else(|| invalid("`kind` is one or more of event, alarm, task, value, parted by commas."))
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "query_invalid", detail.to_owned())
}

fn not_followed(error: DeviceAdminError) -> Problem {
    match error {
        DeviceAdminError::LimitReached(_) => {
            let detail =
                "As many programs follow the events as may, or the server is stopping; close one, or ask later.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_subscribers", detail)
        }
        other => refused(other),
    }
}
