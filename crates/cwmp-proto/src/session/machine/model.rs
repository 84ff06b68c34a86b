//! Whatever comes in whatever order: nothing panics, one request of ours is under way at a time, and each has exactly one end.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::message::{Reboot, RebootResponse, SetParameterValuesResponse, TransferComplete};

#[derive(Clone, Debug)]
enum Step {
    Inform {
        device: u8,
        holds_versions: bool,
    },
    Empty,
    EmptyEnvelope,
    Unreadable,
    TooLarge,
    TransferComplete,
    GetRpcMethods,
    UnknownMethod,
    /// An answer to what is under way; whether with the right name and ID.
    Answer {
        right: bool,
        id: u8,
        fault: Option<u16>,
    },
    Durable {
        failed: bool,
    },
    Work,
    NoWork,
    Unwritable,
    Disconnect,
    Pass {
        secs: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![4 => Just(None), 1 => prop_oneof![Just(9001_u16), Just(8005)].prop_map(Some)];
    prop_oneof![
        2 => (0_u8..20, any::<bool>()).prop_map(|(device, holds_versions)| Step::Inform { device: device / 19, holds_versions }),
        6 => Just(Step::Empty),
        1 => Just(Step::EmptyEnvelope),
        1 => Just(Step::Unreadable),
        1 => Just(Step::TooLarge),
        2 => Just(Step::TransferComplete),
        2 => Just(Step::GetRpcMethods),
        1 => Just(Step::UnknownMethod),
        8 => (prop::bool::weighted(0.9), 0_u8..20, fault).prop_map(|(right, id, fault)| Step::Answer { right, id, fault }),
        8 => prop::bool::weighted(0.1).prop_map(|failed| Step::Durable { failed }),
        8 => Just(Step::Work),
        3 => Just(Step::NoWork),
        1 => Just(Step::Unwritable),
        1 => Just(Step::Disconnect),
        2 => (0_u64..12).prop_map(|secs| Step::Pass { secs }),
    ]
}

/// What a driver and a CPE know of the session.
#[derive(Default)]
struct Model {
    /// POSTs without a reply.
    open: u32,
    /// Requests handed in, and how often each was told back.
    told: BTreeMap<RequestHandle, u32>,
    under_way: Option<RequestHandle>,
    last_id: Option<String>,
    ids: Vec<String>,
    handles: u64,
    is_ended: bool,
    is_next_unwritable: bool,
}

impl Model {
    fn check(&mut self, session: &mut Session, now: Mono) -> Result<(), TestCaseError> {
        loop {
            match session.poll_output() {
                Output::Reply(Reply::Envelope(_)) if std::mem::take(&mut self.is_next_unwritable) => {
                    session.handle_unwritable(now, EncodeError::Name);
                }
                Output::Wait(deadline) => {
                    prop_assert_eq!(deadline.is_none(), session.is_ended());
                    prop_assert_eq!(self.is_ended, session.is_ended());
                    return Ok(());
                }
                output => self.take(output)?,
            }
        }
    }

    fn take(&mut self, output: Output) -> Result<(), TestCaseError> {
        match output {
            Output::Inform(_) => self.is_ended = false,
            Output::Notice(_) | Output::Next => prop_assert!(self.open > 0 && !self.is_ended),
            Output::Reply(reply) => {
                prop_assert!(self.open > 0, "a reply to nobody: {:?}", reply);
                self.open = 0;
                self.note_request(reply)?;
            }
            Output::Answered { handle, .. } => {
                self.tell(handle)?;
                prop_assert!(self.under_way.is_none_or(|under_way| under_way == handle));
                self.under_way = None;
            }
            Output::Ended { unanswered, .. } => {
                prop_assert_eq!(unanswered, self.under_way.take(), "what left and was not answered is named");
                if let Some(handle) = unanswered {
                    self.tell(handle)?;
                }
                self.is_ended = true;
            }
            Output::Wait(_) => {}
        }
        Ok(())
    }

    /// IDs of our requests are never used twice.
    fn note_request(&mut self, reply: Reply) -> Result<(), TestCaseError> {
        let Reply::Envelope(envelope) = reply else { return Ok(()) };
        if envelope.message().is_some_and(Message::is_request) {
            let id = envelope.header.id.unwrap_or_default();
            prop_assert!(!self.ids.contains(&id), "{} twice", id);
            self.ids.push(id.clone());
            self.last_id = Some(id);
        }
        Ok(())
    }

