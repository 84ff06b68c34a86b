use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sangam_types::Wall;
use serde::Serialize;

use crate::device_alarms::DeviceAlarms;
use crate::device_files::DeviceFiles;
use crate::device_news::DeviceNews;
use crate::device_profiles::DeviceProfiles;
use crate::device_subscriptions::DeviceSubscriptions;
use crate::timestamp;

/// Sees the devices that are managed, and says what is to be done with them. A device's name is its OUI, product class and serial number,
/// percent-encoded and joined by hyphens.
pub trait DeviceAdmin: Send + Sync {
    /// Devices, in the order in which they became known.
    fn devices(&self, filter: DeviceFilter) -> BoxFuture<'_, Result<DeviceList<ManagedDevice>, DeviceAdminError>>;

    /// One device.
    fn device(&self, name: String) -> BoxFuture<'_, Result<ManagedDevice, DeviceAdminError>>;

    /// Enrols, blocks or puts back a device.
    fn set_state(&self, name: String, state: String) -> BoxFuture<'_, Result<ManagedDevice, DeviceAdminError>>;

    /// Gives a device a tag, or takes it away.
    fn tag(&self, name: String, tag: String, has: bool) -> BoxFuture<'_, Result<ManagedDevice, DeviceAdminError>>;

    /// Forgets a device and all that is about it.
    fn remove(&self, name: String) -> BoxFuture<'_, Result<(), DeviceAdminError>>;

    /// Forgets what a device logs in with: it may show what new devices show, as after it was reset to what it was in the factory.
    fn forget_login(&self, name: String) -> BoxFuture<'_, Result<ManagedDevice, DeviceAdminError>>;

    /// Parameters of a device whose paths begin with that, in the order of their paths, those after `after`.
    fn parameters(
        &self,
        name: String,
        below: String,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceParameter>, DeviceAdminError>>;

    /// What values of a device were, newest first: of that path, or of all below it if it ends with a dot; of the page that begins
    /// after that cursor.
    fn history(
        &self,
        name: String,
        path: Option<String>,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceChange>, DeviceAdminError>>;

    /// Makes a device known before it comes, as one of ours. Said again it changes nothing: tags are added, and a login is given only
    /// to a device that has none of its own. One that is blocked stays so.
    fn import(&self, device: DeviceImport) -> BoxFuture<'_, Result<ImportedDevice, DeviceAdminError>>;

    /// What a device told, newest first, what came before the event of that number.
    fn events(
        &self,
        name: String,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceEvent>, DeviceAdminError>>;

    /// Orders something of a device.
    fn order(&self, name: String, order: DeviceOrder) -> BoxFuture<'_, Result<DeviceTask, DeviceAdminError>>;

    /// Tasks, newest first, those before the one of that number: of one device, or of all.
    fn tasks(
        &self,
        name: Option<String>,
        state: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceTask>, DeviceAdminError>>;

    /// Tests that devices ran or are to run, newest first, those before the one of that number: of one device, or of all; of one kind,
    /// or of all.
    fn diagnostics(
        &self,
        name: Option<String>,
        kind: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> BoxFuture<'_, Result<DeviceList<DeviceDiagnostic>, DeviceAdminError>>;

    /// One test: it has the number of the task that ordered it.
    fn diagnostic(&self, id: u64) -> BoxFuture<'_, Result<DeviceDiagnostic, DeviceAdminError>>;

    /// One task.
    fn task(&self, id: u64) -> BoxFuture<'_, Result<DeviceTask, DeviceAdminError>>;

    /// The files that devices fetch and bring.
    fn files(&self) -> Arc<dyn DeviceFiles>;

    /// What devices are to be set to.
    fn profiles(&self) -> Arc<dyn DeviceProfiles>;

    /// What is wrong with devices.
    fn alarms(&self) -> Arc<dyn DeviceAlarms>;

    /// What devices are to tell by themselves.
    fn subscriptions(&self) -> Arc<dyn DeviceSubscriptions>;

    /// What happens with devices.
    fn news(&self) -> Arc<dyn DeviceNews>;

    /// Takes back a task that was not sent.
    fn cancel(&self, id: u64) -> BoxFuture<'_, Result<DeviceTask, DeviceAdminError>>;
}

/// Which devices are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceFilter {
    /// `pending`, `enrolled` or `blocked`.
    pub state: Option<String>,
    /// Those that have it.
    pub tag: Option<String>,
    /// Those of it.
    pub manufacturer: Option<String>,
    /// Those of it.
    pub model: Option<String>,
    /// Those in whose serial number, model, versions or tags it stands.
    pub search: Option<String>,
    /// Those after it.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Some of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceList<T> {
    /// Those that were asked for.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: there are no more.
    pub next: Option<String>,
}

impl<T> Default for DeviceList<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

/// A device. What it logs in with is not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ManagedDevice {
    /// `00D09E-Box-A1`.
    pub id: String,
    /// Six hexadecimal digits.
    pub oui: String,
    /// May be empty.
    pub product_class: String,
    /// As the device has it.
    pub serial_number: String,
    /// USP's name of it.
    pub endpoint_id: Option<String>,
    /// `pending`, `enrolled` or `blocked`.
    pub state: &'static str,
    /// As it says; so are those that follow.
    pub manufacturer: String,
    /// See above.
    pub model: String,
    /// See above.
    pub hardware_version: String,
    /// See above.
    pub software_version: String,
    /// In order.
    pub tags: Vec<String>,
    /// `Device.` or `InternetGatewayDevice.`
    pub root: &'static str,
    /// What it speaks: `cwmp`, `usp`, or both; empty: it has not come yet.
    pub protocols: Vec<&'static str>,
    /// `1.2`; `None`: it has not spoken CWMP.
    pub cwmp_version: Option<String>,
    /// Versions of USP, as its agent tells them; empty: it has none, or has not said.
    pub usp_versions: Vec<String>,
    /// Over what its USP agent is connected now: `websocket`, `mqtt`, `stomp`; `None`: it is not.
    pub connected_over: Option<&'static str>,
    /// Where it is called.
    pub connection_request_url: Option<String>,
    /// Where it is called through its NAT.
    pub udp_connection_request_address: Option<String>,
    /// Whether it says that it is behind a NAT.
    pub nat_detected: bool,
    /// Where it is called through an XMPP server.
    pub jabber_id: Option<String>,
    /// What came of the last call since the server began; `None`: there was none, or it is forgotten.
    pub last_call: Option<DeviceCall>,
    /// Seconds from one periodic Inform to the next; 0: not known.
    pub periodic_interval_secs: u32,
    /// Whether it has a login of its own.
    pub has_own_login: bool,
    /// When it became known.
    #[serde(with = "timestamp")]
    pub created_at: Wall,
    /// When it was heard of last.
    #[serde(with = "timestamp::option")]
    pub seen_at: Option<Wall>,
    /// When it booted last.
    #[serde(with = "timestamp::option")]
    pub booted_at: Option<Wall>,
}

/// The last call of a device: what had it begin a session, or why it was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceCall {
    /// When it was over.
    #[serde(with = "timestamp")]
    pub at: Wall,
    /// `accepted`, `timeout` …
    pub outcome: &'static str,
    /// The ways that were tried, in order.
    pub attempts: Vec<DeviceCallAttempt>,
}

/// One way by which a device was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceCallAttempt {
    /// `http`, `udp`, `xmpp`.
    pub kind: &'static str,
    /// As of the call.
    pub outcome: &'static str,
}

/// A parameter of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceParameter {
    /// Its full path.
    pub path: String,
    /// As the device wrote it.
    pub value: String,
    /// `string`, `boolean` …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `None`: the device has not said.
    pub writable: Option<bool>,
    /// Since when it has this value.
    #[serde(with = "timestamp")]
    pub changed_at: Wall,
}

