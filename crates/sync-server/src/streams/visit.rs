use std::sync::Arc;

use axum::extract::Request;
use http::Uri;
use sangam_sync_proto::Name;
use sangam_sync_proto::message::Bounds;

use crate::access::SharedCaller;
use crate::feed::{Filter, Listener, Wire};
use crate::problem::Problem;
use crate::query;
use crate::service::Service;

/// Who opens a stream, of which database, for which replica.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) caller: SharedCaller,
    pub(crate) db: Name,
    pub(crate) device: Name,
    pub(crate) filter: Filter,
}

impl Visit {
    /// Judges a request: what it names must be what its caller may touch.
    pub(crate) fn of(service: &Service, caller: SharedCaller, uri: &Uri) -> Result<Self, Problem> {
        let missing = |parameter| Problem::invalid("parameter_missing", format!("Missing {parameter} query parameter"));
        let device = name(service, uri, "deviceId")?.ok_or_else(|| missing("deviceId"))?;
        let db = name(service, uri, "dbId")?
            .or_else(|| caller.db.clone())
            .or_else(|| service.live.load().access.default_db.clone())
            .ok_or_else(|| missing("dbId"))?;
        caller.of_database(&db)?;
        caller.of_replica(&device)?;
        let collections = query::text(uri, "collections").unwrap_or_default();
        let filter = filter(collections.split(',').map(Name::from))?;
        Ok(Self { caller, db, device, filter })
    }

    pub(crate) fn listener(&self, wire: Wire) -> Listener {
        Listener {
            wire,
            db: Arc::clone(&self.db),
            device: Arc::clone(&self.device),
            filter: self.filter.clone(),
            until: self.caller.until,
            token: self.caller.token.clone(),
        }
    }
}

/// From where the client goes on: what it heard last, or what it asks for. An id that is not of ours is none.
pub(crate) fn since(request: &Request) -> Option<u64> {
    let header = request.headers().get("last-event-id").and_then(|id| id.to_str().ok());
    let asked = || query::text(request.uri(), "since").and_then(|since| since.parse().ok());
    header.and_then(sangam_sync_proto::json::cursor_of_event_id).or_else(asked)
}

/// Sorted, without repetitions and empty names; none at all: no filter.
pub(crate) fn filter(collections: impl Iterator<Item = Name>) -> Result<Filter, Problem> {
    let mut names: Vec<Name> = collections.filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    let max = Bounds::default().entries_max;
    if names.len() > max {
        let message = format!("collections names {}, at most {max} are taken", names.len());
        return Err(Problem::invalid("collections_too_many", message).field("collections"));
    }
    Ok(if names.is_empty() { None } else { Some(names.into()) })
}

/// An empty one is none.
fn name(service: &Service, uri: &Uri, parameter: &'static str) -> Result<Option<Name>, Problem> {
    let text = query::text(uri, parameter).unwrap_or_default();
    let (len, max) = (text.len(), service.options.rules.name_bytes_max);
    if len > max {
        let message = format!("{parameter} has {len} bytes, at most {max} are taken");
        return Err(Problem::invalid("name", message).field(parameter));
    }
    Ok(if text.is_empty() { None } else { Some(text.into()) })
}
