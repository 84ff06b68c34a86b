use sangam_device_proto::file::{Grant, Transfer};
use sangam_device_proto::secret::Secret;
use sangam_device_proto::task::{Task, TaskKind};
use sangam_net::http::percent_encoded;
use sangam_storage::devices::Row;

use super::order::{begins_within, stored_file};
use crate::files::Site;
use crate::service::Service;

/// What a device is told of a file of ours that it is to fetch or bring: for this once.
#[derive(Debug, Default)]
pub(super) struct Handover {
    pub(super) url: String,
    pub(super) user: Box<str>,
    pub(super) secret: Option<Secret>,
    pub(super) bytes: u64,
}

/// For a task that names a file of ours: what its device is told, and the rows that let it in, to be durable before it is told.
pub(super) fn handover(service: &Service, task: &Task, site: &Site) -> (Option<Handover>, Vec<Row>) {
    let minted = stored_file(task).and_then(|name| mint(service, task, site, &name));
    minted.map_or_else(Default::default, |(handover, grant)| (Some(handover), vec![Row::Grant(Box::new(grant))]))
}

fn mint(service: &Service, task: &Task, site: &Site, name: &str) -> Option<(Handover, Grant)> {
    let base = site.base.as_deref()?;
    let user: Box<str> = format!("{}-{}", task.id, Secret::from_random(rand::random()).expose()).into();
    let secret = Secret::from_random(rand::random());
    let (path, may, bytes) = if task.kind == TaskKind::Upload {
        let bytes_max = service.options.files.upload_bytes_max;
        (format!("upload/{user}"), Transfer::Bring { bytes_max }, 0)
    } else {
        let file = service.files.of_name(name)?;
        (percent_encoded(name), Transfer::Fetch(file.id), file.bytes)
    };
    // It is good for so long after the device may begin at the latest.
    let lifetime = service.options.files.grant_lifetime.saturating_add(begins_within(task));
    let lifetime = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
    let expires_ms = service.now_ms().saturating_add(lifetime);
    let grant =
        Grant { user: user.clone(), secret: secret.clone(), device: task.device, task: task.id, may, expires_ms };
    Some((Handover { url: format!("{base}/files/{path}"), user, secret: Some(secret), bytes }, grant))
}
