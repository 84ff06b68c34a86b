//! `[devices]`: the management of devices; its sessions, what it keeps and its store have sections of their own in it.

pub mod alarms;
pub mod calls;
pub mod files;
pub mod keep;
pub mod profiles;
pub mod sessions;
pub mod store;
pub mod usp;

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{
    alarms::Alarms, calls::Calls, files::Files, keep::Keep, profiles::Profiles, sessions::Sessions, store::Store,
    usp::Usp,
};
use crate::sections::{Check, tls::TlsMode};
use crate::values::{ByteSize, HumanDuration, ListenAddr, Secret};

/// The management of devices: an auto-configuration server for TR-069, a controller for TR-369 (USP).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Devices {
    /// Where devices that speak CWMP (TR-069) are answered, at any path; the main HTTP answers them at `/cwmp` and
    /// `/tr069` too.
    #[schemars(extend("x-reload" = "restart"))]
    pub listen: Vec<ListenAddr>,
    /// Whether these listeners speak TLS: `off`, `on`, or `auto` (the first byte decides). Not set: `auto` if there is a
    /// certificate, else `off`.
    #[schemars(extend("x-reload" = "restart"))]
    pub tls: Option<TlsMode>,
    /// Whether every connection begins with a PROXY v2 header.
    #[schemars(extend("x-reload" = "restart"))]
    pub proxy_protocol: bool,
    /// The directory of everything that is known of devices, on a local disk; made if it is not there. Not set: `devices` in
    /// `data.dir`.
    #[schemars(extend("x-reload" = "restart"))]
    pub path: Option<PathBuf>,
    /// Who becomes a device of ours at first contact: `closed` (nobody; an operator enrols those that are listed as pending),
    /// `shared-credential` (whoever shows `devices.shared_credentials`), `open` (everybody; for a laboratory).
    #[schemars(extend("x-reload" = "live"))]
    pub enroll: Enroll,
    /// The credentials that devices come with from the factory, each as `user:password`; any of them will do. At first contact
    /// a device gets its own.
    #[schemars(extend("x-reload" = "live"))]
    pub shared_credentials: Vec<Secret>,
    /// A file with these credentials, one in each line.
    #[schemars(extend("x-reload" = "live"))]
    pub shared_credentials_file: Option<PathBuf>,
    /// Whether a device that an operator enrolled is believed when it first comes, though it shows no login: it gets its own then.
    /// `false`: it has to show a shared credential.
    #[schemars(extend("x-reload" = "live"))]
    pub trust_first: bool,
    /// What devices are told that they log in to.
    #[schemars(extend("x-reload" = "restart"))]
    pub realm: String,
    /// Whether devices may show their password itself (Basic), where the connection is not encrypted too. With TLS they may.
    #[schemars(extend("x-reload" = "live"))]
    pub basic_without_tls: bool,
    /// Devices that may be known at once, pending ones included.
    #[schemars(extend("x-reload" = "restart"))]
    pub devices_max: usize,
    /// Devices that may be pending at once; of more, those that came last are not listed.
    #[schemars(extend("x-reload" = "restart"))]
    pub pending_max: usize,
    /// From one periodic Inform of a device to the next, as devices are told. Each gets a time of its own within it. `0s`: they are
    /// told nothing.
    #[schemars(extend("x-reload" = "live"))]
    pub periodic_interval: HumanDuration,
    /// Models and versions of their software whose parameters are known by name; of a device with one more nothing is kept of what it reports.
    #[schemars(extend("x-reload" = "restart"))]
    pub schemas_max: u64,
    /// Tasks that may wait for one device.
    #[schemars(extend("x-reload" = "restart"))]
    pub tasks_per_device_max: usize,
    /// Orders that may wait to be written; the next request is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_ops_max: usize,
    /// Bytes of requests that may wait to be written; the next one is answered 503.
    #[schemars(extend("x-reload" = "restart"))]
    pub queue_bytes_max: ByteSize,
    /// How long sessions that are open may go on once a stop begins.
    #[schemars(extend("x-reload" = "restart"))]
    pub drain_limit: HumanDuration,
    /// How devices are called when something waits for them.
    pub calls: Calls,
    /// Files that devices fetch and bring.
    pub files: Files,
    /// What devices are to be set to.
    pub profiles: Profiles,
    /// What is wrong with devices.
    pub alarms: Alarms,
    /// Programs that may follow what happens with devices at once (`/api/v1/devices/events`).
    #[schemars(extend("x-reload" = "restart"))]
    pub followers_max: usize,
    /// Writes to the store that may wait for one of them; one that is behind by more is told so and has to begin again.
    #[schemars(extend("x-reload" = "restart"))]
    pub follower_queue: usize,
    /// Sessions of CWMP.
    pub sessions: Sessions,
    /// Agents of USP.
    pub usp: Usp,
    /// What is kept, and for how long.
    pub keep: Keep,
    /// The store.
    pub store: Store,
}

