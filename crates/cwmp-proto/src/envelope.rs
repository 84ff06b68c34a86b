use crate::{Header, Message, Namespace};

/// A SOAP envelope: one message of CWMP and what its header says.
///
/// TR-069 Amendment 6 §3.5: `MaxEnvelopes` is 1, so an HTTP body holds one envelope and an envelope one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// That of the message; a reply must stand in the same.
    pub namespace: Namespace,
    /// What the SOAP header says.
    pub header: Header,
    /// What the SOAP body holds.
    pub body: Body,
}

/// What a SOAP body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A message that CWMP defines.
    Message(Message),
    /// A method that is none of ours: a vendor's, or a later version's. An ACS answers it with fault 8000.
    Unknown {
        /// Its local name: at most 64 characters of a name's alphabet.
        method: String,
    },
    /// Nothing. Some devices send this where the standard wants an empty HTTP body.
    Empty,
}

impl Envelope {
    /// A message with its header.
    pub fn new(namespace: Namespace, header: Header, message: impl Into<Message>) -> Self {
        Self { namespace, header, body: Body::Message(message.into()) }
    }

    /// The answer to this envelope: in its namespace, with its `ID` if it has one.
    pub fn reply(&self, message: impl Into<Message>) -> Self {
        Self::new(self.namespace, self.header.response(), message)
    }

    /// The message, if there is one that CWMP defines.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match &self.body {
            Body::Message(message) => Some(message),
            Body::Unknown { .. } | Body::Empty => None,
        }
    }
}