/// What a value was from some time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceChange {
    /// Its full path.
    pub path: String,
    /// As the device wrote it; its beginning if it is long.
    pub value: String,
    /// `string`, `boolean` …
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// From when on.
    #[serde(with = "timestamp")]
    pub at: Wall,
}

/// A device that is to be known before it comes.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceImport {
    /// Six hexadecimal digits.
    pub oui: String,
    /// May be empty.
    pub product_class: String,
    /// At most 64 characters, as is the product class.
    pub serial_number: String,
    /// What operators call it.
    pub tags: Vec<String>,
    /// What it logs in with, user name and password; `None`: what all new devices do.
    pub login: Option<(String, String)>,
}

impl fmt::Debug for DeviceImport {
    /// Without its login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { oui, product_class, serial_number, tags, login } = self;
        let has_login = login.is_some();
        write!(f, "DeviceImport({oui} {product_class} {serial_number} {tags:?} has_login={has_login})")
    }
}

/// What became of a device that was to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedDevice {
    /// As of [`ManagedDevice::id`].
    pub id: String,
    /// `created`, `changed` or `unchanged`.
    pub outcome: &'static str,
}

/// What a device told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceEvent {
    /// Its number.
    pub number: u64,
    /// When.
    #[serde(with = "timestamp")]
    pub at: Wall,
    /// `1 BOOT`, `TransferComplete` …
    pub kind: String,
    /// What it belongs to; may be empty.
    pub command_key: String,
    /// JSON; `null`: nothing.
    pub detail: serde_json::Value,
}