    fn tell(&mut self, handle: RequestHandle) -> Result<(), TestCaseError> {
        let told = self.told.get_mut(&handle);
        prop_assert!(told.as_deref() == Some(&0), "{:?} was not asked, or told already", handle);
        *told.unwrap() += 1;
        Ok(())
    }

    fn post(&mut self, session: &mut Session, now: Mono, post: Post) {
        self.open = 1;
        session.handle_post(now, post);
    }

    fn apply(&mut self, session: &mut Session, now: &mut Mono, step: Step) -> Result<(), TestCaseError> {
        let cpe = Header::with_id("c");
        let envelope =
            |header, message: Message| Post::Envelope(Box::new(Envelope::new(Namespace::V1_2, header, message)));
        let body =
            |body| Post::Envelope(Box::new(Envelope { namespace: Namespace::V1_2, header: Header::default(), body }));
        match step {
            Step::Inform { device, holds_versions } => {
                let versions = if holds_versions { vec![Version::v1(4)] } else { Vec::new() };
                let header = Header { supported_versions: versions, ..cpe };
                self.post(session, *now, envelope(header, inform(device)));
            }
            Step::Empty => self.post(session, *now, Post::Empty),
            Step::EmptyEnvelope => self.post(session, *now, body(Body::Empty)),
            Step::Unreadable => self.post(session, *now, Post::Unreadable),
            Step::TooLarge => self.post(session, *now, Post::TooLarge),
            Step::TransferComplete => self.post(session, *now, envelope(cpe, TransferComplete::default().into())),
            Step::GetRpcMethods => self.post(session, *now, envelope(cpe, GetRpcMethods.into())),
            Step::UnknownMethod => self.post(session, *now, body(Body::Unknown { method: "X".into() })),
            Step::Answer { right, id, fault } => {
                let id = if id == 0 { None } else { self.last_id.clone() };
                let answer: Message = match fault {
                    Some(code) => Fault::new(FaultCode::from_number(code)).into(),
                    None if right => RebootResponse.into(),
                    None => SetParameterValuesResponse::default().into(),
                };
                self.post(session, *now, envelope(Header { id, ..Header::default() }, answer));
            }
            Step::Durable { failed } => {
                let stored = if failed { Stored::Failed } else { Stored::Durable };
                let _: Result<(), NotAsked> = session.handle_durable(*now, stored);
            }
            Step::Work => self.work(session, *now)?,
            Step::NoWork => {
                let _: Result<(), NotAsked> = session.handle_work(*now, None);
            }
            Step::Unwritable => self.is_next_unwritable = true,
            Step::Disconnect => {
                self.open = 0;
                session.handle_disconnect();
            }
            Step::Pass { secs } => {
                *now = *now + Duration::from_secs(secs);
                session.handle_timeout(*now);
            }
        }
        Ok(())
    }

    fn work(&mut self, session: &mut Session, now: Mono) -> Result<(), TestCaseError> {
        self.handles += 1;
        let handle = RequestHandle(self.handles);
        let message = Reboot { command_key: String::new() }.into();
        if session.handle_work(now, Some(AcsRequest { handle, message })).is_ok() {
            prop_assert_eq!(self.under_way, None, "one at a time");
            self.under_way = Some(handle);
            self.told.insert(handle, 0);
        }
        Ok(())
    }
}

fn inform(device: u8) -> Message {
    let device_id = DeviceId { oui: "00D09E".into(), serial_number: device.to_string(), ..DeviceId::default() };
    Inform { device_id, ..Inform::default() }.into()
}

fn options(hold_requests: bool) -> SessionOptions {
    SessionOptions { hold_requests, cpe_requests_max: 20, acs_requests_max: 20, ..SessionOptions::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_request_has_one_end_and_every_reply_one_post(steps in prop::collection::vec(step(), 0..120), holds in any::<bool>()) {
        let mut now = Mono::ZERO;
        let mut steps = steps.into_iter().peekable();
        // What is left when a session ended is for the next one.
        while steps.peek().is_some() {
            let mut session = Session::new(options(holds), now);
            let mut model = Model::default();
            let beginning = [Step::Inform { device: 0, holds_versions: !holds }, Step::Durable { failed: false }, Step::Empty];
            for step in beginning.into_iter().chain(steps.by_ref()) {
                model.apply(&mut session, &mut now, step)?;
                model.check(&mut session, now)?;
                if model.is_ended {
                    break;
                }
            }
            session.abandon(EndReason::Abandoned);
            model.check(&mut session, now)?;
            prop_assert!(session.is_ended());
            prop_assert!(model.told.values().all(|told| *told == 1), "{:?}", model.told);
        }
    }
}