/// Who becomes a device of ours at first contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Enroll {
    /// Nobody.
    #[default]
    Closed,
    /// Whoever shows one of the shared credentials.
    SharedCredential,
    /// Everybody.
    Open,
}

impl fmt::Display for Enroll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::SharedCredential => "shared-credential",
            Self::Open => "open",
        })
    }
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            listen: vec![ListenAddr::loopback(7_547)],
            tls: None,
            proxy_protocol: false,
            path: None,
            enroll: Enroll::Closed,
            shared_credentials: Vec::new(),
            shared_credentials_file: None,
            trust_first: true,
            realm: "sangam".to_owned(),
            basic_without_tls: false,
            devices_max: 1_000_000,
            pending_max: 10_000,
            periodic_interval: HumanDuration::from_secs(3_600),
            schemas_max: 10_000,
            tasks_per_device_max: 1_000,
            queue_ops_max: 100_000,
            queue_bytes_max: ByteSize::from_kib(64 << 10),
            drain_limit: HumanDuration::from_secs(30),
            calls: Calls::default(),
            files: Files::default(),
            profiles: Profiles::default(),
            alarms: Alarms::default(),
            followers_max: 100,
            follower_queue: 1_024,
            sessions: Sessions::default(),
            usp: Usp::default(),
            keep: Keep::default(),
            store: Store::default(),
        }
    }
}

impl Devices {
    pub(crate) fn validate(&self, check: &mut Check) {
        let (none, second, hour) =
            (HumanDuration::default(), HumanDuration::from_secs(1), HumanDuration::from_secs(3_600));
        let empty = self.path.as_ref().is_some_and(|path| path.as_os_str().is_empty());
        check.require(!empty, "path", "the path is empty; write a directory");
        self.check_credentials(check);
        let plain = !self.realm.is_empty()
            && self.realm.len() <= 128
            && self.realm.bytes().all(|byte| matches!(byte, b' '..=b'~') && !b"\"\\".contains(&byte));
        check.require(plain, "realm", "write 1 to 128 printable ASCII characters without quotes and backslashes");
        check.within("devices_max", self.devices_max, 1, 100_000_000);
        check.within("pending_max", self.pending_max, 0, self.devices_max);
        check.within("periodic_interval", self.periodic_interval, none, HumanDuration::from_secs(30 * 86_400));
        check.within("schemas_max", self.schemas_max, 10, 1_000_000);
        check.within("tasks_per_device_max", self.tasks_per_device_max, 1, 1_000);
        check.within("queue_ops_max", self.queue_ops_max, 1_000, 10_000_000);
        check.within(
            "queue_bytes_max",
            self.queue_bytes_max,
            self.sessions.message_bytes_max,
            ByteSize::from_kib(16 << 20),
        );
        check.within("followers_max", self.followers_max, 0, 10_000);
        check.within("follower_queue", self.follower_queue, 1, 65_536);
        check.within("drain_limit", self.drain_limit, none, hour);
        let told = self.periodic_interval == none || self.periodic_interval >= second;
        check.require(told, "periodic_interval", "it is less than a second; write 1s or more, or 0s");
    }

    fn check_credentials(&self, check: &mut Check) {
        let shared = self.shared_credentials.iter();
        let named = shared.clone().all(|pair| pair.expose().split_once(':').is_some_and(|(user, _)| !user.is_empty()));
        check.require(named, "shared_credentials", "one of them is not `user:password`; write each as that");
        let missing = self.enroll == Enroll::SharedCredential && self.shared_credentials.is_empty();
        check.require(
            !missing,
            "enroll",
            "devices are to show a shared credential and there is none; set `devices.shared_credentials_file`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(devices: &Devices) -> Vec<&'static str> {
        let mut check = Check::default();
        devices.validate(&mut check);
        check.wrong.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn the_defaults_are_fine() {
        assert_eq!(wrong(&Devices::default()), [""; 0]);
    }

    #[test]
    fn a_shared_credential_must_be_there_and_have_a_user() {
        let shared = Devices { enroll: Enroll::SharedCredential, ..Devices::default() };
        assert_eq!(wrong(&shared), ["enroll"]);
        let with = |pair: &str| Devices { shared_credentials: vec![Secret::new(pair)], ..shared.clone() };
        assert_eq!(wrong(&with("cpe:secret")), [""; 0]);
        assert_eq!(wrong(&with("secret")), ["shared_credentials"]);
        assert_eq!(wrong(&with(":secret")), ["shared_credentials"]);
    }

    #[test]
    fn a_realm_fits_into_a_quoted_string() {
        for realm in ["", "a\"b", "a\\b", "a\r\nb", "ä"] {
            assert_eq!(wrong(&Devices { realm: realm.to_owned(), ..Devices::default() }), ["realm"], "{realm:?}");
        }
    }
}