/// What is to be done with a device.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceOrder {
    /// `get_values`, `set_values`, `reboot` …
    pub kind: String,
    /// What a task of that kind needs.
    pub payload: serde_json::Value,
    /// Higher ones are first.
    pub priority: u8,
    /// Not sent before.
    pub not_before: Option<Wall>,
    /// Not sent from then on.
    pub expires: Option<Wall>,
    /// Who wants it.
    pub ordered_by: String,
    /// The same order with the same key is done once.
    pub idempotency_key: Option<String>,
    /// Whether the device is called at once; if not, or if that does not reach it, it is done when the device comes by itself.
    pub call: bool,
    /// How long the answer may wait for the task to end; `None`: it does not.
    pub wait: Option<Duration>,
}

/// Never what is in its payload: there may be passwords.
impl fmt::Debug for DeviceOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceOrder")
            .field("kind", &self.kind)
            .field("priority", &self.priority)
            .field("not_before", &self.not_before)
            .field("expires", &self.expires)
            .field("ordered_by", &self.ordered_by)
            .field("idempotency_key", &self.idempotency_key)
            .field("call", &self.call)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// A task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceTask {
    /// Its number.
    pub id: u64,
    /// `get_values`, `set_values`, `reboot` …
    pub kind: &'static str,
    /// `queued`, `sent`, `done`, `failed`, `unknown` …
    pub state: &'static str,
    /// Higher ones are first.
    pub priority: u8,
    /// How often it was sent.
    pub attempts: u32,
    /// Who wanted it.
    pub ordered_by: String,
    /// When it was ordered.
    #[serde(with = "timestamp")]
    pub created_at: Wall,
    /// When it was sent last.
    #[serde(with = "timestamp::option")]
    pub sent_at: Option<Wall>,
    /// When it ended.
    #[serde(with = "timestamp::option")]
    pub ended_at: Option<Wall>,
    /// The fault's code; 0: none.
    pub code: u32,
    /// What came of it, for people.
    pub text: String,
    /// What the device answered; `null`: nothing.
    pub result: serde_json::Value,
    /// What came of calling its device for this order: `accepted`, or why it was not reached. `None`: it was not called for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<&'static str>,
}

/// A test that a device runs (TR-143 and its kin).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceDiagnostic {
    /// Its number.
    pub id: u64,
    /// By which device, as of [`ManagedDevice::id`].
    pub device: String,
    /// The task that ordered it.
    pub task: u64,
    /// `ping`, `traceroute`, `download`, `upload`, `udpecho`, `serverselection` or `other`.
    pub kind: &'static str,
    /// `requested`, `complete` or `failed`.
    pub state: &'static str,
    /// Why it failed, in the device's word where it has one (`Error_CannotResolveHostName`); empty: it did not.
    pub error: String,
    /// What it was to test. Of URLs what holds no credentials.
    pub inputs: serde_json::Value,
    /// What it showed; `null`: nothing yet.
    pub results: serde_json::Value,
    /// When it was ordered.
    #[serde(with = "timestamp")]
    pub created_at: Wall,
    /// When it ended.
    #[serde(with = "timestamp::option")]
    pub ended_at: Option<Wall>,
}

/// Why nothing is told or done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceAdminError {
    /// No device has that name.
    #[error("there is no such device")]
    NoDevice,
    /// No task has that number, or it is forgotten.
    #[error("there is no such task")]
    NoTask,
    /// What was asked cannot be; this says why.
    #[error("{0}")]
    Invalid(String),
    /// No test has that number, or it is forgotten.
    #[error("there is no such test")]
    NoDiagnostic,
    /// It was sent, or is over.
    #[error("the task was sent, or is over")]
    TooLate,
    /// As many tasks wait for the device as may.
    #[error("as many tasks wait for this device as may")]
    TooMany,
    /// The page that is asked for begins after nothing that is known.
    #[error("there is no page that begins there")]
    NoCursor,
    /// As many devices are known as may.
    #[error("as many devices are known as may")]
    Full,
    /// The key stands for another order.
    #[error("that idempotency key was used for another order")]
    KeyUsed,
    /// No profile has that number.
    #[error("there is no such profile")]
    NoProfile,
    /// No alarm has that number, or it is forgotten.
    #[error("there is no such alarm")]
    NoAlarm,
    /// The device has no subscription of that id.
    #[error("there is no such subscription")]
    NoSubscription,
    /// Somebody else has changed it: it has another revision now.
    #[error("it has revision {0} now")]
    Changed(u32),
    /// There are as many as may be; this says of what.
    #[error("{0}")]
    LimitReached(String),
    /// No file has that name.
    #[error("there is no such file")]
    NoFile,
    /// It is longer than it may be, or there is no room for it; this says which.
    #[error("{0}")]
    TooLarge(String),
    /// The store cannot be asked now; this says why.
    #[error("{0}")]
    Unavailable(String),
}
