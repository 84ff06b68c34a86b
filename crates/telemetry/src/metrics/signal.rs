//! What the signaling server and `/ice-servers` count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// What the signaling server and `/ice-servers` count. Labels are words of the program, never of a client.
#[derive(Clone, Debug, Default)]
pub struct SignalMetrics {
    links: Family<LinkLabels, Counter>,
    link_seconds: LinkSeconds,
    sockets: Gauge,
    rooms: Gauge,
    participants: Gauge,
    absent: Gauge,
    timers: Gauge,
    mail: Gauge,
    mail_bytes: Gauge,
    events: Family<EventLabels, Counter>,
    held_bytes: Gauge,
    upgrade_refusals: Family<ReasonLabels, Counter>,
    received: Family<TypeLabels, Counter>,
    relayed: Family<TypeLabels, Counter>,
    drops: Family<DropLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    closes: Family<ReasonLabels, Counter>,
    glares: Family<OutcomeLabels, Counter>,
    graces_refused: Counter,
    throttles: Counter,
    ice_answers: Family<AccessLabels, Counter>,
    ice_refusals: Family<ReasonLabels, Counter>,
    tickets_forgotten: Counter,
}

/// From the first attempt to the open link, as nodes report it.
#[derive(Clone, Debug)]
struct LinkSeconds(Family<PathLabels, Histogram, fn() -> Histogram>);

impl Default for LinkSeconds {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new([0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0])))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LinkLabels {
    outcome: &'static str,
    reason: &'static str,
    path: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    path: &'static str,
}

/// How much there is of what rooms hold, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomFigures {
    /// Sockets, lost ones that may return among them.
    pub sockets: usize,
    /// Rooms.
    pub rooms: usize,
    /// Participants, in all rooms.
    pub participants: usize,
    /// Those that are away and may return.
    pub absent: usize,
    /// Timers that were started and have not run out.
    pub timers: usize,
    /// Bytes held back for order's sake.
    pub held_bytes: usize,
    /// Signals that wait for who is away.
    pub mail: usize,
    /// Their bytes.
    pub mail_bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    event: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TypeLabels {
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    r#type: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccessLabels {
    access: &'static str,
}

