use std::fmt;
use std::net::SocketAddr;

use sangam_auth::turn::{LongTermKey, RestCredential};
use sangam_turn_proto::{Attribute, AttributeType, Class, Message, MessageBuilder, Method, TransactionId};

/// What a client does from its first request to the end of its allocation; knows no socket and no clock.
///
/// The peer is the relayed address itself: the data goes out of the allocation and comes back into it, and no host
/// besides us hears of it.
#[derive(Debug)]
pub(super) struct Session {
    credential: RestCredential,
    /// REQUESTED-ADDRESS-FAMILY
    family: u8,
    step: Step,
    transaction: TransactionId,
    realm: String,
    nonce: String,
    relayed: Option<SocketAddr>,
}

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Challenge,
    Allocate,
    Permit,
    Data,
    Release,
}

/// Why a session did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No answer in time.
    Silent,
    /// There is no room for an allocation (300, 486, 508): the thread is well, and full.
    Full(u16),
    /// Another error code.
    Refused(u16),
    /// An answer without what it must hold.
    Incomplete,
    /// The socket failed.
    Broken(String),
}

/// What to do after a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It was none of ours: go on waiting.
    Wait,
    Send(Vec<u8>),
    Done(Result<(), Trouble>),
}

impl Session {
    /// A session, and its first request.
    pub(super) fn begin(credential: RestCredential, family: u8) -> (Self, Vec<u8>) {
        let mut session = Self {
            credential,
            family,
            step: Step::Challenge,
            transaction: TransactionId([0; 12]),
            realm: String::new(),
            nonce: String::new(),
            relayed: None,
        };
        let request = session.ask(Step::Challenge);
        (session, request)
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// Ends the allocation of a session that has come to nothing; `None` if it has none.
    pub(super) fn give_up(&mut self) -> Option<Vec<u8>> {
        self.relayed?;
        Some(self.ask(Step::Release))
    }

    pub(super) fn handle_message(&mut self, bytes: &[u8]) -> Next {
        let Ok(message) = Message::decode(bytes) else { return Next::Wait };
        let attribute = |kind| {
            let value = message.find(kind)?;
            Attribute::decode(kind, value, message.transaction()).ok()
        };
        if self.step == Step::Data {
            // What went out is what must come back.
            let is_ours = message.class() == Class::Indication
                && message.method() == Method::DATA
                && attribute(AttributeType::DATA) == Some(Attribute::Data(&self.transaction.0));
            return if is_ours { Next::Send(self.ask(Step::Release)) } else { Next::Wait };
        }
        if message.transaction() != self.transaction {
            return Next::Wait;
        }
        let code = match attribute(AttributeType::ERROR_CODE) {
            Some(Attribute::ErrorCode { code, .. }) => Some(code),
            _ => None,
        };
        match (self.step, code) {
            (Step::Challenge, Some(401)) => {
                let (Some(Attribute::Realm(realm)), Some(Attribute::Nonce(nonce))) =
                    (attribute(AttributeType::REALM), attribute(AttributeType::NONCE))
                else {
                    return Next::Done(Err(Trouble::Incomplete));
                };
                (self.realm, self.nonce) = (realm.to_owned(), nonce.to_owned());
                Next::Send(self.ask(Step::Allocate))
            }
            (Step::Allocate, Some(code @ (300 | 486 | 508))) => Next::Done(Err(Trouble::Full(code))),
            (_, Some(code)) => Next::Done(Err(Trouble::Refused(code))),
            // Nobody is served who has not said who he is.
            (Step::Challenge, None) => Next::Done(Err(Trouble::Incomplete)),
            (Step::Allocate, None) => match attribute(AttributeType::XOR_RELAYED_ADDRESS) {
                Some(Attribute::XorRelayedAddress(relayed)) => {
                    self.relayed = Some(relayed);
                    Next::Send(self.ask(Step::Permit))
                }
                _ => Next::Done(Err(Trouble::Incomplete)),
            },
            (Step::Permit, None) => Next::Send(self.ask(Step::Data)),
            (Step::Data, None) => Next::Wait,
            (Step::Release, None) => {
                self.relayed = None;
                Next::Done(Ok(()))
            }
        }
    }

    /// Goes on to `step`, and makes its message.
    fn ask(&mut self, step: Step) -> Vec<u8> {
        self.step = step;
        self.transaction = TransactionId(rand::random());
        let request = |method| MessageBuilder::new(Class::Request, method, self.transaction);
        let peer = self.relayed.map(Attribute::XorPeerAddress);
        let message = match step {
            Step::Challenge | Step::Allocate => request(Method::ALLOCATE)
                .attribute(&Attribute::RequestedTransport(17))
                .attribute(&Attribute::RequestedAddressFamily(self.family)),
            Step::Permit => with(request(Method::CREATE_PERMISSION), peer),
            Step::Data => {
                let indication = MessageBuilder::new(Class::Indication, Method::SEND, self.transaction);
                return with(indication, peer).attribute(&Attribute::Data(&self.transaction.0)).finish();
            }
            Step::Release => request(Method::REFRESH).attribute(&Attribute::Lifetime(0)),
        };
        if step == Step::Challenge {
            return message.fingerprint().finish();
        }
        let RestCredential { username, password, .. } = &self.credential;
        message
            .attribute(&Attribute::Username(username))
            .attribute(&Attribute::Realm(&self.realm))
            .attribute(&Attribute::Nonce(&self.nonce))
            .integrity(&LongTermKey::derive(username, &self.realm, password).0)
            .fingerprint()
            .finish()
    }
}

fn with(message: MessageBuilder, attribute: Option<Attribute<'_>>) -> MessageBuilder {
    attribute.iter().fold(message, MessageBuilder::attribute)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Challenge => "Allocate without a credential",
            Self::Allocate => "Allocate",
            Self::Permit => "CreatePermission",
            Self::Data => "data to itself",
            Self::Release => "Refresh to zero",
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("no answer"),
            Self::Full(code) => write!(f, "no room, {code}"),
            Self::Refused(code) => write!(f, "refused with {code}"),
            Self::Incomplete => f.write_str("an answer that does not hold what it must"),
            Self::Broken(error) => f.write_str(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> (Session, Vec<u8>) {
        let credential = RestCredential {
            username: "9:probe".to_owned(),
            password: "p".to_owned(),
            expires: sangam_types::Wall::from_unix_secs(9),
        };
        Session::begin(credential, 0x01)
    }

    /// An answer to `request`, with an error code or without.
    fn answer(request: &[u8], code: Option<u16>) -> MessageBuilder {
        let request = Message::decode(request).unwrap();
        let class = if code.is_some() { Class::Error } else { Class::Success };
        let answer = MessageBuilder::new(class, request.method(), request.transaction());
        match code {
            Some(code) => answer.attribute(&Attribute::ErrorCode { code, phrase: "" }),
            None => answer,
        }
    }

    fn send(next: Next) -> Vec<u8> {
        match next {
            Next::Send(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// Up to the request that makes the allocation.
    fn challenged() -> (Session, Vec<u8>) {
        let (mut session, request) = session();
        let challenge =
            answer(&request, Some(401)).attribute(&Attribute::Realm("r")).attribute(&Attribute::Nonce("n")).finish();
        let request = send(session.handle_message(&challenge));
        (session, request)
    }

    #[test]
    fn a_session_names_the_step_at_which_it_was_refused_and_what_is_full_is_told_apart() {
        let (mut session, request) = session();
        assert_eq!(
            session.handle_message(&answer(&request, Some(400)).finish()),
            Next::Done(Err(Trouble::Refused(400)))
        );
        assert_eq!(session.step(), Step::Challenge);
        for (code, trouble) in [
            (300, Trouble::Full(300)),
            (486, Trouble::Full(486)),
            (508, Trouble::Full(508)),
            (403, Trouble::Refused(403)),
        ] {
            let (mut session, request) = challenged();
            assert_eq!(session.handle_message(&answer(&request, Some(code)).finish()), Next::Done(Err(trouble)));
            assert_eq!((session.step(), session.give_up()), (Step::Allocate, None));
        }
    }

    #[test]
    fn what_answers_nothing_of_ours_is_passed_over() {
        let other = answer(&session().1, None).finish();
        let (mut session, request) = challenged();
        for bytes in [&b"\x40\x00\x00\x00"[..], &request[..19], &other] {
            assert_eq!(session.handle_message(bytes), Next::Wait);
        }
    }

    #[test]
    fn data_must_come_back_as_it_went_out_and_then_the_allocation_is_freed() {
        let (mut session, request) = challenged();
        let relayed = "192.0.2.1:50000".parse().unwrap();
        let allocated = answer(&request, None).attribute(&Attribute::XorRelayedAddress(relayed)).finish();
        let permission = send(session.handle_message(&allocated));
        let sent = send(session.handle_message(&answer(&permission, None).finish()));
        let payload = Message::decode(&sent).unwrap().find(AttributeType::DATA).unwrap();
        let data = |data: &[u8]| {
            let indication = MessageBuilder::new(Class::Indication, Method::DATA, TransactionId([1; 12]));
            indication.attribute(&Attribute::XorPeerAddress(relayed)).attribute(&Attribute::Data(data)).finish()
        };
        assert_eq!((session.handle_message(&data(b"other")), session.step()), (Next::Wait, Step::Data));
        let release = send(session.handle_message(&data(payload)));
        assert_eq!(session.handle_message(&answer(&release, None).finish()), Next::Done(Ok(())));
        assert_eq!(session.give_up(), None);
    }

    #[test]
    fn a_session_that_comes_to_nothing_frees_its_allocation() {
        let (mut session, request) = challenged();
        let relayed = "192.0.2.1:50000".parse().unwrap();
        let allocated = answer(&request, None).attribute(&Attribute::XorRelayedAddress(relayed)).finish();
        let permission = send(session.handle_message(&allocated));
        let refused = session.handle_message(&answer(&permission, Some(403)).finish());
        assert_eq!((refused, session.step()), (Next::Done(Err(Trouble::Refused(403))), Step::Permit));
        let release = session.give_up().unwrap();
        assert_eq!(Message::decode(&release).unwrap().method(), Method::REFRESH);
    }
}
