//! `[devices]` for device management and its store.

use anyhow::Context as _;
use sangam_config::sections::devices::{Devices, Enroll};
use sangam_device_server::{
    CallOptions, Credentials, EnrolRules, FileOptions, Keep, Live, Login, Options, Policy, Secret,
};
use sangam_storage_sqlite::SqliteOptions;

/// What is settled at the start.
pub(crate) fn devices_options(devices: &Devices) -> Options {
    let (sessions, keep) = (&devices.sessions, &devices.keep);
    let (calls, files) = (&devices.calls, &devices.files);
    let mut options = Options {
        realm: devices.realm.clone(),
        nonce_lifetime: sessions.nonce_lifetime.get(),
        sessions_max: sessions.open_max,
        body_timeout: sessions.request_timeout.get(),
        names_at_once: sessions.names_at_once,
        devices_max: devices.devices_max as u64,
        queue_rows_max: devices.queue_ops_max,
        queue_bytes_max: devices.queue_bytes_max.as_usize(),
        seen_interval: keep.seen_interval.get(),
        sweep_interval: keep.sweep_interval.get(),
        files: FileOptions {
            dir: None,
            files_max: files.files_max,
            file_bytes_max: files.file_bytes_max.get(),
            upload_bytes_max: files.upload_bytes_max.get(),
            total_bytes_max: files.total_bytes_max.get(),
            transfers_max: files.transfers_max,
            stall_timeout: files.stall_timeout.get(),
            grant_lifetime: files.grant_lifetime.get(),
        },
        calls: CallOptions {
            at_once: calls.at_once,
            waiting_max: calls.waiting_max,
            connect_timeout: calls.connect_timeout.get(),
            answer_timeout: calls.answer_timeout.get(),
            interval: calls.interval.get(),
            any_address: calls.any_address,
            addresses_max: calls.addresses_max,
            waits_max: calls.waits_max,
            wait_max: calls.wait_max.get(),
        },
        keep: Keep {
            history: keep.history.get(),
            events: keep.events.get(),
            tasks: keep.tasks.get(),
            pending: keep.pending.get(),
            ..Options::default().keep
        },
        ..Options::default()
    };
    options.session.idle = sessions.idle.get();
    options.session.total = sessions.total.get();
    options.soap.body_bytes = sessions.message_bytes_max.as_usize();
    options.soap.parameters = sessions.parameters_max;
    options.admission.retry_max = sessions.retry_after_max.get();
    options.tasks.per_device_max = devices.tasks_per_device_max;
    options
}

/// What a reload replaces.
pub(crate) fn devices_live(devices: &Devices) -> anyhow::Result<Live> {
    let policy = match devices.enroll {
        Enroll::Closed => Policy::Closed,
        Enroll::SharedCredential => Policy::SharedCredential,
        Enroll::Open => Policy::Open,
    };
    let login = |pair: &sangam_config::Secret| {
        let (user, secret) = pair.expose().split_once(':')?;
        Some(Login { user: user.into(), secret: Secret::new(secret)? })
    };
    let logins: Option<Vec<Login>> = devices.shared_credentials.iter().map(login).collect();
    let logins = logins.context("an entry of `devices.shared_credentials` has a password of more than 512 bytes")?;
    let interval = devices.periodic_interval.get();
    Ok(Live {
        enrol: EnrolRules {
            policy,
            pending_max: devices.pending_max as u64,
            rotate: true,
            trust_first: devices.trust_first,
        },
        credentials: Credentials::new(logins),
        basic_without_tls: devices.basic_without_tls,
        periodic_interval: (!interval.is_zero()).then_some(interval),
    })
}

/// How the store is used.
pub(crate) fn store_options(devices: &Devices) -> SqliteOptions {
    SqliteOptions {
        readers: devices.store.readers,
        reads_waiting_max: devices.store.reads_waiting_max,
        cache_bytes: devices.store.cache_bytes.as_usize(),
        wal_bytes_max: devices.store.wal_bytes_max.get(),
        wal_bytes_laid_down: devices.store.wal_bytes_laid_down.get(),
        ..SqliteOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_parts() {
        let devices = Devices::default();
        assert_eq!(format!("{:?}", devices_options(&devices)), format!("{:?}", Options::default()));
        assert_eq!(store_options(&devices), SqliteOptions::default());
        assert_eq!(devices_live(&devices).unwrap().enrol.policy, Policy::Closed);
    }
}