impl SignalMetrics {
    /// Defines the metrics in the root registry, which has no prefix of its own.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("sangam");
        metrics.register_rooms(registry);
        let help = "Links that clients reported, by outcome, reason of failure and kind of path";
        registry.register("signal_links", help, metrics.links.clone());
        let help = "From the first attempt to the open link, as clients report it";
        registry.register("signal_link_connect_seconds", help, metrics.link_seconds.0.clone());
        registry.register(
            "ice_server_answers",
            "Answers with ICE servers, by what allowed them",
            metrics.ice_answers.clone(),
        );
        registry.register(
            "ice_server_refusals",
            "Requests for ICE servers that were refused, by reason",
            metrics.ice_refusals.clone(),
        );
        registry.register(
            "ice_tickets_forgotten",
            "Tickets for ICE servers forgotten before their time because there were too many",
            metrics.tickets_forgotten.clone(),
        );
        metrics
    }

    fn register_rooms(&self, registry: &mut Registry) {
        registry.register("signal_sockets", "Open signaling sockets", self.sockets.clone());
        registry.register("signal_rooms", "Rooms", self.rooms.clone());
        registry.register(
            "signal_absent_participants",
            "Participants that are away and may return",
            self.absent.clone(),
        );
        registry.register(
            "signal_timers",
            "Session timers that were started and have not run out",
            self.timers.clone(),
        );
        registry.register("signal_mail", "Signals that wait for who is away", self.mail.clone());
        registry.register("signal_mail_bytes", "Bytes of signals that wait for who is away", self.mail_bytes.clone());
        registry.register("signal_room_events", "What happened in rooms, by what it was", self.events.clone());
        registry.register("signal_participants", "Registered participants", self.participants.clone());
        registry.register(
            "signal_held_bytes",
            "Bytes of messages held back for their description or for a possible glare",
            self.held_bytes.clone(),
        );
        registry.register(
            "signal_upgrade_refusals",
            "WebSocket upgrades refused, by reason",
            self.upgrade_refusals.clone(),
        );
        registry.register("signal_messages_received", "Messages from clients, by type", self.received.clone());
        registry.register("signal_messages_relayed", "Messages handed over, by type", self.relayed.clone());
        registry.register("signal_messages_dropped", "Messages dropped, by type and reason", self.drops.clone());
        registry.register("signal_refusals", "Requests answered with an error, by reason", self.refusals.clone());
        registry.register("signal_closes", "Sockets closed by the server, by reason", self.closes.clone());
        registry.register("signal_glares", "Pairs of offers that met, by outcome", self.glares.clone());
        registry.register(
            "signal_graces_refused",
            "Ids that left without a grace period because too many have one",
            self.graces_refused.clone(),
        );
        registry.register(
            "signal_throttles",
            "Times that a socket was read more slowly because it sent too fast",
            self.throttles.clone(),
        );
    }

    /// Notes how much there is.
    pub fn noted(&self, figures: &RoomFigures) {
        for (gauge, value) in [
            (&self.sockets, figures.sockets),
            (&self.rooms, figures.rooms),
            (&self.participants, figures.participants),
            (&self.absent, figures.absent),
            (&self.timers, figures.timers),
            (&self.held_bytes, figures.held_bytes),
            (&self.mail, figures.mail),
            (&self.mail_bytes, figures.mail_bytes),
        ] {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// Counts something that happened in a room.
    pub fn happened(&self, event: &'static str) {
        self.events.get_or_create(&EventLabels { event }).inc();
    }

    /// Counts a refused upgrade.
    pub fn upgrade_refused(&self, reason: &'static str) {
        self.upgrade_refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a message from a client.
    pub fn received(&self, r#type: &'static str) {
        self.received.get_or_create(&TypeLabels { r#type }).inc();
    }

    /// Counts a message handed over.
    pub fn relayed(&self, r#type: &'static str) {
        self.relayed.get_or_create(&TypeLabels { r#type }).inc();
    }

    /// Counts a message dropped.
    pub fn dropped(&self, r#type: &'static str, reason: &'static str) {
        self.drops.get_or_create(&DropLabels { r#type, reason }).inc();
    }

    /// Counts a request answered with an error.
    pub fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a socket closed by the server.
    pub fn closed(&self, reason: &'static str) {
        self.closes.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a link that a client reported, with words of the program.
    pub fn link(
        &self,
        outcome: &'static str,
        reason: &'static str,
        path: &'static str,
        took: Option<std::time::Duration>,
    ) {
        self.links.get_or_create(&LinkLabels { outcome, reason, path }).inc();
        if let Some(took) = took {
            self.link_seconds.0.get_or_create(&PathLabels { path }).observe(took.as_secs_f64());
        }
    }

    /// Counts two offers that met.
    pub fn glared(&self, outcome: &'static str) {
        self.glares.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts an id that left without a grace period.
    pub fn grace_refused(&self) {
        self.graces_refused.inc();
    }

    /// Counts a socket that is read more slowly from now on.
    pub fn throttled(&self) {
        self.throttles.inc();
    }

    /// Counts an answer with ICE servers.
    pub fn ice_answered(&self, access: &'static str) {
        self.ice_answers.get_or_create(&AccessLabels { access }).inc();
    }

    /// Counts a refused request for ICE servers.
    pub fn ice_refused(&self, reason: &'static str) {
        self.ice_refusals.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Counts a ticket forgotten before its time.
    pub fn ticket_forgotten(&self) {
        self.tickets_forgotten.inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::{check, exposition};

    #[test]
    fn each_count_stands_in_the_exposition_under_its_name() {
        let mut registry = Registry::default();
        let metrics = SignalMetrics::register(&mut registry);
        metrics.noted(&RoomFigures { sockets: 3, participants: 2, held_bytes: 7, mail: 4, ..RoomFigures::default() });
        metrics.happened("room_opened");
        metrics.upgrade_refused("origin");
        metrics.received("offer");
        metrics.relayed("offer");
        metrics.dropped("candidate", "held_too_long");
        metrics.refused("peer_not_found");
        metrics.closed("silent");
        metrics.glared("crossed");
        metrics.grace_refused();
        metrics.link("established", "none", "relay", Some(std::time::Duration::from_millis(400)));
        metrics.throttled();
        metrics.ice_answered("ticket");
        metrics.ice_refused("rate");
        metrics.ticket_forgotten();
        check(
            &exposition(&registry),
            &[
                "sangam_signal_sockets 3",
                "sangam_signal_participants 2",
                "sangam_signal_held_bytes 7",
                r#"sangam_signal_upgrade_refusals_total{reason="origin"} 1"#,
                r#"sangam_signal_messages_received_total{type="offer"} 1"#,
                r#"sangam_signal_messages_relayed_total{type="offer"} 1"#,
                r#"sangam_signal_messages_dropped_total{type="candidate",reason="held_too_long"} 1"#,
                r#"sangam_signal_refusals_total{reason="peer_not_found"} 1"#,
                r#"sangam_signal_closes_total{reason="silent"} 1"#,
                r#"sangam_signal_glares_total{outcome="crossed"} 1"#,
                "sangam_signal_graces_refused_total 1",
                r#"sangam_signal_links_total{outcome="established",reason="none",path="relay"} 1"#,
                r#"sangam_signal_link_connect_seconds_bucket{le="0.5",path="relay"} 1"#,
                "sangam_signal_throttles_total 1",
                r#"sangam_ice_server_answers_total{access="ticket"} 1"#,
                r#"sangam_ice_server_refusals_total{reason="rate"} 1"#,
                "sangam_ice_tickets_forgotten_total 1",
            ],
        );
    }
}
