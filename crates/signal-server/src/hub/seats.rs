use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sangam_auth::token::{Grant, Grants};
use sangam_bus::{Journal, JournalError};
use sangam_signal_proto::{Owner, ParticipantId, Rights, RoomScope, SocketId};
use sangam_signal_proto::{RoomId, RoomRecord};
use sangam_types::Text;
use serde::{Deserialize, Serialize};

use super::Hub;
use super::room_file::{self, OwnerFile, RoomFile};
use crate::access::rights;
use crate::dialect::Said;
use crate::dialect::socketio::Ear;

/// Where in the journal rooms stand, by their names.
const ROOMS: &str = "signal-rooms";
/// Where in the journal Socket.IO clients stand, by their names.
const PAGES: &str = "signal-pages";

/// How long a record is good for after the last change: longer than a room stands without any. What is over is forgotten when
/// it is over.
const ROOM_LASTS: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Where a Socket.IO client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) room: RoomId,
    pub(crate) participant: ParticipantId,
    pub(crate) name: Option<Text>,
}

/// A Socket.IO client as a server before this one knew it.
#[derive(Clone, Debug)]
pub(crate) struct KeptPage {
    pub(crate) ear: Ear,
    pub(crate) owner: Owner,
    pub(crate) rights: Rights,
    pub(crate) seats: Vec<Seat>,
}

#[derive(Serialize, Deserialize)]
struct PageFile {
    ear: Ear,
    owner: OwnerFile,
    rights: RightsFile,
    seats: Vec<SeatFile>,
}

#[derive(Serialize, Deserialize)]
struct SeatFile {
    room: String,
    participant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl Seat {
    fn read(file: SeatFile) -> Option<Self> {
        let (room, participant) = (RoomId::parse(&file.room).ok()?, ParticipantId::parse(&file.participant).ok()?);
        Some(Self { room, participant, name: file.name.map(Text::from) })
    }
}

#[derive(Serialize, Deserialize)]
struct RightsFile {
    /// The one room; all without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    grants: Vec<String>,
}

impl RightsFile {
    fn write(rights: &Rights) -> Self {
        let room = match &rights.rooms {
            RoomScope::All => None,
            RoomScope::Only(room) => Some(room.to_string()),
        };
        let named = [
            (rights.join, Grant::Join),
            (rights.signal, Grant::Signal),
            (rights.timer, Grant::Timer),
            (rights.moderate, Grant::Moderate),
        ];
        let grants = named.into_iter().filter(|(has, _)| *has).map(|(_, grant)| grant.to_string());
        Self { room, grants: grants.collect() }
    }

    fn read(&self) -> Option<Rights> {
        let rooms = match &self.room {
            None => RoomScope::All,
            Some(room) => RoomScope::Only(RoomId::parse(room).ok()?),
        };
        let grants = Grants::of_known(self.grants.iter().map(String::as_str));
        Some(rights(rooms, grants))
    }
}

impl PageFile {
    fn read(self) -> Option<KeptPage> {
        let seats = self.seats.into_iter().filter_map(Seat::read).collect();
        Some(KeptPage { ear: self.ear, owner: self.owner.read(), rights: self.rights.read()?, seats })
    }
}

/// What a server that starts again knows of the one before.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) rooms: Vec<RoomRecord<Said>>,
    pub(crate) pages: HashMap<Arc<str>, KeptPage>,
}

impl Memory {
    /// Reads it back. What cannot be read any more is left out.
    pub(crate) async fn load(journal: &dyn Journal) -> Result<Self, JournalError> {
        let rooms = journal.load(ROOMS).await?.into_iter();
        let rooms = rooms.filter_map(|record| room_file::read(&serde_json::from_slice(&record.value).ok()?));
        let mut pages = HashMap::new();
        for record in journal.load(PAGES).await? {
            let file = serde_json::from_slice::<PageFile>(&record.value).ok();
            if let Some(page) = file.and_then(PageFile::read) {
                pages.insert(record.key.into(), page);
            }
        }
        Ok(Self { rooms: rooms.collect(), pages })
    }
}

impl Hub {
    pub(super) fn keep_room(&self, record: &RoomRecord<Said>) {
        let Some(journal) = &self.journal else { return };
        let expires = self.clock.now().wall + ROOM_LASTS;
        let file: RoomFile = room_file::write(record);
        journal.put(ROOMS, record.room.as_str(), json(&file), expires);
    }

    pub(super) fn forget_room(&self, room: &RoomId) {
        if let Some(journal) = &self.journal {
            journal.remove(ROOMS, room.as_str());
        }
    }

    pub(super) fn keep_seats(&self, socket: SocketId) {
        let Some(journal) = &self.journal else { return };
        let Some(page) = self.page(socket) else { return };
        if page.seats().next().is_none() {
            return journal.remove(PAGES, &page.sid());
        }
        let file = |seat: &Seat| SeatFile {
            room: seat.room.to_string(),
            participant: seat.participant.to_string(),
            name: seat.name.as_ref().map(|name| name.as_str().to_owned()),
        };
        let (owner, rights) = page.visitor();
        let file = PageFile {
            ear: page.ear(),
            owner: OwnerFile::write(owner),
            rights: RightsFile::write(rights),
            seats: page.seats().map(file).collect(),
        };
        journal.put(PAGES, &page.sid(), json(&file), self.clock.now().wall + ROOM_LASTS);
    }

    pub(super) fn forget_seats(&self, sid: &str) {
        if let Some(journal) = &self.journal {
            journal.remove(PAGES, sid);
        }
    }
}

fn json<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("texts, numbers and lists are JSON").into()
}
