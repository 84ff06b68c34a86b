//! The start of device management: its directory, its store, itself.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sangam_config::{Config, Role};
use sangam_device_server::{Deps, DeviceServer, EndpointId, Stun};
use sangam_storage::devices::Store;
use sangam_storage_sqlite::open_devices;
use sangam_telemetry::metrics::devices::DeviceMetrics;

use crate::clock::wall_now;
use crate::durable_file;
use crate::options::brokers::{broker_options, stomp_options};
use crate::options::devices::{devices_live, devices_options, store_options};
use crate::server::Ground;

/// The file with our endpoint id.
const ENDPOINT_ID: &str = "usp-endpoint-id";

/// Starts it if this process plays that role.
pub(crate) fn start_devices(
    ground: &Ground<'_>,
    stun: Option<Stun>,
    registry: &mut Registry,
) -> anyhow::Result<Option<DeviceServer>> {
    let config = ground.config;
    if !config.server.plays(Role::Devices) {
        return Ok(None);
    }
    let metrics = Arc::new(DeviceMetrics::register(registry));
    let deps = Deps { store: open_store(config, &ground.data_dir)?, metrics, clock: Arc::new(wall_now), stun };
    let mut options = devices_options(&config.devices);
    options.brokers = broker_options(&config.devices.usp)?;
    options.stomp = stomp_options(&config.devices.usp);
    let directory = directory(config, &ground.data_dir);
    options.files.dir = Some(directory.join("files"));
    options.calls.stamp_file = Some(directory.join("datagram-stamps"));
    if config.devices.usp.enabled {
        options.usp.endpoint = Some(endpoint_id(config, &ground.data_dir)?);
    }
    let devices = DeviceServer::start(options, devices_live(&config.devices)?, deps);
    Ok(Some(devices.context("device management cannot start")?))
}

/// Where everything is that is known of devices.
pub(crate) fn directory(config: &Config, data_dir: &Path) -> PathBuf {
    config.devices.path.clone().unwrap_or_else(|| data_dir.join("devices"))
}

/// By which agents of USP know us: what is configured, or what was made at the first start.
fn endpoint_id(config: &Config, data_dir: &Path) -> anyhow::Result<EndpointId> {
    if let Some(id) = &config.devices.usp.endpoint_id {
        return id.parse().with_context(|| format!("`devices.usp.endpoint_id` cannot be {id}"));
    }
    let path = data_dir.join(ENDPOINT_ID);
    let unusable = || format!("the endpoint id in {} cannot be used; set `devices.usp.endpoint_id`", path.display());
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().with_context(unusable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = format!("self::sangam-{:016x}", rand::random::<u64>());
            durable_file::replace(&path, format!("{made}\n").as_bytes()).with_context(unusable)?;
            made.parse().with_context(unusable)
        }
        Err(error) => Err(error).with_context(unusable),
    }
}

fn open_store(config: &Config, data_dir: &Path) -> anyhow::Result<Store> {
    let dir = directory(config, data_dir);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.with_context(|| {
        format!("the directory {} of devices cannot be made; choose another with `devices.path`", dir.display())
    })?;
    open_devices(&dir, &store_options(&config.devices)).context("the store of devices cannot be opened")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_id_is_made_once_unless_one_is_configured() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        let first = endpoint_id(&config, dir.path()).unwrap();
        assert!(first.as_str().starts_with("self::sangam-"), "{first}");
        assert_eq!(endpoint_id(&config, dir.path()).unwrap(), first);
        config.devices.usp.endpoint_id = Some("self::acs".to_owned());
        assert_eq!(endpoint_id(&config, dir.path()).unwrap().as_str(), "self::acs");
        config.devices.usp.endpoint_id = Some("nonsense::acs".to_owned());
        assert!(endpoint_id(&config, dir.path()).is_err());
    }
}
