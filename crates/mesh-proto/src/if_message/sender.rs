use rand::{Rng, RngExt};
use sangam_types::Wall;
use serde_json::{Map, Value, json};

use super::{IfMessage, Malformed};
use crate::identity::Identity;
use crate::{PeerId, TraceId, timestamp};

/// What the application wants said. The rest is the sender's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// Its id; one is made if absent.
    pub id: Option<String>,
    /// 1 or 2, as the application has it.
    pub level: Option<u8>,
    /// What it says.
    pub payload: Value,
    /// What kind of speech it is: `inform`, `request`, …
    pub performative: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<String>,
    /// What it refers to.
    pub citation_ids: Vec<String>,
}

/// Writes and signs an agent's messages.
#[derive(Debug)]
pub struct Sender {
    identity: Identity,
    agent: PeerId,
    trace: TraceId,
    sequence: u64,
}

impl Sender {
    /// Of the agent with this id and key.
    #[must_use]
    pub fn new(identity: Identity, agent: PeerId, trace: TraceId) -> Self {
        Self { identity, agent, trace, sequence: 0 }
    }

    /// Puts another trace id into messages from now on.
    pub fn set_trace(&mut self, trace: TraceId) {
        self.trace = trace;
    }

    /// The next message, signed both ways. `to` is `*` for one of the copies that go to everybody. Its number is one
    /// higher than the last message's, whoever that was for.
    ///
    /// # Errors
    /// The draft's id is empty or too long.
    pub fn message(
        &mut self,
        draft: &Draft,
        to: &PeerId,
        now: Wall,
        rng: &mut impl Rng,
    ) -> Result<IfMessage, Malformed> {
        let members = json!({
            "id": draft.id.clone().unwrap_or_else(|| new_id(now, rng)),
            "timestamp": timestamp::javascript(now),
            "level": draft.level.unwrap_or(1),
            "source": self.agent.as_str(),
            "destination": to.as_str(),
            "version": "2.1",
            "payload": draft.payload,
            "sequence_num": self.sequence + 1,
            "traceId": self.trace.to_string(),
        });
        let Value::Object(mut members) = members else { return Err(Malformed::NotJson) };
        add(&mut members, "performative", draft.performative.as_deref().map(Value::from));
        add(&mut members, "conversation_id", draft.conversation_id.as_deref().map(Value::from));
        add(&mut members, "citation_ids", (!draft.citation_ids.is_empty()).then(|| json!(draft.citation_ids)));
        let mut message = IfMessage::from_members(members)?;
        message.sign(&self.identity);
        self.sequence += 1;
        Ok(message)
    }
}

fn add(members: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        members.insert(name.to_owned(), value);
    }
}

/// `msg-<milliseconds>-<9 digits of base 36>`, as agents make them.
fn new_id(now: Wall, rng: &mut impl Rng) -> String {
    let digit = |_| char::from_digit(rng.random_range(0..36), 36).unwrap_or('0');
    let digits: String = (0..9).map(digit).collect();
    format!("msg-{}-{digits}", now.unix_millis())
}
