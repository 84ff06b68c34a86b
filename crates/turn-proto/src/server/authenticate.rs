use std::borrow::Cow;
use std::net::SocketAddr;

use sangam_types::Now;
use sha2::{Digest, Sha256};

use super::TurnServer;
use super::request::Request;
use super::respond::{Refusal, ReplyTo};
use crate::address::{ClientAddr, FiveTuple, Transport};
use crate::api::{DropReason, KeyRefusal, Output, RequestId};
use crate::attribute::{Attribute, AttributeType};
use crate::classic::ClassicRequest;
use crate::error_code::ErrorCode;
use crate::kept_binding::KeptBinding;
use crate::key::{Keys, PasswordAlgorithm};
use crate::message::{Class, Message, Method};
use crate::options::Limits;
use crate::pending::{Enqueued, PendingRequest};
use crate::stats::{Limited, RequestKind};
use crate::timers::Timer;

/// USERNAME or USERHASH, REALM and NONCE of a request with a MESSAGE-INTEGRITY.
struct Credentials<'a> {
    user: UserName<'a>,
    realm: &'a [u8],
    nonce: &'a [u8],
}

/// How a request names its user.
#[derive(Clone, Copy)]
enum UserName<'a> {
    /// By USERNAME.
    Plain(&'a str),
    /// By USERHASH (RFC 8489 §14.4).
    Hashed(&'a [u8; 32]),
}

impl UserName<'_> {
    /// Whether it names this user.
    fn names(self, username: &str, realm: &str) -> bool {
        match self {
            Self::Plain(name) => name == username,
            Self::Hashed(hash) => {
                let hashed = [username, ":", realm].iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
                hashed.finalize().as_slice() == hash
            }
        }
    }
}

impl TurnServer {
    pub(super) fn handle_message(&mut self, now: Now, from: FiveTuple, bytes: &[u8]) {
        let message = match Message::decode(bytes) {
            Ok(message) => message,
            Err(_) => match ClassicRequest::decode(bytes).filter(|_| from.transport == Transport::Udp) {
                Some(request) => return self.answer_classic(now, from, &request),
                None => return self.stats.count_drop(DropReason::Malformed),
            },
        };
        let kind = match (message.class(), message.method()) {
            // RFC 8489 §6.3.2: nothing is said to it; it kept a NAT's mapping open.
            (Class::Indication, Method::BINDING) => return,
            (Class::Request, Method::BINDING) => RequestKind::Binding,
            (Class::Request, Method::ALLOCATE) => RequestKind::Allocate,
            (Class::Request, Method::REFRESH) => RequestKind::Refresh,
            (Class::Request, Method::CREATE_PERMISSION) => RequestKind::CreatePermission,
            (Class::Request, Method::CHANNEL_BIND) => RequestKind::ChannelBind,
            // RFC 8489 §6.3: a method or class that makes no sense here is dropped without an answer.
            (Class::Request | Class::Indication | Class::Success | Class::Error, Method(_)) => {
                return self.stats.count_drop(DropReason::Malformed);
            }
        };
        self.stats.count_request(kind);
        match kind {
            RequestKind::Binding | RequestKind::ClassicBinding => self.answer_binding(from, &message),
            RequestKind::Allocate | RequestKind::Refresh | RequestKind::CreatePermission | RequestKind::ChannelBind => {
                self.authenticate(now, from, message);
            }
        }
    }

    /// RFC 8489 §2: tells the client its address as seen from here.
    fn answer_binding(&mut self, from: FiveTuple, message: &Message<'_>) {
        let to = ReplyTo::new(from, message);
        let unknown = unknown_attributes(message);
        if unknown.is_empty() {
            self.succeed(&to, &[Attribute::XorMappedAddress(reflexive(&from))]);
            self.note_binding(KeptBinding::of(&from, reflexive(&from), |kind| message.find(kind)));
        } else {
            self.stats.binding_errors += 1;
            self.refuse_unknown(&to, &unknown);
        }
    }

    /// RFC 3489 §8.1. The answer is no longer than that to a request with a cookie; a network that asks more than it may is not
    /// answered, as its addresses may be forged.
    fn answer_classic(&mut self, now: Now, from: FiveTuple, request: &ClassicRequest<'_>) {
        self.stats.count_request(RequestKind::ClassicBinding);
        let client = reflexive(&from);
        if let Some(per_second) = self.limits.challenges_per_second
            && !self.shared.challenges.admit(client.ip(), per_second, now.mono)
        {
            return self.stats.count_limited(Limited::ClassicBindings);
        }
        let answer = request.answer(client);
        self.stats.binding_errors += u64::from(answer.is_error);
        // What is asked for another port says nothing of the binding that is kept.
        if !answer.is_error && answer.to == client {
            self.note_binding(KeptBinding::of(&from, client, |kind| request.find(kind)));
        }
        // Of the form in which the client's own address came, as the socket wants it.
        let to = FiveTuple { client: ClientAddr(SocketAddr::new(from.client.0.ip(), answer.to.port())), ..from };
        self.outputs.push_back(Output::Transmit { to, bytes: answer.bytes });
    }

