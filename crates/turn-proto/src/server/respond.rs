use sangam_types::Now;

use super::TurnServer;
use crate::address::FiveTuple;
use crate::api::{Event, Output};
use crate::attribute::{Attribute, AttributeType, TypeList};
use crate::builder::MessageBuilder;
use crate::error_code::ErrorCode;
use crate::key::{Key, PasswordAlgorithm};
use crate::message::{Class, Message, Method, TransactionId};
use crate::stats::Limited;

/// Whom a response goes to, and what it must have in common with its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyTo {
    pub(super) five_tuple: FiveTuple,
    method: Method,
    pub(super) transaction: TransactionId,
    /// RFC 8489 §7: what asks with a fingerprint is answered with one.
    has_fingerprint: bool,
    /// RFC 8489 §9.2.4: what proved a key is answered with the same.
    key: Option<Key>,
    /// RFC 8489 §9.2.4: who named a password algorithm is answered with MESSAGE-INTEGRITY-SHA256.
    names_algorithm: bool,
}

impl ReplyTo {
    pub(super) fn new(five_tuple: FiveTuple, message: &Message<'_>) -> Self {
        Self {
            five_tuple,
            method: message.method(),
            transaction: message.transaction(),
            has_fingerprint: message.has_fingerprint(),
            key: None,
            names_algorithm: message.find(AttributeType::PASSWORD_ALGORITHM).is_some(),
        }
    }

    pub(super) fn with_key(self, key: Key) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// Why a request gets an error response.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    reason: &'static str,
    limited: Option<Limited>,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, reason: &'static str) -> Self {
        Self { code, reason, limited: None }
    }

    /// The client is sent to another server (RFC 8489 §10).
    pub(super) fn elsewhere(reason: &'static str) -> Self {
        Self::new(ErrorCode::TryAlternate, reason)
    }

    /// Whether another server may have room for what is refused here.
    fn sends_elsewhere(&self) -> bool {
        self.code == ErrorCode::TryAlternate || self.limited == Some(Limited::Allocations)
    }

    pub(super) fn by_limit(code: ErrorCode, limited: Limited, reason: &'static str) -> Self {
        Self { code, reason, limited: Some(limited) }
    }
}

/// A request may name thousands of attributes that nobody knows; its answer names this many of them.
const UNKNOWN_NAMED_MAX: usize = 16;

/// RFC 8489 §9.2: the nonce cookie, and in Base64 the security features: bit 0, password algorithms, and bit 1, username
/// anonymity, of 24. Since the nonce is signed over, whoever takes the offer out of a challenge must leave this trace of
/// it.
const COOKIE_ALGORITHMS: &str = "obMatJos2gAAA";
const COOKIE_ANONYMITY: &str = "obMatJos2QAAA";
const COOKIE_BOTH: &str = "obMatJos2wAAA";

impl TurnServer {
    pub(super) fn succeed(&mut self, to: &ReplyTo, attributes: &[Attribute<'_>]) {
        self.send(to, Class::Success, attributes);
    }

    pub(super) fn refuse(&mut self, to: &ReplyTo, refusal: &Refusal) {
        if let Some(limited) = refusal.limited {
            self.stats.count_limited(limited);
        }
        // Taken for the time of the call, so that its texts can be borrowed beside `self`.
        let mut alternates = std::mem::take(&mut self.alternates);
        let attributes = refusal.sends_elsewhere().then(|| alternates.attributes_for(&to.five_tuple)).flatten();
        let code = if attributes.is_some() { ErrorCode::TryAlternate } else { refusal.code };
        self.report(to, code, refusal.reason);
        self.send_error(to, code, &attributes.unwrap_or_default());
        self.alternates = alternates;
    }

    /// RFC 8489 §6.3.1: names what was not understood.
    pub(super) fn refuse_unknown(&mut self, to: &ReplyTo, unknown: &[AttributeType]) {
        let named = &unknown[..unknown.len().min(UNKNOWN_NAMED_MAX)];
        let bytes: Vec<u8> = named.iter().flat_map(|kind| kind.0.to_be_bytes()).collect();
        self.report(to, ErrorCode::UnknownAttribute, "an attribute that must be understood and is not");
        let list = Attribute::UnknownAttributes(TypeList::from_bytes(&bytes));
        self.send_error(to, ErrorCode::UnknownAttribute, &[list]);
    }

    /// Asks for credentials with a fresh nonce (401 or 438). An ordinary part of each exchange, so no event.
    pub(super) fn challenge(&mut self, now: Now, to: &ReplyTo, code: ErrorCode) {
        let source = to.five_tuple.client.0.ip();
        if let Some(per_second) = self.limits.challenges_per_second
            && !self.shared.challenges.admit(source, per_second, now.mono)
        {
            return self.stats.count_limited(Limited::Challenges);
        }
        let made = self.nonces.make(now.wall, to.five_tuple.client);
        let made = std::str::from_utf8(&made).expect("hex digits are UTF-8");
        let nonce = [self.nonce_cookie(), made].concat();
        // Taken for the time of the call, so that its text can be borrowed beside `self`.
        let realm = std::mem::take(&mut self.realm);
        let mut attributes = vec![Attribute::Realm(&realm), Attribute::Nonce(&nonce)];
        if self.offers_password_algorithms {
            attributes.push(Attribute::Other(AttributeType::PASSWORD_ALGORITHMS, &PasswordAlgorithm::OFFER));
        }
        self.send_error(to, code, &attributes);
        self.realm = realm;
    }

    /// As [`challenge`](Self::challenge), for somebody who tried and failed.
    pub(super) fn challenge_again(&mut self, now: Now, to: &ReplyTo, reason: &'static str) {
        self.report(to, ErrorCode::Unauthenticated, reason);
        self.challenge(now, to, ErrorCode::Unauthenticated);
    }

    /// What stands before each of our nonces, in the client's copy too.
    pub(super) fn nonce_cookie(&self) -> &'static str {
        match (self.offers_password_algorithms, self.offers_username_anonymity) {
            (true, true) => COOKIE_BOTH,
            (true, false) => COOKIE_ALGORITHMS,
            (false, true) => COOKIE_ANONYMITY,
            (false, false) => "",
        }
    }

    fn report(&mut self, to: &ReplyTo, code: ErrorCode, reason: &'static str) {
        let event = Event::Refused { five_tuple: to.five_tuple, code: code.number(), reason };
        self.outputs.push_back(Output::Event(event));
    }

    fn send_error(&mut self, to: &ReplyTo, code: ErrorCode, more: &[Attribute<'_>]) {
        self.stats.count_error(code);
        let mut attributes = vec![Attribute::ErrorCode { code: code.number(), phrase: code.phrase() }];
        attributes.extend_from_slice(more);
        self.send(to, Class::Error, &attributes);
    }

    fn send(&mut self, to: &ReplyTo, class: Class, attributes: &[Attribute<'_>]) {
        let mut message = MessageBuilder::new(class, to.method, to.transaction);
        for attribute in attributes {
            message = message.attribute(attribute);
        }
        if let Some(software) = &self.software {
            message = message.attribute(&Attribute::Software(software));
        }
        if let Some(key) = to.key {
            let key = key.as_bytes();
            message = if to.names_algorithm { message.integrity_sha256(key) } else { message.integrity(key) };
        }
        if to.has_fingerprint {
            message = message.fingerprint();
        }
        self.outputs.push_back(Output::Transmit { to: to.five_tuple, bytes: message.finish() });
    }
}
