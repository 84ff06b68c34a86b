//! `[devices]` for device management and its store.

use anyhow::Context as _;
use sangam_config::HumanDuration;
use sangam_config::sections::devices::alarms::Alarms;
use sangam_config::sections::devices::calls::{Calls, Xmpp};
use sangam_config::sections::devices::files::Files;
use sangam_config::sections::devices::usp::Usp;
use sangam_config::sections::devices::{Devices, Enroll};
use sangam_device_server::{
    AlarmOptions, CallOptions, Credentials, EnrolRules, FileOptions, FloodRules, Keep, Live, Login, NewsOptions,
    Options, Policy, ProfileOptions, PursuitRules, Secret, UspLimits, UspOptions, XmppOptions,
};
use sangam_storage_sqlite::SqliteOptions;

/// What is settled at the start.
pub(crate) fn devices_options(devices: &Devices) -> Options {
    let (sessions, keep) = (&devices.sessions, &devices.keep);
    let (calls, files) = (&devices.calls, &devices.files);
    let usp = usp_options(&devices.usp);
    let mut options = Options {
        realm: devices.realm.clone(),
        nonce_lifetime: sessions.nonce_lifetime.get(),
        sessions_max: sessions.open_max,
        body_timeout: sessions.request_timeout.get(),
        names_at_once: sessions.names_at_once,
        devices_max: devices.devices_max as u64,
        queue_rows_max: devices.queue_ops_max,
        queue_bytes_max: devices.queue_bytes_max.as_usize(),
        schemas_max: devices.schemas_max,
        heads_max: devices.store.devices_cached,
        seen_interval: keep.seen_interval.get(),
        sweep_interval: keep.sweep_interval.get(),
        files: file_options(files),
        profiles: ProfileOptions {
            profiles_max: devices.profiles.profiles_max,
            pursuit: PursuitRules {
                retry_first: devices.profiles.retry_first.get(),
                retry_max: devices.profiles.retry_max.get(),
            },
        },
        alarms: alarm_options(&devices.alarms),
        news: NewsOptions { queue: devices.follower_queue, listeners_max: devices.followers_max },
        calls: call_options(calls),
        usp,
        keep: Keep {
            history: keep.history.get(),
            events: keep.events.get(),
            events_rows: keep.events_per_device,
            events_total: keep.events_total,
            tasks: keep.tasks.get(),
            alarms: keep.alarms.get(),
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

fn file_options(files: &Files) -> FileOptions {
    FileOptions {
        dir: None,
        files_max: files.files_max,
        file_bytes_max: files.file_bytes_max.get(),
        upload_bytes_max: files.upload_bytes_max.get(),
        total_bytes_max: files.total_bytes_max.get(),
        transfers_max: files.transfers_max,
        stall_timeout: files.stall_timeout.get(),
        grant_lifetime: files.grant_lifetime.get(),
    }
}

fn call_options(calls: &Calls) -> CallOptions {
    CallOptions {
        at_once: calls.at_once,
        waiting_max: calls.waiting_max,
        connect_timeout: calls.connect_timeout.get(),
        answer_timeout: calls.answer_timeout.get(),
        interval: calls.interval.get(),
        any_address: calls.any_address,
        addresses_max: calls.addresses_max,
        lookups_max: calls.lookups_max,
        udp_copies: calls.udp_copies,
        udp_copy_interval: calls.udp_copy_interval.get(),
        bindings_max: calls.bindings_max,
        stamp_file: None,
        xmpp: xmpp_options(&calls.xmpp),
        waits_max: calls.waits_max,
        wait_max: calls.wait_max.get(),
    }
}

fn usp_options(usp: &Usp) -> UspOptions {
    UspOptions {
        // Which is ours is settled where the data directory is known.
        endpoint: UspOptions::default().endpoint.filter(|_| usp.enabled),
        limits: UspLimits {
            record_bytes_max: usp.record_bytes_max.as_usize(),
            message_bytes_max: usp.message_bytes_max.as_usize(),
            elements_max: usp.elements_max,
            ..UspLimits::default()
        },
        agents_max: usp.agents_max,
        strangers_max: usp.strangers_max,
        stranger_timeout: usp.stranger_timeout.get(),
        opening_max: usp.opening_max,
        opening_timeout: usp.opening_timeout.get(),
        request_timeout: usp.request_timeout.get(),
        sessions: usp.session_contexts,
        connect_required: usp.connect_required,
        waiting_bytes_max: usp.waiting_bytes_max.as_usize(),
        ping_interval: usp.ping_interval.get(),
        files_url: usp.files_url.as_deref().map(Into::into),
    }
}

/// The XMPP server that devices are called through, if there is one.
fn xmpp_options(xmpp: &Xmpp) -> Option<XmppOptions> {
    let (host, secret) = (xmpp.host.clone()?, xmpp.secret.as_ref()?);
    Some(XmppOptions {
        connect_timeout: xmpp.connect_timeout.get(),
        answer_timeout: xmpp.answer_timeout.get(),
        pending_max: xmpp.pending_max,
        retry_min: xmpp.retry_min.get(),
        retry_max: xmpp.retry_max.get(),
        ..XmppOptions::new(host, xmpp.port, xmpp.domain.clone(), secret.expose())
    })
}

fn alarm_options(alarms: &Alarms) -> AlarmOptions {
    let flood =
        |burst, one_each: HumanDuration, devices_max| FloodRules { burst, one_each: one_each.get(), devices_max };
    AlarmOptions {
        missed_informs: alarms.missed_informs,
        offline_after: alarms.offline_after.get(),
        faults: alarms.faults,
        faults_within: alarms.faults_within.get(),
        device_flood: flood(alarms.device_burst, alarms.device_interval, FloodRules::default().devices_max),
        fleet_flood: flood(alarms.fleet_burst, alarms.fleet_interval, 1),
        open_max: alarms.open_max,
    }
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
        let xmpp = Xmpp {
            host: Some("x".to_owned()),
            domain: "d".to_owned(),
            secret: Some(sangam_config::Secret::new("s")),
            ..Xmpp::default()
        };
        assert_eq!(xmpp_options(&xmpp), Some(XmppOptions::new("x", xmpp.port, "d", "s")));
        assert_eq!(store_options(&devices), SqliteOptions::default());
        assert_eq!(devices_live(&devices).unwrap().enrol.policy, Policy::Closed);
    }
}
