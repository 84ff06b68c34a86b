//! New values for keys that are live: on SIGHUP, and when a file has changed.
//!
//! Everything is read and checked first. A reload with an error changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sangam_auth::token::Keyring;
use sangam_auth::turn::{LongTermUsers, RestSecrets};
use sangam_config::{Loaded, Reload as Takes};
use sangam_net::{CertificatePaths, FrontRules, Reload};
use sangam_telemetry::logs::Logs;

use crate::bind_check::check_binds;
use crate::cli::ConfigArgs;
use crate::generated_secrets::GeneratedSecrets;
use crate::host_addresses::Machine;
use crate::options::devices::devices_live;
use crate::options::signal::signal_live;
use crate::options::sync::sync_live;
use crate::options::{auth, front, log, relay};
use crate::server::{Server, admin_access};

/// Reads the sources again and puts what is live in force.
pub(crate) struct Reloader<'a> {
    args: &'a ConfigArgs,
    current: Loaded,
    machine: &'a Machine,
    generated: &'a GeneratedSecrets,
    logs: &'a Logs,
    seen: Seen,
}

/// The watched files as they were when they were last read.
type Seen = BTreeMap<PathBuf, Option<Stamp>>;

/// What tells that a file is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed_nanos: i128,
}

/// Everything a reload can fail on, already done.
struct Prepared {
    newer: Loaded,
    rules: FrontRules,
    keyring: Keyring,
    secrets: RestSecrets,
    users: LongTermUsers,
    devices: sangam_device_server::Live,
}

impl<'a> Reloader<'a> {
    pub(crate) fn new(
        args: &'a ConfigArgs,
        current: Loaded,
        machine: &'a Machine,
        generated: &'a GeneratedSecrets,
        logs: &'a Logs,
    ) -> Self {
        let seen = stamps(&current);
        Self { args, current, machine, generated, logs, seen }
    }

    /// `relay.drain_limit` as it is now.
    pub(crate) fn relay_drain_limit(&self) -> Duration {
        self.current.config.relay.drain_limit.get()
    }

    /// Reloads, and says how it went.
    pub(crate) fn reload(&mut self, server: &Server) {
        // Taken before reading: a write in between is seen as a change at the next look.
        let before = stamps(&self.current);
        match self.prepare().and_then(|prepared| self.apply(server, prepared)) {
            Ok(()) => {}
            Err(error) => tracing::error!("nothing was reloaded, everything stays as it was: {error:#}"),
        }
        self.seen = stamps(&self.current);
        self.seen.extend(before);
    }

    /// Reloads if a file has changed; a certificate by itself if only that has.
    pub(crate) fn reload_if_changed(&mut self, server: &Server) {
        let changed = |(path, stamp): (&PathBuf, &Option<Stamp>)| self.seen.get(path) != Some(stamp);
        if stamps(&self.current).iter().any(changed) {
            self.reload(server);
            return;
        }
        let certificates = server.live.certificates.as_ref();
        match certificates.and_then(|certificates| certificates.check_changed()) {
            None => {}
            Some(Ok(outcome)) => say_certificate(&outcome),
            Some(Err(error)) => {
                tracing::error!(
                    "the new certificate is not used, the old one stays in force: {:#}",
                    anyhow::Error::from(error)
                );
            }
        }
    }

    fn prepare(&self) -> anyhow::Result<Prepared> {
        let newer = self.args.load()?;
        check_binds(&newer, &self.machine.addresses)?;
        let config = &newer.config;
        let rules = front::front_rules(config)?;
        let keyring = auth::keyring(config, self.generated)?;
        let secrets = auth::rest_secrets(&config.relay, self.generated)?;
        let users = auth::long_term_users(&config.relay)?;
        let devices = devices_live(&config.devices)?;
        Ok(Prepared { rules, keyring, secrets, users, devices, newer })
    }

