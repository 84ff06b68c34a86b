//! The start of device management: its directory, its store, itself.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sangam_config::{Config, Role};
use sangam_device_server::{Deps, DeviceServer};
use sangam_storage::devices::Store;
use sangam_storage_sqlite::open_devices;
use sangam_telemetry::metrics::devices::DeviceMetrics;

use crate::clock::wall_now;
use crate::options::devices::{devices_live, devices_options, store_options};
use crate::server::Ground;

/// Starts it if this process plays that role.
pub(crate) fn start_devices(ground: &Ground<'_>, registry: &mut Registry) -> anyhow::Result<Option<DeviceServer>> {
    let config = ground.config;
    if !config.server.plays(Role::Devices) {
        return Ok(None);
    }
    let metrics = Arc::new(DeviceMetrics::register(registry));
    let deps = Deps { store: open_store(config, &ground.data_dir)?, metrics, clock: Arc::new(wall_now) };
    let mut options = devices_options(&config.devices);
    options.files.dir = Some(directory(config, &ground.data_dir).join("files"));
    let devices = DeviceServer::start(options, devices_live(&config.devices)?, deps);
    Ok(Some(devices.context("device management cannot start")?))
}

/// Where everything is that is known of devices.
fn directory(config: &Config, data_dir: &Path) -> PathBuf {
    config.devices.path.clone().unwrap_or_else(|| data_dir.join("devices"))
}

fn open_store(config: &Config, data_dir: &Path) -> anyhow::Result<Store> {
    let dir = directory(config, data_dir);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.with_context(|| {
        format!("the directory {} of devices cannot be made; choose another with `devices.path`", dir.display())
    })?;
    open_devices(&dir, &store_options(&config.devices)).context("the store of devices cannot be opened")
}
