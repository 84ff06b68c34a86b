use bytes::Bytes;
use sangam_mesh_proto::agent_event::{AgentEvent, AgentEventKind};
use sangam_mesh_proto::gossip::{Delivery, Frame, MessageId};
use sangam_mesh_proto::if_message::{Draft, IfMessage, Trust};
use sangam_mesh_proto::{LinkId, PeerId};
use serde_json::Value;

use super::Engine;

/// The topic under which messages of agents are delivered in this process. It is told to nobody.
pub(super) const AGENT_MESSAGES: &str = "if-agent-messages";

impl Engine {
    /// A message of an agent came over a link.
    pub(super) fn on_if_message(&mut self, peer: &PeerId, text: &Bytes) {
        let (_, now) = self.clock.now();
        let text = String::from_utf8_lossy(text);
        let message = match IfMessage::parse(&text, self.options.gossip.message_bytes_max) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%peer, %error, "an agent's message cannot be read");
                return self.metrics.refused("malformed");
            }
        };
        // An agent speaks for itself: nobody passes on what others said.
        if message.source() != peer {
            tracing::debug!(%peer, source = %message.source(), "an agent's message in another's name is refused");
            return self.metrics.refused("source");
        }
        match self.guard.check(&message, now.wall) {
            Ok(trust) => self.deliver_if(peer, &message, trust),
            Err(why) => {
                tracing::debug!(%peer, id = message.id(), %why, "an agent's message is refused");
                self.metrics.refused(why.as_str());
            }
        }
    }

    fn deliver_if(&mut self, peer: &PeerId, message: &IfMessage, trust: Trust) {
        let event = self.event(AgentEventKind::MessageReceived, peer).with("message_id", message.id());
        self.emit(event.with("sequence_num", message.sequence_num()));
        let delivery = Delivery {
            topic: AGENT_MESSAGES.to_owned(),
            origin: peer.clone(),
            id: MessageId::random(rand::random()),
            hops: 1,
            published: message.at(),
            proven: trust == Trust::Sound,
            payload: Bytes::from(message.to_string()),
        };
        self.subscribers.deliver(&delivery);
    }

    /// Signs a message and gives it to an agent, or to everybody linked. How many took it.
    pub(super) fn send_if(&mut self, to: &str, message: &Value) -> usize {
        let draft = draft_of(message);
        let links: Vec<(LinkId, PeerId)> = self
            .book
            .iter()
            .filter(|(_, entry)| entry.is_up)
            .filter(|(_, entry)| to == "*" || entry.peer.as_str() == to)
            .map(|(link, entry)| (link, entry.peer.clone()))
            .collect();
        let Ok(destination) = PeerId::new(to) else { return 0 };
        links.into_iter().filter(|(link, peer)| self.send_if_to(*link, peer, &destination, &draft)).count()
    }

    fn send_if_to(&mut self, link: LinkId, peer: &PeerId, destination: &PeerId, draft: &Draft) -> bool {
        let (_, now) = self.clock.now();
        let signed = match self.sender.message(draft, destination, now.wall, &mut self.rng) {
            Ok(signed) => signed,
            Err(error) => {
                tracing::debug!(%error, "a message for an agent makes no sense");
                return false;
            }
        };
        let frame = Frame { binary: false, bytes: Bytes::from(signed.to_string()) };
        if let Err(error) = self.gossip.send(now, link, frame) {
            tracing::debug!(%peer, %error, "a message for an agent is not sent");
            return false;
        }
        let event = self.event(AgentEventKind::MessageSent, peer).with("message_id", signed.id());
        self.emit(event.with("sequence_num", signed.sequence_num()));
        true
    }

    /// A step with a peer, as an agent tells it.
    pub(super) fn event(&self, kind: AgentEventKind, peer: &PeerId) -> AgentEvent {
        self.own_event(kind).with_peer(peer.clone())
    }

    pub(super) fn own_event(&self, kind: AgentEventKind) -> AgentEvent {
        let (_, now) = self.clock.now();
        let agent = self.agent_id.clone().unwrap_or_else(|| self.us.clone());
        AgentEvent::new(kind, agent, self.trace, now.wall)
    }

    /// To the log, and to whoever watches.
    pub(super) fn emit(&self, event: AgentEvent) {
        tracing::debug!(target: "sangam::agent", event = %event.to_json(), "agent event");
        // Nobody may be watching.
        let _unwatched = self.events.send(event);
    }
}

/// The members that are the application's; the others are ours to fill in.
fn draft_of(message: &Value) -> Draft {
    let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
    let citations = message.get("citation_ids").and_then(Value::as_array);
    let citations = citations.map(|ids| ids.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    Draft {
        id: text("id"),
        level: message.get("level").and_then(Value::as_u64).and_then(|level| u8::try_from(level).ok()),
        payload: message.get("payload").cloned().unwrap_or(Value::Null),
        performative: text("performative"),
        conversation_id: text("conversation_id"),
        citation_ids: citations.unwrap_or_default(),
    }
}
