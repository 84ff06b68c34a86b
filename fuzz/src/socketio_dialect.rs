use std::time::Duration;

use bytes::Bytes;
use sangam_signal_proto::{Notice, Payload as _};
use sangam_signal_proto::{ParticipantId, SocketId};
use sangam_signal_server::dialect::Said;
use sangam_signal_server::dialect::socketio::{
    Client, Decoded, Dropped, GuardOptions, Local, Original, Outgoing, Request, encode,
};
use sangam_socketio_proto::Arguments;
use sangam_types::{Mono, Now, Text, Wall};

/// Events that three sockets of one session send, each line one list of JSON.
///
/// The first byte of a line says who sends it: `a`, `b`, `c`, or `A`, `B`, `C` with two binary values for its placeholders;
/// `t`: as many seconds pass as the line has bytes; any other: all sockets of the strict server close.
///
/// Whatever is sent, each event that is told is a name and an object, what comes back at once is an echo, payloads can be
/// folded into each other, and the strict server bears it too.
pub fn socketio_dialect(input: &[u8]) {
    let mut session = Session::new();
    for line in input.split(|byte| *byte == b'\n') {
        session.line(line);
    }
}

struct Session {
    clients: [Client; 3],
    original: Original,
    now: Now,
    options: GuardOptions,
    said: Vec<Said>,
}

impl Session {
    fn new() -> Self {
        let options = GuardOptions { echoes_max: 8, undirected_burst: 8, ..GuardOptions::default() };
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_secs(1_000_000_000) };
        Self {
            clients: std::array::from_fn(|_| Client::new(now.mono, &options)),
            original: Original::new(now.mono),
            now,
            options,
            said: Vec::new(),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let Some((&who, rest)) = line.split_first() else { return };
        match who {
            b'a'..=b'c' => self.send(usize::from(who - b'a'), rest, Vec::new()),
            b'A'..=b'C' => {
                let binary = vec![Bytes::from_static(b"\x00"), Bytes::from_static(b"\xFF")];
                self.send(usize::from(who - b'A'), rest, binary);
            }
            b't' => {
                self.now = self.now + Duration::from_secs(rest.len() as u64);
                self.original.tick(self.now).iter().for_each(|sent| check(&sent.event));
            }
            _ => (0..3).for_each(|socket| {
                self.original.disconnected(SocketId(socket)).iter().for_each(|sent| check(&sent.event));
            }),
        }
    }

    fn send(&mut self, from: usize, json: &[u8], binary: Vec<Bytes>) {
        let Ok(json) = std::str::from_utf8(json) else { return };
        let Ok(arguments) = Arguments::with_attachments(Text::from(json), binary) else { return };
        let sent = self.original.hear(SocketId(from as u64), &arguments, self.now);
        sent.iter().for_each(|sent| check(&sent.event));
        match self.clients[from].hear(&arguments, self.now, &self.options) {
            Ok(Decoded::Core(request)) => self.relay(from, request),
            Ok(Decoded::Local(Local::Monitor(event))) => check(&event),
            Ok(Decoded::Local(Local::Subscribe | Local::Unsubscribe) | Decoded::Dropped(_)) => {}
            Err(fault) => check(&fault.encode()),
        }
    }

    fn relay(&mut self, from: usize, request: Request) {
        let author = ParticipantId::parse(["a", "b", "c"][from]).expect("one letter is an id");
        let notice = match request {
            Request::Signal { room, signal } => {
                self.fold(&signal.payload);
                Notice::Signal { room, kind: signal.kind, from: author, to: None, payload: signal.payload }
            }
            Request::Tell { room, telling } => {
                Notice::Told { room, from: author, topic: telling.topic, value: telling.value }
            }
            Request::End { room, reason } => Notice::Ended { room, reason },
            Request::Lock { room, locked } => Notice::Locked { room, locked },
            Request::Kick { room, participant, reason } => Notice::Kicked { room, participant, reason },
            Request::Join { .. } | Request::Leave { .. } | Request::Recall { .. } | Request::Timer { .. } => return,
        };
        for client in &mut self.clients {
            let events = encode(&notice, client.ear(), self.now.wall);
            client.told(&notice, &events, self.now.mono, &self.options);
            for event in events {
                check(&event);
                let heard = client.hear(&event.arguments, self.now, &self.options);
                let is_echo = matches!(heard, Ok(Decoded::Dropped(Dropped::Echo)));
                assert!(is_echo || event.print.is_none(), "{} made another frame", event.arguments.json());
            }
        }
    }

    /// With what was said just before.
    fn fold(&mut self, payload: &Said) {
        assert!(payload.len() >= payload.json().len());
        let _shape = payload.shape();
        for other in &self.said {
            let mut folded = other.clone();
            folded.fold(payload);
            let _ends: bool = folded.ends_candidates();
        }
        self.said.push(payload.clone());
        if self.said.len() > 3 {
            self.said.remove(0);
        }
    }
}

/// An event is a list of its name and an object.
fn check(event: &Outgoing) {
    let items = event.arguments.items().expect("an event is a list");
    assert_eq!(items.len(), 2, "{}", event.arguments.json());
    assert!(event.arguments.event_name().is_ok_and(|name| name.is_some()), "{}", event.arguments.json());
    assert!(items[1].get().starts_with('{'), "{}", event.arguments.json());
}
