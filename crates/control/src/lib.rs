//! Port through which the server is asked how its parts are, and what operators may see and do of them.
//!
//! Drivers implement [`Part`], [`RelaySessions`], [`Rooms`], [`SyncAdmin`] and [`DeviceAdmin`]; `admin-server` asks, the binary collects. [`TokenRevocations`] holds
//! the tokens that are revoked, and drivers hear of them. Each answer is a check made
//! when it is asked for, never a remembered verdict.

mod device_admin;
mod device_files;
mod part;
mod relay_events;
mod relay_sessions;
mod rooms;
mod sync_admin;
mod timestamp;
mod token_revocations;

pub use device_admin::{
    DeviceAdmin, DeviceAdminError, DeviceChange, DeviceEvent, DeviceFilter, DeviceImport, DeviceList, DeviceOrder,
    DeviceParameter, DeviceTask, ImportedDevice, ManagedDevice,
};
pub use device_files::{DeviceFile, DeviceFileFacts, DeviceFiles, FileBytes};
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
pub use sync_admin::{SyncAdmin, SyncAdminError, SyncConflict, SyncDatabase, SyncList, SyncReplica, SyncVersion};
pub use token_revocations::{RevokedToken, TokenRevocation, TokenRevocationWatch, TokenRevocations};
