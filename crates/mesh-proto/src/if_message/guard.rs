use std::collections::BTreeMap;
use std::time::Duration;

use sangam_types::Wall;
use thiserror::Error;

use super::replay::{ReplayWindow, Windows};
use super::{IfMessage, SignatureError, Trust};
use crate::PeerId;

/// What a message must be to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Required {
    /// Nothing: anybody may say anything in anybody's name, as agents take it.
    Nothing,
    /// A signature as agents make it.
    Signature,
    /// A signature over everything: only nodes like ours make it.
    SoundSignature,
}

/// What is taken, and how much is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardOptions {
    /// What a message must be.
    pub required: Required,
    /// How far a message's time may be from ours, either way.
    pub window: Duration,
    /// Messages remembered of one source at most; when there are more, older ones are refused for their age.
    pub ids_max: usize,
    /// Sources remembered at most. A new one is refused while each of them was heard of within `window`.
    pub sources_max: usize,
    /// Agents whose keys are remembered at most. A new one is refused while each of them was heard of within `pin_time`.
    pub pins_max: usize,
    /// How long the key of an agent that is silent is remembered at least.
    pub pin_time: Duration,
    /// Whether an agent may come with another key than the one it had: then whoever signs may take its name.
    pub keys_may_change: bool,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self {
            required: Required::Signature,
            window: Duration::from_secs(300),
            ids_max: 4096,
            sources_max: 1024,
            pins_max: 4096,
            pin_time: Duration::from_secs(86_400),
            keys_may_change: false,
        }
    }
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum Refusal {
    /// It is for somebody else.
    #[error("the message is for somebody else")]
    Destination,
    /// It is not signed, or its signature covers too little, and it must be.
    #[error("the message is not signed")]
    Unsigned,
    /// Its signature is wrong, or cannot be read.
    #[error("the message's signature is wrong")]
    Signature,
    /// Its payload is not covered by its signature, and must be; or this agent has covered it before.
    #[error("the message's signature does not cover its payload")]
    Weak,
    /// The agent had another key before, or its id is another key.
    #[error("the agent had another key before")]
    Key,
    /// It was taken before, or may have been.
    #[error("the message came before")]
    Replay,
    /// Its time is too far from ours.
    #[error("the message is too old, or of the future")]
    Time,
    /// As many agents are known as may be.
    #[error("too many agents")]
    TooMany,
}

impl Refusal {
    /// The word for it in metrics, logs and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Destination => "destination",
            Self::Unsigned => "unsigned",
            Self::Signature => "signature",
            Self::Weak => "weak",
            Self::Key => "key",
            Self::Replay => "replay",
            Self::Time => "time",
            Self::TooMany => "too_many",
        }
    }
}

/// Decides which messages are taken: by signature, by the key its source had before, by age, and each once.
#[derive(Clone, Debug)]
pub struct Guard {
    options: GuardOptions,
    us: PeerId,
    pins: BTreeMap<PeerId, Pin>,
    windows: Windows<Voice>,
}

/// Who speaks: a source, and the key it signs with, if it signs. What anybody may write in a name shuts nobody up who signs.
type Voice = (PeerId, Option<[u8; 32]>);

/// The key an agent came with first.
#[derive(Clone, Copy, Debug)]
struct Pin {
    key: [u8; 32],
    /// It has signed over everything: whoever takes that signature off would be free to change the payload.
    sound: bool,
    used: Wall,
    /// Set by the operator: never forgotten.
    fixed: bool,
}

impl Guard {
    /// For messages to the agent `us`, or to everybody.
    #[must_use]
    pub fn new(us: PeerId, options: GuardOptions) -> Self {
        Self { options, us, pins: BTreeMap::new(), windows: BTreeMap::new() }
    }

    /// Says which key an agent has, before it says so itself; never forgotten, and not counted.
    pub fn pin(&mut self, agent: PeerId, key: [u8; 32]) {
        self.pins.insert(agent, Pin { key, sound: false, used: Wall::default(), fixed: true });
    }