    fn apply(&mut self, server: &Server, prepared: Prepared) -> anyhow::Result<()> {
        let Prepared { newer, rules, keyring, secrets, users, devices: devices_live } = prepared;
        let config = &newer.config;
        let live = &server.live;
        let keyring = keyring.with_revoked(live.tokens.revoked());
        // The one step that can still fail comes first.
        if let (Some(store), Some(paths)) = (&live.certificates, front::certificate_paths(&config.tls)) {
            say_certificate(&reload_certificate(store, paths)?);
        }
        live.rules.replace(rules);
        live.access.store(Arc::new(admin_access(config, keyring.clone())));
        live.relay_secrets.store(Arc::new(secrets.clone()));
        live.relay_users.store(Arc::new(users));
        if let Some(signal) = &server.signal {
            signal.reload(signal_live(config, &live.settled, keyring.clone(), &secrets));
        }
        if let Some(devices) = &server.devices {
            devices.reload(devices_live);
        }
        if let Some(sync) = &server.sync {
            sync.reload(sync_live(&config.sync, keyring));
        }
        if let Some(relay) = &server.relay {
            relay.reload(relay::relay_live(&config.relay, self.machine));
        }
        self.logs.set_level(log::level_filter(config.log.level));
        say_changes(&self.current, &newer);
        self.current = newer;
        Ok(())
    }
}

fn reload_certificate(store: &sangam_net::CertificateStore, paths: CertificatePaths) -> anyhow::Result<Reload> {
    Ok(store.reload_from(paths)?)
}

fn say_certificate(outcome: &Reload) {
    match outcome {
        Reload::Unchanged => {}
        Reload::Replaced { .. } => tracing::info!("another certificate is in force"),
    }
}

fn say_changes(before: &Loaded, after: &Loaded) {
    let changed = before.changes_to(after);
    let names = |takes| {
        let names = changed.iter().filter(|key| key.reload == takes).map(|key| key.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let (live, restart) = (names(Takes::Live), names(Takes::Restart));
    match live.as_str() {
        "" => tracing::info!("reloaded; no live key has another value"),
        live => tracing::info!("reloaded: {live}"),
    }
    if !restart.is_empty() {
        tracing::warn!("these keys have another value, which takes effect at the next start: {restart}");
    }
}

/// The configuration files and the secret files, as they are now.
fn stamps(loaded: &Loaded) -> Seen {
    watched(loaded).into_iter().map(|path| (path.clone(), stamp(&path))).collect()
}

fn watched(loaded: &Loaded) -> Vec<PathBuf> {
    let config = &loaded.config;
    let files = [
        &config.relay.secrets_file,
        &config.relay.users_file,
        &config.relay.turnserver_conf,
        &config.auth.admin_keys_file,
        &config.auth.signal_keys_file,
        &config.auth.sync_keys_file,
        &config.auth.sync_jwks_file,
        &config.ice.servers_file,
        &config.devices.shared_credentials_file,
        &config.devices.calls.xmpp.secret_file,
        &config.devices.usp.mqtt.credentials_file,
        &config.devices.usp.stomp.credentials_file,
    ];
    loaded.file.iter().chain(files.into_iter().flatten()).cloned().collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    let changed_nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    Some(Stamp { inode: metadata.ino(), bytes: metadata.len(), changed_nanos })
}

#[cfg(test)]
mod tests {
    use sangam_config::Catalogue;

    use super::*;

    #[test]
    fn every_secret_file_of_the_catalogue_is_watched() {
        // Those of a node are read once, at its start.
        let keys = Catalogue::get().keys().iter().filter(|key| key.secret && !key.name.starts_with("node."));
        let names: Vec<String> = keys.map(|key| format!("{}_file", key.name)).collect();
        assert_eq!(names.len(), 10, "`watched` lists {names:?}");
    }

    #[test]
    fn a_rewritten_file_has_another_stamp() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let before = stamp(file.path());
        fs::write(file.path(), "longer").unwrap();
        assert_ne!(stamp(file.path()), before);
        assert_eq!(stamp(Path::new("/nonexistent")), None);
    }
}