    fn note_binding(&mut self, kept: Option<KeptBinding>) {
        self.outputs.extend(kept.map(Output::BindingKept));
    }

    /// RFC 8489 §9.2.4. Keeps nothing until somebody shows a nonce that was sent to their address.
    fn authenticate(&mut self, now: Now, from: FiveTuple, message: Message<'_>) {
        let to = ReplyTo::new(from, &message);
        if !message.has_integrity() {
            return self.challenge(now, &to, ErrorCode::Unauthenticated);
        }
        let Some(credentials) = credentials_of(&message) else {
            let reason = "USERNAME or USERHASH, and one alone, REALM or NONCE is missing";
            return self.refuse(&to, &Refusal::new(ErrorCode::BadRequest, reason));
        };
        let made = credentials.nonce.strip_prefix(self.nonce_cookie().as_bytes()).unwrap_or_default();
        if !self.nonces.is_good(made, now.wall, from.client) {
            return self.challenge(now, &to, ErrorCode::StaleNonce);
        }
        if credentials.realm != self.realm.as_bytes() {
            return self.challenge_again(now, &to, "another realm");
        }
        let algorithm = match self.password_algorithm(&message) {
            Ok(algorithm) => algorithm,
            Err(refusal) => return self.refuse(&to, &refusal),
        };
        let key = self.allocation_at(&from);
        match key.and_then(|key| self.allocations.get(key)) {
            // An allocation outlives the credential that made it, and its requests need no look-up.
            Some(allocation)
                if allocation.key.algorithm() == algorithm
                    && credentials.user.names(&allocation.username, &self.realm) =>
            {
                let keys = Keys::from(allocation.key);
                let username = match credentials.user {
                    UserName::Plain(username) => Cow::Borrowed(username),
                    UserName::Hashed(_) => Cow::Owned(allocation.username.to_string()),
                };
                self.verify(now, to, message, &username, &keys);
            }
            // Its relay socket is being opened: this is a retransmission, answered when that is done.
            None if key.is_some() => {}
            Some(_) | None => self.find_key(now, to, &message, credentials.user, algorithm),
        }
    }

    /// RFC 8489 §9.2.4: what the client chose, unless somebody changed what it could choose from (bid-down).
    fn password_algorithm(&self, message: &Message<'_>) -> Result<PasswordAlgorithm, Refusal> {
        let chosen = message.find(AttributeType::PASSWORD_ALGORITHM);
        let offered = message.find(AttributeType::PASSWORD_ALGORITHMS);
        match (chosen, offered) {
            (None, None) => Ok(PasswordAlgorithm::Md5),
            (Some(chosen), Some(offered)) if self.offers_password_algorithms && offered == PasswordAlgorithm::OFFER => {
                let refusal = Refusal::new(ErrorCode::BadRequest, "a password algorithm that was not offered");
                PasswordAlgorithm::decode(chosen).ok_or(refusal)
            }
            (Some(_), _) | (None, Some(_)) => {
                Err(Refusal::new(ErrorCode::BadRequest, "other password algorithms than were offered"))
            }
        }
    }

    fn find_key(
        &mut self,
        now: Now,
        to: ReplyTo,
        message: &Message<'_>,
        user: UserName<'_>,
        algorithm: PasswordAlgorithm,
    ) {
        let deadline = now.mono + self.lifetimes.request;
        let request = PendingRequest {
            from: to.five_tuple,
            transaction: to.transaction,
            bytes: message.as_bytes().to_vec(),
            deadline,
        };
        let Limits { pending_requests, pending_request_bytes, .. } = self.limits;
        match self.pending.enqueue(request, pending_requests, pending_request_bytes) {
            Enqueued::New(request) => {
                self.timers.set(deadline, Timer::Request(request));
                self.outputs.push_back(match user {
                    UserName::Plain(name) => Output::FindKey { request, username: name.to_owned(), algorithm },
                    UserName::Hashed(&userhash) => Output::FindUser { request, userhash, algorithm },
                });
            }
            Enqueued::Again => {}
            Enqueued::Refused(limited) => self.stats.count_limited(limited),
        }
    }

