//! Port through which the server is asked how its parts are, and what operators may see and do of them.
//!
//! Drivers implement [`Part`], [`RelaySessions`], [`Rooms`], [`SyncAdmin`], [`DeviceAdmin`] and [`Brokers`]; `admin-server` asks, the binary
//! collects. [`StunSocket`] sends datagrams through the relay's STUN listener for who asks devices behind NAT for sessions.
//! [`TokenRevocations`] holds
//! the tokens that are revoked, and drivers hear of them. Each answer is a check made
//! when it is asked for, never a remembered verdict.

mod brokers;
mod device_admin;
mod device_alarms;
mod device_files;
mod device_news;
mod device_profiles;
mod device_subscriptions;
mod figures;
mod part;
mod relay_events;
mod relay_sessions;
mod rooms;
mod stun_socket;
mod sync_admin;
mod timestamp;
mod token_revocations;

pub use brokers::{BrokerAgent, BrokerMinute, BrokerReport, BrokerState, BrokerTally, Brokers};
pub use device_admin::{
    DeviceAdmin, DeviceAdminError, DeviceCall, DeviceCallAttempt, DeviceChange, DeviceDiagnostic, DeviceEvent,
    DeviceFilter, DeviceImport, DeviceList, DeviceOrder, DeviceParameter, DeviceTask, ImportedDevice, ManagedDevice,
};
pub use device_alarms::{AlarmFilter, AlarmStats, DeviceAlarm, DeviceAlarms};
pub use device_files::{DeviceFile, DeviceFileFacts, DeviceFiles, FileBytes};
pub use device_news::{DeviceNews, News, NewsKind, NewsWanted};
pub use device_profiles::{
    DeviceProfile, DeviceProfiles, DeviceWants, Once, ProfileApplies, ProfileSetting, ProfileWanted, WantedBy,
    WantedValue,
};
pub use device_subscriptions::{DeviceSubscription, DeviceSubscriptions, SubscriptionWanted};
pub use figures::{Figure, Figures};
pub use part::{Part, PartReport, PartState};
pub use relay_events::{Heard, RelayEvent, RelayEventSubscription, RelayEvents, SessionChange, SessionTotal};
pub use relay_sessions::{
    Ended, Kick, NotASessionId, RelaySession, RelaySessions, RelayTraffic, Revocation, RevocationError,
    RevocationOrder, RevocationStore, Revoked, RevokedName, SessionCursor, SessionFilter, SessionId, SessionList,
    SessionPage, SessionTransport, TopBy,
};
pub use rooms::{
    Members, Room, RoomEnded, RoomError, RoomList, RoomMember, RoomTimer, RoomWire, RoomWithMembers, Rooms,
};
pub use stun_socket::{KeptBinding, KeptBindings, StunDatagram, StunNotSent, StunSocket};
pub use sync_admin::{SyncAdmin, SyncAdminError, SyncConflict, SyncDatabase, SyncList, SyncReplica, SyncVersion};
pub use token_revocations::{RevokedToken, TokenRevocation, TokenRevocationWatch, TokenRevocations};
