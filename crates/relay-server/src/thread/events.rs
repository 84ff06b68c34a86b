//! What happened to allocations, told to the log and to whoever listens.

use sangam_control::{RelayEvent, SessionChange, SessionId, SessionTotal};
use sangam_turn_proto::{AllocationKey, Event, FiveTuple, RelayedAddr, Session, Traffic};

use super::RelayThread;
use super::orders::shown_traffic;

impl RelayThread {
    pub(super) fn tell(&mut self, event: &Event) {
        self.log.write(self.now.mono, event);
        if let Event::Deleted { allocation, .. } = event {
            self.rates.forget(*allocation);
        }
        if self.options.events.are_heard()
            && let Some(event) = self.session_event(event)
        {
            self.options.events.publish(event);
        }
    }

    pub(super) fn session_id(&self, allocation: AllocationKey) -> SessionId {
        // Nobody runs more threads than there are numbers.
        SessionId { thread: self.index as u16, start: self.start, allocation: allocation.0 }
    }

    pub(super) fn traffic_event(&self, session: &Session<'_>) -> RelayEvent {
        let change = SessionChange::Traffic { total: total(session.sent, session.received) };
        self.event_of(session.allocation, session.username, &session.five_tuple, session.relayed, change)
    }

    /// `None` of what belongs to no session.
    fn session_event(&self, event: &Event) -> Option<RelayEvent> {
        match event {
            Event::Allocated { allocation, five_tuple, username, relayed, lifetime, additional: _ } => {
                let change = SessionChange::New { lifetime_secs: lifetime.as_secs() };
                Some(self.event_of(*allocation, username, five_tuple, *relayed, change))
            }
            Event::Refreshed { allocation, five_tuple, username, relayed, lifetime, sent, received } => {
                let total = total(*sent, *received);
                let change = SessionChange::Refreshed { lifetime_secs: lifetime.as_secs(), total };
                Some(self.event_of(*allocation, username, five_tuple, *relayed, change))
            }
            Event::Deleted { allocation, cause, five_tuple, username, relayed, sent, received } => {
                let change = SessionChange::Deleted { cause: cause.as_str(), total: total(*sent, *received) };
                Some(self.event_of(*allocation, username, five_tuple, *relayed, change))
            }
            Event::Moved { allocation, from, .. } => {
                let session = self.core.session(self.now, *allocation)?;
                let change = SessionChange::Moved { from: from.client.0 };
                Some(self.event_of(*allocation, session.username, &session.five_tuple, session.relayed, change))
            }
            Event::RelayedEnded { .. } | Event::Refused { .. } => None,
        }
    }

    fn event_of(
        &self,
        allocation: AllocationKey,
        username: &str,
        five_tuple: &FiveTuple,
        relayed: RelayedAddr,
        change: SessionChange,
    ) -> RelayEvent {
        let name = self.credentials.name_of(username);
        RelayEvent {
            at: self.now.wall,
            session: self.session_id(allocation),
            user: name.user.to_owned(),
            label: name.label().to_owned(),
            client: five_tuple.client.0,
            relayed: relayed.0,
            change,
        }
    }
}

fn total(sent: Traffic, received: Traffic) -> SessionTotal {
    SessionTotal { to_peer: shown_traffic(sent), to_client: shown_traffic(received) }
}
