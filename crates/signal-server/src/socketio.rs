//! Socket.IO on the rooms: the application of the library that speaks it.

mod backlog;
mod health;
mod strict;
mod wire;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sangam_net::http::Client as HttpClient;
use sangam_signal_proto::Departure;
use sangam_socketio::upper::{Forbidden, Opening};
use sangam_socketio::{Application, Arguments, DisconnectReason, Entering, Entry, Event, Gone, Socket};
use sangam_types::Text;
use tokio::sync::mpsc::error::TrySendError;

use self::backlog::Backlog;
pub(crate) use self::health::health;
pub(crate) use self::strict::Strict;
pub(crate) use self::wire::Wire;

use crate::access::{Visitor, bearer, query};
use crate::dialect::socketio::{Client, Decoded, GuardOptions, Local, MONITOR_ROOM, refusal};
use crate::hub::{Arrival, Command, Hearing};
use crate::label;
use crate::options::{Dialect, SocketioOptions};
use crate::problem::Problem;
use crate::server::Shared;

/// The one namespace that the guide's clients know.
pub(crate) const NAMESPACE: &str = "/";

/// The rooms as an application of Socket.IO.
pub(crate) struct Rooms {
    shared: Arc<Shared>,
    guard: GuardOptions,
    backlog_len_max: usize,
    epochs: AtomicU64,
}

/// What is kept of a client.
pub(crate) struct Guest {
    who: HttpClient,
    /// From its first request; a token that it shows when it connects counts before it.
    token: Option<Box<str>>,
    /// Between entering and being connected.
    visitor: Option<Visitor>,
    hearing: Option<Hearing>,
    epoch: u64,
    backlog: Backlog,
}

impl Rooms {
    pub(crate) fn new(shared: Arc<Shared>, options: &SocketioOptions) -> Self {
        let SocketioOptions { guard, backlog_len_max, .. } = *options;
        Self { shared, guard, backlog_len_max, epochs: AtomicU64::new(1) }
    }

    fn admit(&self, guest: &Guest, auth: Option<&Arguments>) -> Result<Visitor, Problem> {
        let access = &self.shared.live.load_full().access;
        let now = self.shared.clock.now().wall;
        let shown = auth.and_then(token_of);
        match shown.as_deref().or(guest.token.as_deref()) {
            Some(token) => access.admit_token(token, now),
            None => access.admit_stranger(Dialect::Socketio, &guest.who),
        }
    }

    /// Hands a command to the task that owns the rooms, behind what waits already. `false`: as much waits as may.
    fn send(&self, guest: &mut Guest, command: Command) -> bool {
        guest.backlog.push(&self.shared.hub, command, self.backlog_len_max).is_ok()
    }

    /// The same for what must not be missed: there is one for each that was sent in the other way.
    fn send_for_sure(&self, guest: &mut Guest, command: Command) {
        guest.backlog.push(&self.shared.hub, command, usize::MAX).ok();
    }

    fn do_here(&self, socket: &mut Socket<'_, Guest>, local: Local) {
        match local {
            Local::Subscribe => {
                if socket.join(MONITOR_ROOM).is_err() {
                    return self.shared.metrics.refused("too_many_rooms");
                }
                let size = socket.server().sockets_in(NAMESPACE, MONITOR_ROOM).len();
                socket.emit(Local::subscribed(size).arguments);
            }
            Local::Unsubscribe => socket.leave(MONITOR_ROOM),
            Local::Monitor(event) => {
                socket.server().of(NAMESPACE).to(MONITOR_ROOM).emit(event.arguments);
            }
        }
    }
}

impl Application for Rooms {
    type Guest = Guest;

    fn open(&self, opening: &Opening) -> Result<Guest, Forbidden> {
        let token = bearer(&opening.headers).or_else(|| query(&opening.uri, &["token", "access_token"]));
        Ok(Guest {
            who: opening.client.clone(),
            token: token.map(String::into_boxed_str),
            visitor: None,
            hearing: None,
            epoch: 0,
            backlog: Backlog::default(),
        })
    }