    /// `result` has the user's name if the request gave but its hash.
    pub(super) fn handle_key_found(
        &mut self,
        now: Now,
        id: RequestId,
        result: Result<(Option<String>, Keys), KeyRefusal>,
    ) {
        // An answer that comes too late finds nobody waiting.
        let Some(pending) = self.pending.take(id) else { return };
        self.timers.cancel(pending.deadline, Timer::Request(id));
        let message = Message::decode(&pending.bytes).expect("it was decoded before it was kept");
        let to = ReplyTo::new(pending.from, &message);
        let Some(credentials) = credentials_of(&message) else { return };
        let result = result.and_then(|(found, keys)| match (credentials.user, found) {
            (UserName::Plain(username), _) => Ok((Cow::Borrowed(username), keys)),
            (UserName::Hashed(_), Some(username)) => Ok((Cow::Owned(username), keys)),
            (UserName::Hashed(_), None) => Err(KeyRefusal::UnknownHash),
        });
        match result {
            Ok((username, keys)) => self.verify(now, to, message, &username, &keys),
            Err(KeyRefusal::UnknownUser) => self.challenge_again(now, &to, "unknown user"),
            Err(KeyRefusal::UnknownHash) => self.challenge_again(now, &to, "no long-term user has that USERHASH"),
            Err(KeyRefusal::Expired) => self.challenge_again(now, &to, "the credential has expired"),
            Err(KeyRefusal::TooFarAhead) => self.challenge_again(now, &to, "the credential's expiry is too far ahead"),
            Err(KeyRefusal::Revoked) => self.challenge_again(now, &to, "the credential is revoked"),
            Err(KeyRefusal::Busy) => self.challenge_again(now, &to, "too many look-ups under way"),
        }
    }

    /// The key that fits is the one the answer is signed with and the allocation is kept with.
    fn verify(&mut self, now: Now, to: ReplyTo, message: Message<'_>, username: &str, keys: &Keys) {
        let Some(key) = keys.iter().find(|key| message.is_signed_by(key.as_bytes())) else {
            return self.challenge_again(now, &to, "wrong password");
        };
        let request = Request { message, username, key, reply_to: to.with_key(key) };
        // RFC 8489 §6.3: whoever is unknown learns nothing, so attributes are judged after credentials.
        let unknown = unknown_attributes(&request.message);
        if !unknown.is_empty() {
            return self.refuse_unknown(&request.reply_to, &unknown);
        }
        self.use_path_by(now.mono, &request);
        let outcome = match request.message.method() {
            Method::ALLOCATE => self.allocate(now.mono, &request),
            Method::REFRESH => self.refresh(now.mono, &request),
            Method::CREATE_PERMISSION => self.create_permission(now.mono, &request),
            Method::CHANNEL_BIND => self.channel_bind(now.mono, &request),
            Method(_) => Ok(()),
        };
        if let Err(refusal) = outcome {
            self.refuse(&request.reply_to, &refusal);
        }
    }
}

/// `None` if one is missing, or the user is named both ways (RFC 8489 §9.2.4).
fn credentials_of<'a>(message: &Message<'a>) -> Option<Credentials<'a>> {
    let (plain, hashed) = (message.find(AttributeType::USERNAME), message.find(AttributeType::USERHASH));
    let (kind, value) = match (plain, hashed) {
        (Some(plain), None) => (AttributeType::USERNAME, plain),
        (None, Some(hashed)) => (AttributeType::USERHASH, hashed),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let user = match Attribute::decode(kind, value, message.transaction()) {
        Ok(Attribute::Username(username)) => UserName::Plain(username),
        Ok(Attribute::Userhash(userhash)) => UserName::Hashed(userhash),
        Ok(_) | Err(_) => return None,
    };
    Some(Credentials { user, realm: message.find(AttributeType::REALM)?, nonce: message.find(AttributeType::NONCE)? })
}

/// Attributes that must be understood and are not, each once.
fn unknown_attributes(message: &Message<'_>) -> Vec<AttributeType> {
    let mut unknown = Vec::new();
    for raw in message.attributes() {
        if raw.kind.is_comprehension_required() && !raw.kind.is_known() && !unknown.contains(&raw.kind) {
            unknown.push(raw.kind);
        }
    }
    unknown
}

/// The client's address; that of an IPv4 client of an IPv6 socket as IPv4.
pub(super) fn reflexive(from: &FiveTuple) -> SocketAddr {
    let client = from.client.0;
    SocketAddr::new(client.ip().to_canonical(), client.port())
}
