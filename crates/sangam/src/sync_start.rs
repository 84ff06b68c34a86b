//! The start of the sync server: its directory, its store, itself.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use prometheus_client::registry::Registry;
use sangam_auth::token::Keyring;
use sangam_config::{Config, Role};
use sangam_storage::sync::Store;
use sangam_storage_sqlite::open_sync;
use sangam_sync_server::{Deps, SyncServer};
use sangam_telemetry::metrics::sync::SyncMetrics;

use crate::clock::wall_now;
use crate::options::sync::{store_options, sync_live, sync_options};
use crate::server::Ground;

/// Starts it if this process plays that role.
pub(crate) async fn start_sync(
    ground: &Ground<'_>,
    keyring: Keyring,
    registry: &mut Registry,
) -> anyhow::Result<Option<SyncServer>> {
    let config = ground.config;
    if !config.server.plays(Role::Sync) {
        return Ok(None);
    }
    let metrics = SyncMetrics::register(registry);
    if config.telemetry.compat {
        metrics.register_aliases(registry);
    }
    let deps =
        Deps { store: open_store(config, &ground.data_dir)?, metrics: Arc::new(metrics), clock: Arc::new(wall_now) };
    let sync = SyncServer::start(sync_options(&config.sync), sync_live(&config.sync, keyring), deps).await;
    Ok(Some(sync.context("sync cannot start")?))
}

/// Where everything that was synced is.
pub(crate) fn directory(config: &Config, data_dir: &Path) -> PathBuf {
    config.sync.path.clone().unwrap_or_else(|| data_dir.join("sync"))
}

fn open_store(config: &Config, data_dir: &Path) -> anyhow::Result<Store> {
    let dir = directory(config, data_dir);
    // The guide of the original calls it a path, and its server's default looks like a file.
    ensure!(
        !dir.exists() || dir.is_dir(),
        "the store of sync is a directory and {} is a file; move it away, or name another with `sync.path` (DB_PATH)",
        dir.display()
    );
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&dir);
    made.with_context(|| {
        format!("the directory {} of sync cannot be made; choose another with `sync.path` (DB_PATH)", dir.display())
    })?;
    open_sync(&dir, &store_options(&config.sync)).context("the store of sync cannot be opened")
}
