use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::application::Application;
use crate::server::Server;
use crate::session::Session;
use crate::upper::{Forbidden, Opening, UpperFactory};

/// An application on a server: what stands on each session of the engine below.
#[derive(Debug)]
pub struct SocketIo<A> {
    application: Arc<A>,
    server: Server,
}

impl<A> Clone for SocketIo<A> {
    fn clone(&self) -> Self {
        Self { application: self.application.clone(), server: self.server.clone() }
    }
}

impl<A: Application> SocketIo<A> {
    /// Puts them together.
    #[must_use]
    pub fn new(application: Arc<A>, server: Server) -> Self {
        Self { application, server }
    }

    /// Gives up the sessions whose time is over, tells the application of each, and drops events that are too old.
    pub fn expire(&self) {
        self.server.prune();
        while let Some(gone) = self.server.take_expired() {
            self.application.expired(&gone);
        }
    }

    /// Gives up sessions as their time comes, for as long as it is polled. Nothing needs it without recovery.
    pub fn expiry(&self) -> impl Future<Output = ()> + Send + 'static {
        let this = self.clone();
        async move {
            let Some(recovery) = this.server.recovery().copied() else { return };
            let mut ticks = tokio::time::interval((recovery.window / 8).clamp(TICK_MIN, TICK_MAX));
            loop {
                ticks.tick().await;
                this.expire();
            }
        }
    }
}

/// How exact the end of a recovery window is: an eighth of it, but at least and at most this.
const TICK_MIN: Duration = Duration::from_millis(10);
const TICK_MAX: Duration = Duration::from_secs(1);

impl<A: Application> UpperFactory for SocketIo<A> {
    type Upper = Session<A>;

    fn open(&self, opening: Opening) -> Result<Session<A>, Forbidden> {
        Session::open(self.application.clone(), self.server.clone(), &opening)
    }
}
