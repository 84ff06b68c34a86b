use std::sync::Arc;

use axum::Router;
use sangam_socketio::engine::{Clock as EngineClock, Engine};
use sangam_socketio::{ClientBundle, Server, SocketIo};
use sangam_telemetry::metrics::socketio::SocketioFigures;

use super::{Rooms, Strict};
use crate::label;
use crate::options::SocketioOptions;

/// Where clients find Socket.IO.
const PATH: &str = "/socket.io";

/// The Socket.IO server, with the application that it runs.
#[derive(Clone)]
pub(crate) struct Wire {
    server: Server,
    engine: Running,
}

#[derive(Clone)]
enum Running {
    Rooms(Arc<Engine<SocketIo<Rooms>>>),
    Strict(Arc<Engine<SocketIo<Strict>>>),
}

impl Wire {
    pub(crate) fn with_rooms(options: &SocketioOptions, server: Server, rooms: Rooms, clock: EngineClock) -> Self {
        let application = SocketIo::new(Arc::new(rooms), server.clone());
        tokio::spawn(application.expiry());
        let engine = Engine::new(options.engine.clone(), application, clock);
        Self { server, engine: Running::Rooms(Arc::new(engine)) }
    }

    pub(crate) fn strict(options: &SocketioOptions, server: Server, strict: Arc<Strict>, clock: EngineClock) -> Self {
        tokio::spawn(Arc::clone(&strict).tick(server.clone()));
        let application = SocketIo::new(strict, server.clone());
        let engine = Engine::new(options.engine.clone(), application, clock);
        Self { server, engine: Running::Strict(Arc::new(engine)) }
    }

    pub(crate) fn router(&self) -> Router {
        let sessions = match &self.engine {
            Running::Rooms(engine) => engine.router(PATH),
            Running::Strict(engine) => engine.router(PATH),
        };
        sessions.merge(ClientBundle::embedded().router(PATH))
    }

    pub(crate) async fn drain(&self, hint: &str) -> usize {
        match &self.engine {
            Running::Rooms(engine) => engine.drain(hint).await,
            Running::Strict(engine) => engine.drain(hint).await,
        }
    }

    pub(crate) fn figures(&self) -> SocketioFigures {
        let engine = match &self.engine {
            Running::Rooms(engine) => engine.stats(),
            Running::Strict(engine) => engine.stats(),
        };
        let library = self.server.figures();
        let refused = engine.refused.iter().map(|(refusal, count)| (label::engine_refusal(*refusal), *count));
        let not_opened = engine.not_opened.iter().map(|(reason, count)| (label::not_opened(*reason), *count));
        let too_large = engine.bodies_too_large + engine.messages_too_large;
        let others = [("too_large", too_large), ("too_many_rooms", library.rooms_refused)];
        SocketioFigures {
            sessions: engine.open,
            sockets: library.sockets,
            waiting: library.waiting_sessions,
            opened: engine.opened,
            upgraded: engine.upgraded,
            received: engine.received,
            sent: engine.sent,
            throttled: engine.throttled,
            recovered: library.recovered,
            events_dropped: library.log_dropped + library.volatile_dropped,
            refusals: refused.chain(not_opened).chain(others).collect(),
            closes: engine.closed.iter().map(|(reason, count)| (label::session_close(*reason), *count)).collect(),
            recovery_refusals: vec![("unknown", library.recovery_unknown), ("outrun", library.recovery_outrun)],
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}
