use crate::attribute::{Attribute, AttributeType};
use crate::integrity;
use crate::message::{Class, HEADER_LEN, MAGIC_COOKIE, Method, TransactionId, join_type, padded};

/// Writes one STUN message, attribute by attribute.
#[derive(Debug)]
pub struct MessageBuilder {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl MessageBuilder {
    /// A message without attributes.
    #[must_use]
    pub fn new(class: Class, method: Method, transaction: TransactionId) -> Self {
        // Room for the largest answer to a well-meant request, so that it is one allocation.
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&join_type(class, method).to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        bytes.extend_from_slice(&transaction.0);
        Self { bytes, transaction }
    }

    /// Appends an attribute.
    ///
    /// # Panics
    /// If the message grows beyond the 65,535 bytes that its length field can tell.
    #[must_use]
    pub fn attribute(mut self, attribute: &Attribute<'_>) -> Self {
        let header_at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        attribute.encode_value(self.transaction, &mut self.bytes);
        self.close_attribute(header_at, attribute.kind());
        self
    }

    /// Appends MESSAGE-INTEGRITY by this key. Only [`integrity_sha256`](Self::integrity_sha256) and
    /// [`fingerprint`](Self::fingerprint) may follow.
    #[must_use]
    pub fn integrity(mut self, key: &[u8]) -> Self {
        let value = integrity::sha1(key, &self.bytes);
        self = self.attribute(&Attribute::Other(AttributeType::MESSAGE_INTEGRITY, &value));
        self
    }

    /// Appends MESSAGE-INTEGRITY-SHA256 by this key. Only [`fingerprint`](Self::fingerprint) may follow.
    #[must_use]
    pub fn integrity_sha256(mut self, key: &[u8]) -> Self {
        let value = integrity::sha256(key, &self.bytes);
        self = self.attribute(&Attribute::Other(AttributeType::MESSAGE_INTEGRITY_SHA256, &value));
        self
    }

    /// Appends FINGERPRINT. Nothing may follow.
    #[must_use]
    pub fn fingerprint(mut self) -> Self {
        let at = self.bytes.len();
        self = self.attribute(&Attribute::Other(AttributeType::FINGERPRINT, &[0; 4]));
        let value = integrity::fingerprint(&self.bytes[..at]);
        self.bytes[at + 4..].copy_from_slice(&value.to_be_bytes());
        self
    }

    /// The message.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn close_attribute(&mut self, header_at: usize, kind: AttributeType) {
        let value_len = self.bytes.len() - header_at - 4;
        self.bytes.resize(padded(self.bytes.len()), 0);
        let body_len = u16::try_from(self.bytes.len() - HEADER_LEN).expect("a message is under 64 KiB");
        self.bytes[header_at..header_at + 2].copy_from_slice(&kind.0.to_be_bytes());
        // Not above the length of the body.
        self.bytes[header_at + 2..header_at + 4].copy_from_slice(&(value_len as u16).to_be_bytes());
        self.bytes[2..4].copy_from_slice(&body_len.to_be_bytes());
    }
}
