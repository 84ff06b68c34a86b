use sangam_cwmp_proto::message::{GetParameterValues, Reboot};
use sangam_cwmp_proto::session::{
    AcsRequest, EndReason, Output, Post, Reply, RequestHandle, Session, SessionOptions, Stored,
};
use sangam_cwmp_proto::{Message, SoapError, SoapLimits, decode, encode};
use sangam_types::Mono;

/// The bodies of a device's POSTs, with a record separator (0x1E) between each two. Each POST has one reply, which can be written; each
/// request of ours has one end.
pub fn cwmp_session(bytes: &[u8]) {
    let options = SessionOptions { cpe_requests_max: 16, acs_requests_max: 16, ..SessionOptions::default() };
    let mut bench =
        Bench { session: Session::new(options, Mono::ZERO), asked: 0, told: 0, under_way: None, replies: 0 };
    for (at, body) in bytes.split(|byte| *byte == 0x1e).take(64).enumerate() {
        if bench.session.is_ended() {
            return;
        }
        bench.post(at, body);
    }
    bench.session.abandon(EndReason::Abandoned);
    bench.drain(0);
    assert_eq!(bench.asked, bench.told);
}

struct Bench {
    session: Session,
    asked: u64,
    told: u64,
    under_way: Option<RequestHandle>,
    replies: u32,
}

impl Bench {
    fn post(&mut self, at: usize, body: &[u8]) {
        let limits = SoapLimits { parameters: 16, items: 16, text_bytes: 4_096, ..SoapLimits::default() };
        let post = match decode(body, &limits) {
            Ok(envelope) => Post::Envelope(Box::new(envelope)),
            Err(SoapError::Empty) => Post::Empty,
            Err(SoapError::Limit { .. } | SoapError::BodyBytes { .. }) => Post::TooLarge,
            Err(_) => Post::Unreadable,
        };
        self.replies = 0;
        self.session.handle_post(Mono::ZERO, post);
        self.drain(at);
        assert_eq!(self.replies, 1, "each POST has one reply");
    }

    fn drain(&mut self, at: usize) {
        loop {
            match self.session.poll_output() {
                Output::Wait(_) => return,
                Output::Inform(_) | Output::Notice(_) => {
                    let stored = if at % 5 == 4 { Stored::Failed } else { Stored::Durable };
                    self.session.handle_durable(Mono::ZERO, stored).expect("it was asked");
                }
                Output::Next => self.work(at),
                Output::Answered { handle, .. } => self.tell(handle),
                Output::Reply(reply) => {
                    self.replies += 1;
                    if let Reply::Envelope(envelope) = reply {
                        encode(&envelope, &mut Vec::new()).expect("what was read, and what is ours, can be written");
                    }
                }
                Output::Ended { unanswered, .. } => {
                    assert_eq!(unanswered, self.under_way);
                    if let Some(handle) = unanswered {
                        self.tell(handle);
                    }
                }
            }
        }
    }

    fn work(&mut self, at: usize) {
        let message: Option<Message> = match at % 4 {
            3 => None,
            2 => Some(GetParameterValues { names: vec!["Device.".to_owned()] }.into()),
            _ => Some(Reboot { command_key: String::new() }.into()),
        };
        let work = message.map(|message| {
            self.asked += 1;
            assert_eq!(self.under_way, None, "one at a time");
            self.under_way = Some(RequestHandle(self.asked));
            AcsRequest { handle: RequestHandle(self.asked), message }
        });
        self.session.handle_work(Mono::ZERO, work).expect("it was asked");
    }

    fn tell(&mut self, handle: RequestHandle) {
        assert_eq!(self.under_way.take(), Some(handle));
        self.told += 1;
    }
}