    /// Whether a message is taken, and how far it is its sender's. What is refused leaves no trace.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&mut self, message: &IfMessage, now: Wall) -> Result<Trust, Refusal> {
        if !message.is_broadcast() && *message.destination() != self.us {
            return Err(Refusal::Destination);
        }
        let off = Duration::from_millis(message.at().unix_millis().abs_diff(now.unix_millis()));
        if off > self.options.window {
            return Err(Refusal::Time);
        }
        let (trust, key) = message.verify().map_err(|error| match error {
            SignatureError::Malformed | SignatureError::Wrong => Refusal::Signature,
            SignatureError::Key => Refusal::Key,
        })?;
        match (self.options.required, trust) {
            (Required::Signature | Required::SoundSignature, Trust::Unsigned) => return Err(Refusal::Unsigned),
            (Required::SoundSignature, Trust::Weak) => return Err(Refusal::Weak),
            _ => {}
        }
        self.check_pin(message.source(), trust, key, now)?;
        let source = (message.source().clone(), key);
        self.check_window(&source, message, now)?;
        self.remember(source, message, trust, now);
        Ok(trust)
    }

    fn check_pin(&self, source: &PeerId, trust: Trust, key: Option<[u8; 32]>, now: Wall) -> Result<(), Refusal> {
        let Some(pin) = self.pins.get(source) else {
            let needs_room = key.is_some() && self.pins.len() >= self.options.pins_max;
            let oldest = self.oldest_pin().map(|(_, used)| used + self.options.pin_time);
            return if needs_room && oldest.is_none_or(|until| until > now) { Err(Refusal::TooMany) } else { Ok(()) };
        };
        match key {
            None => Err(Refusal::Unsigned),
            Some(key) if key != pin.key && (pin.fixed || !self.options.keys_may_change) => Err(Refusal::Key),
            Some(key) if key == pin.key && pin.sound && trust < Trust::Sound => Err(Refusal::Weak),
            Some(_) => Ok(()),
        }
    }

    fn check_window(&self, source: &Voice, message: &IfMessage, now: Wall) -> Result<(), Refusal> {
        match self.windows.get(source) {
            Some(window) if window.allows(message.id(), message.at()) => Ok(()),
            Some(_) => Err(Refusal::Replay),
            None if self.windows.len() < self.options.sources_max => Ok(()),
            None if self.oldest_window().is_some_and(|(_, used)| used + self.window_kept() < now) => Ok(()),
            None => Err(Refusal::TooMany),
        }
    }

    fn remember(&mut self, source: Voice, message: &IfMessage, trust: Trust, now: Wall) {
        if let Some(key) = source.1 {
            self.remember_pin(&source.0, key, trust, now);
        }
        if !self.windows.contains_key(&source) && self.windows.len() >= self.options.sources_max {
            let oldest = self.oldest_window().map(|(source, _)| source.clone());
            oldest.and_then(|oldest| self.windows.remove(&oldest));
        }
        let kept = self.window_kept();
        let window: &mut ReplayWindow = self.windows.entry(source).or_default();
        window.add(message.id(), message.at(), self.options.ids_max, kept, now);
    }

    fn remember_pin(&mut self, agent: &PeerId, key: [u8; 32], trust: Trust, now: Wall) {
        let sound = trust == Trust::Sound;
        if let Some(pin) = self.pins.get_mut(agent) {
            let same = pin.key == key;
            *pin = Pin { key, sound: sound || (same && pin.sound), used: now, fixed: pin.fixed };
            return;
        }
        if self.pins.len() >= self.options.pins_max {
            let oldest = self.oldest_pin().map(|(agent, _)| agent.clone());
            oldest.and_then(|oldest| self.pins.remove(&oldest));
        }
        self.pins.insert(agent.clone(), Pin { key, sound, used: now, fixed: false });
    }

    /// A message may be of the future by a window, and is refused for its age a window after that.
    fn window_kept(&self) -> Duration {
        self.options.window.saturating_mul(2)
    }

    fn oldest_pin(&self) -> Option<(&PeerId, Wall)> {
        let pins = self.pins.iter().filter(|(_, pin)| !pin.fixed);
        pins.map(|(agent, pin)| (agent, pin.used)).min_by_key(|(_, used)| *used)
    }

    fn oldest_window(&self) -> Option<(&Voice, Wall)> {
        self.windows.iter().map(|(source, window)| (source, window.used)).min_by_key(|(_, used)| *used)
    }
}
