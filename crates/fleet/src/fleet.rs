//! What all participants of a fleet share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::connection::{FleetError, OpenError, Server, Trust};
use crate::json_client::JsonClient;
use crate::options::{Dialect, RoomsOptions};
use crate::socketio_client::SocketIoClient;
use crate::statistics::{MemberId, Statistics};
use crate::wire::{Client, Identity, Opened, Resume};

pub(crate) struct Fleet {
    pub(crate) options: RoomsOptions,
    /// In every room's name, so that no fleet meets another, or what is left of it.
    key: u32,
    socketio: Option<Server>,
    json: Option<Server>,
    statistics: Mutex<Statistics>,
}

impl Fleet {
    pub(crate) async fn new(options: RoomsOptions, trust: &Trust) -> Result<Self, FleetError> {
        options.check()?;
        let token = options.token.as_ref();
        let socketio = match &options.url {
            Some(url) => Some(Server::find(url, "https://rtc.example.org", token, trust).await?),
            None => None,
        };
        let json = match &options.json_url {
            Some(url) => Some(Server::find(url, "wss://rtc.example.org/ws", token, trust).await?),
            None => None,
        };
        let per_room = options.participants;
        let members = (0..options.rooms).flat_map(|room| (0..per_room).map(move |participant| (room, participant)));
        let hear_room = members.map(|(room, participant)| options.dialect(room, participant).is_socketio());
        let statistics = Mutex::new(Statistics::new(per_room, hear_room));
        Ok(Self { key: rand::random(), socketio, json, statistics, options })
    }

    /// Nothing is waited for while it is held.
    pub(crate) fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn dialect(&self, id: MemberId) -> Dialect {
        self.options.dialect(id / self.options.participants, id % self.options.participants)
    }

    pub(crate) fn identity(&self, id: MemberId) -> Identity {
        let room = self.room_of(id);
        let id = format!("{room}-{}", id % self.options.participants);
        Identity { room, id }
    }

    /// Who is meant by an id, if it is somebody of the same room as `of`.
    pub(crate) fn member(&self, of: MemberId, id: &str) -> Option<MemberId> {
        let number = id.strip_prefix(&self.room_of(of))?.strip_prefix('-')?;
        let number: u32 = number.parse().ok().filter(|number| *number < self.options.participants)?;
        Some(of - of % self.options.participants + number)
    }

    fn room_of(&self, id: MemberId) -> String {
        format!("fleet-{:08x}-{}", self.key, id / self.options.participants)
    }

    /// Whether rooms of this wire are apart at the server: what one is told, no other hears.
    pub(crate) fn are_rooms_apart(&self, id: MemberId) -> bool {
        let has_room = self.options.json_url.as_ref().is_some_and(|url| url.contains("{room}"));
        has_room || self.dialect(id).is_socketio()
    }

    /// Connects a participant.
    pub(crate) async fn open(&self, id: MemberId, resume: Option<Resume>) -> Opened {
        let began = Instant::now();
        let (identity, dialect) = (self.identity(id), self.dialect(id));
        let token = self.options.token.as_ref();
        let opened = match (dialect, &self.socketio, &self.json) {
            (Dialect::Json, _, Some(server)) => JsonClient::open(server, identity).await.map(Client::Json),
            (Dialect::Documented | Dialect::Newest, Some(server), _) => {
                SocketIoClient::open(server, identity, dialect, token, resume).await.map(Client::SocketIo)
            }
            // The options were checked.
            (_, _, _) => Err(OpenError::Unreached("no server for the dialect".to_owned())),
        };
        let mut statistics = self.statistics();
        match &opened {
            Ok(_) => statistics.opened.record(began.elapsed()),
            Err(OpenError::Refused(why)) => statistics.refused(why.clone()),
            Err(OpenError::Unreached(_)) => statistics.unreached += 1,
        }
        drop(statistics);
        opened
    }
}
