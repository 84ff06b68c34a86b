use std::time::Duration;

use sangam_signal_proto::{Owner, SignalKind};
use sangam_signal_server::dialect::rendezvous::{
    Directory, DirectoryOptions, Incoming, Invalid, mail, node_id, peers_limit, registered, registration, signal,
};
use sangam_types::Mono;
use serde::de::IgnoredAny;

/// Lines that nodes send to the rendezvous.
///
/// The first byte of a line says what the rest is: `r`: the body of a registration; `s`: of a signal; `p`: the node in the
/// path of a poll; `g`: the query of a request for peers; `t`: as many seconds pass as the line has bytes. Any other line is
/// taken for all of them.
///
/// Whatever is sent, each answer is JSON, a refusal names what is wrong, the directory stays within its bounds and hands out
/// only what was registered.
pub fn rendezvous(input: &[u8]) {
    let options = DirectoryOptions { lasts: Duration::from_secs(30), urls_max: 8, urls_per_owner_max: 4 };
    let mut ground = Ground { directory: Directory::new(options), now: Mono::ZERO, known: Vec::new() };
    for line in input.split(|byte| *byte == b'\n') {
        ground.line(line);
    }
}

struct Ground {
    directory: Directory,
    now: Mono,
    known: Vec<String>,
}

impl Ground {
    fn line(&mut self, line: &[u8]) {
        match line.split_first() {
            Some((b'r', body)) => self.register(body),
            Some((b's', body)) => send(body),
            Some((b'p', path)) => poll(path),
            Some((b'g', query)) => self.peers(query),
            Some((b't', times)) => self.now = self.now + Duration::from_secs(times.len() as u64),
            Some(_) | None => {
                self.register(line);
                send(line);
                poll(line);
                self.peers(line);
            }
        }
    }

    fn register(&mut self, body: &[u8]) {
        match registration(body) {
            Ok(url) => {
                check(&registered(&url));
                // Two owners, as the URL has it.
                let owner = Owner::Address([192, 0, 2, (url.len() % 2) as u8].into());
                if self.directory.register(self.now, "room", &url, owner).is_ok() {
                    self.known.push(url);
                }
                assert!(self.directory.len() <= 8, "more than may be");
            }
            Err(faults) => check_faults(&faults),
        }
    }

    fn peers(&mut self, query: &[u8]) {
        let query = std::str::from_utf8(query).ok();
        match peers_limit(query) {
            Ok(limit) => {
                let mut turn = 0;
                let pick = |below: usize| {
                    turn += 1;
                    turn % below.max(1)
                };
                let urls = self.directory.sample(self.now, "room", limit.min(1_000), pick);
                assert!(urls.len() <= limit);
                let is_known = |url: &str| self.known.iter().any(|it| it == url);
                assert!(urls.iter().all(|url| is_known(url)), "nobody registered {urls:?}");
            }
            Err(fault) => check_faults(&[fault]),
        }
    }
}

fn send(body: &[u8]) {
    match signal(body) {
        Ok(outgoing) => {
            check(&outgoing.payload);
            assert!(outgoing.payload.starts_with('{'), "{}", outgoing.payload);
            let kind = outgoing.kind.unwrap_or(SignalKind::Offer);
            check(&mail([Incoming { from: &outgoing.from, kind, payload: &outgoing.payload }]));
        }
        Err(faults) => check_faults(&faults),
    }
}

fn poll(path: &[u8]) {
    if let Err(fault) = std::str::from_utf8(path).map_or(Ok(None), |path| node_id(path).map(Some)) {
        check_faults(&[fault]);
    }
}

fn check_faults(faults: &[Invalid]) {
    assert!(!faults.is_empty(), "refused for nothing");
    check(&Invalid::encode(faults));
}

fn check(json: &str) {
    // Half a surrogate pair is JSON (RFC 8259 §8.2), though no text.
    assert!(serde_json::from_str::<IgnoredAny>(json).is_ok(), "{json}");
}