    fn enter(&self, entering: &mut Entering<'_, Guest>) -> Entry {
        if entering.namespace != NAMESPACE {
            return Entry::invalid_namespace();
        }
        match self.admit(entering.guest, entering.auth) {
            Ok(visitor) => {
                entering.guest.visitor = Some(visitor);
                Entry::Accept
            }
            Err(problem) => {
                self.shared.metrics.upgrade_refused(problem.code());
                let data = Arguments::new(Text::from(format!(r#"{{"code":"{}"}}"#, problem.code()))).ok();
                Entry::Refuse { message: problem.detail().into(), data }
            }
        }
    }

    fn connected(&self, socket: &mut Socket<'_, Guest>) {
        let (sid, recovered) = (socket.sid().clone(), socket.recovered());
        let now = self.shared.clock.now();
        let auth = socket.auth().cloned();
        // Who comes back is not asked at the door, and is asked here: a token may be good no more.
        let visitor = match socket.guest().visitor.take() {
            Some(visitor) => Ok(visitor),
            None => self.admit(socket.guest(), auth.as_ref()),
        };
        let visitor = match visitor {
            Ok(visitor) => visitor,
            Err(problem) => {
                self.shared.metrics.upgrade_refused(problem.code());
                socket.emit(refusal::encode_error(problem.code(), problem.detail()));
                // Nobody else would tell that it is not expected any more.
                self.send_for_sure(socket.guest(), Command::Expired { sid });
                return socket.disconnect();
            }
        };
        let guest = socket.guest();
        let hearing: Hearing = Arc::new(Mutex::new(Client::new(now.mono, &self.guard)));
        guest.hearing = Some(Arc::clone(&hearing));
        guest.epoch = self.epochs.fetch_add(1, Ordering::Relaxed);
        let arrival = Arrival {
            sid,
            token: visitor.identity(),
            owner: visitor.owner,
            rights: visitor.rights,
            hearing,
            epoch: guest.epoch,
            until: visitor.lasts.map(|lasts| now.mono + lasts),
            recovered,
        };
        if !self.send(socket.guest(), Command::Arrived(Box::new(arrival))) {
            self.shared.metrics.closed("busy");
            // It comes back, and misses nothing.
            socket.interrupt();
        }
    }

    fn event(&self, socket: &mut Socket<'_, Guest>, event: Event) {
        let now = self.shared.clock.now();
        let Some(hearing) = socket.guest().hearing.clone() else { return };
        let heard = hearing.lock().unwrap_or_else(PoisonError::into_inner).hear(&event.arguments, now, &self.guard);
        match heard {
            Ok(Decoded::Core(request)) => {
                let command = Command::Requested { sid: socket.sid().clone(), request: Box::new(request) };
                if !self.send(socket.guest(), command) {
                    self.shared.metrics.refused("busy");
                    socket.emit(refusal::encode_error("busy", "The server is busy: try again"));
                }
            }
            Ok(Decoded::Local(local)) => self.do_here(socket, local),
            Ok(Decoded::Dropped(why)) => self.shared.metrics.received(label::unheard(why)),
            Err(fault) => {
                self.shared.metrics.received("faulty");
                socket.emit(fault.encode().arguments);
            }
        }
    }

    fn disconnected(&self, guest: &mut Guest, gone: &Gone, reason: DisconnectReason, recoverable: bool) {
        guest.hearing = None;
        let departure = match reason {
            DisconnectReason::ClientNamespaceDisconnect | DisconnectReason::ServerNamespaceDisconnect => {
                Departure::Said
            }
            _ => Departure::Lost,
        };
        let (sid, epoch) = (gone.sid.clone(), guest.epoch);
        self.send_for_sure(guest, Command::Lost { sid, epoch, departure, expected: recoverable });
    }

    fn expired(&self, gone: &Gone) {
        let expired = Command::Expired { sid: gone.sid.clone() };
        if let Err(TrySendError::Full(expired)) = self.shared.hub.try_send(expired) {
            let hub = self.shared.hub.clone();
            tokio::spawn(async move { drop(hub.send(expired).await) });
        }
    }
}

/// `token` of what a client shows when it connects.
fn token_of(auth: &Arguments) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Auth {
        token: Option<String>,
    }
    let auth: Auth = serde_json::from_str(auth.json()).ok()?;
    let token = auth.token?;
    // Clients copy it from a header at times.
    Some(token.strip_prefix("Bearer ").map_or_else(|| token.clone(), ToOwned::to_owned))
}
