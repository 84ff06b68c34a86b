use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sangam_mesh_proto::{Candidate, CandidateKind, Failure, LinkState, PathProtocol, SelectedPair};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::{IceCreds, Rtc};

use super::burst::Burst;
use super::candidate::{self, Line};
use super::checks::Checks;
use super::guard::guarded;
use super::record::Record;
use super::routes::Path;
use super::{LinkError, LinkFigures, LinkOptions, SendError, local};
use crate::endpoint::LocalCandidate;

/// A third of what the DTLS handshake may take.
const STALE: Duration = Duration::from_secs(13);

/// Room for less than this is not told, so that it is not told for every packet acknowledged.
const ROOM_TOLD_BYTES: usize = 32 * 1024;

/// Packets of data are taken in together, up to so many: their acknowledgements are one, and so is the look at what may be sent
/// then. The stack keeps no more than 30 of them.
const GIVEN_MAX: usize = 16;

/// After one that is missing, so many are acknowledged one by one: three words of it begin its fast retransmission (RFC 4960
/// §7.2.4), and until then more may be missing.
const ROW_MIN: usize = 32;

/// Relayed addresses of the peer that are taken for such before it tells of them: anybody can send such checks.
const GUESSED_MAX: usize = 8;

/// The largest record that is kept to be said again; an acknowledgement is smaller.
const SAMPLE_BYTES_MAX: usize = 256;

/// How far a link has come, for the reason of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    /// No pair of candidates has worked yet.
    Nothing,
    /// A path works; the DTLS or SCTP handshake is not at its end.
    Path,
    /// A data channel was open.
    Open,
}

/// The peer's side of a link, as far as it was described.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Its ICE user fragment.
    pub(super) fragment: String,
    /// The password of its checks.
    pub(super) password: String,
    /// Of its certificate.
    pub(super) fingerprint: String,
    /// Its candidates of this ICE generation.
    pub(super) candidates: Vec<(SocketAddr, CandidateKind)>,
    /// How many of them were met before they were told.
    pub(super) guessed: usize,
    /// Candidates that came before the description they belong to.
    pub(super) early: Vec<Candidate>,
    /// The largest message it takes.
    pub(super) message_bytes_max: usize,
}

/// The path in use, from the stack's own figures of its nominated pair.
#[derive(Clone, Copy, Debug)]
pub(super) struct InUse {
    pub(super) path: Path,
    /// Checks answered on it; whenever this changes, the peer consents to be sent to (RFC 7675).
    pub(super) answers: Option<u64>,
    pub(super) round_trip: Option<Duration>,
}

/// One peer connection.
pub(super) struct Link {
    pub(super) rtc: Rtc,
    /// Links made before have lower ones.
    pub(super) born: u64,
    pub(super) state: LinkState,
    pub(super) reached: Reached,
    /// Checks that are said again until they are answered.
    pub(super) checks: Checks,
    /// Records that came before a path worked.
    pub(super) early: VecDeque<(Path, Vec<u8>)>,
    /// Our fragments that the peer may name: of the running generation, and of one that was offered.
    pub(super) fragments: Vec<String>,
    /// The name of the media section.
    pub(super) mid: String,
    /// What the stack calls it, where we named it: in our offers.
    pub(super) section: Option<String>,
    pub(super) pending: Option<SdpPendingOffer>,
    /// The first answer of the peer, taken in full once there is a path: the DTLS handshake's clock runs from then on, and
    /// ends in tens of seconds.
    pub(super) deferred: Option<SdpAnswer>,
    /// The offer that was answered, until the handshake is done: for the same reason its session is made anew now and then.
    pub(super) answered: Option<String>,
    /// Whether the peer may hold a session with an earlier process of ours.
    pub(super) anew: bool,
    /// Whether it does, so that we have to begin the SCTP association.
    pub(super) begins_sctp: bool,
    /// When the session was made.
    pub(super) made: Instant,
    pub(super) peer: Peer,
    /// We have a loopback address ourselves, so one of the peer's may be meant.
    pub(super) loopback: bool,
    /// Open data channels, the newest last.
    pub(super) channels: Vec<ChannelId>,
    pub(super) in_use: Option<InUse>,
    /// The last small record of data that was sent.
    pub(super) sample: Vec<u8>,
    /// How often it is still said again on the path in use, one each second: see [`Link::lead`].
    pub(super) leads: u8,
    /// When the peer last answered on the path in use.
    pub(super) heard: Instant,
    /// Until then checks follow each other fast: the peer was described, or a candidate of its came.
    pub(super) hurried: Option<Instant>,
    /// When paths were last built anew.
    pub(super) rebuilt: Instant,
    pub(super) due: Option<Instant>,
    /// It waits to be polled.
    pub(super) touched: bool,
    /// Packets that the stack was given since it was polled.
    pub(super) given: usize,
    /// The number of the record that came last, and how many came before it without one missing.
    pub(super) row: (u64, usize),
    /// Packets that leave together.
    pub(super) burst: Burst,
    pub(super) paths: Vec<Path>,
    pub(super) pair: Option<SelectedPair>,
    /// A message of so many bytes was refused: room for it is to be told.
    pub(super) wants_room: Option<usize>,
    /// What is left of the room that was told last, by the account of whoever asked for it.
    pub(super) credit: Option<usize>,
    /// No paths left: every check gave up.
    pub(super) pathless: bool,
    /// We are closing it; it is dropped then.
    pub(super) closing: Option<Instant>,
    /// The DTLS handshake is done.
    pub(super) secured: bool,
    pub(super) figures: LinkFigures,
}

impl Link {
    pub(super) fn new(rtc: Rtc, born: u64, checks: Checks, now: Instant) -> Self {
        Self {
            rtc,
            born,
            state: LinkState::Connecting,
            reached: Reached::Nothing,
            checks,
            early: VecDeque::new(),
            fragments: Vec::new(),
            mid: String::new(),
            section: None,
            pending: None,
            deferred: None,
            answered: None,
            anew: false,
            begins_sctp: false,
            made: now,
            peer: Peer::default(),
            loopback: false,
            channels: Vec::new(),
            in_use: None,
            sample: Vec::new(),
            leads: 0,
            heard: now,
            hurried: None,
            rebuilt: now,
            due: None,
            touched: false,
            given: 0,
            row: (0, 0),
            burst: Burst::default(),
            paths: Vec::new(),
            pair: None,
            wants_room: None,
            credit: None,
            pathless: false,
            closing: None,
            secured: false,
            figures: LinkFigures::default(),
        }
    }

    /// Whether signals and candidates are still of use to it.
    pub(super) fn is_alive(&self) -> bool {
        self.closing.is_none() && self.rtc.is_alive()
    }

    /// Whether a packet may wait for others before the stack is polled: it carries data, as did those before it, and none is missing.
    pub(super) fn may_wait(&mut self, record: Option<Record>) -> bool {
        let Some(Record { protected: true, data: true, number }) = record else { return false };
        let (last, row) = self.row;
        self.row = (number, if number == last.wrapping_add(1) { row + 1 } else { 0 });
        self.given += 1;
        self.state == LinkState::Open && self.row.1 >= ROW_MIN && self.given < GIVEN_MAX
    }

    /// Why it ends now, if nobody ended it on purpose.
    pub(super) fn failure(&self) -> Failure {
        match (self.reached, self.state) {
            (Reached::Nothing, _) => Failure::NoPath,
            (Reached::Path, _) => Failure::Handshake,
            (Reached::Open, LinkState::Interrupted) => Failure::Silence,
            (Reached::Open, _) => Failure::ClosedByPeer,
        }
    }

    /// Adds the candidates of ours that it does not have.
    pub(super) fn add_locals(&mut self, locals: &[LocalCandidate]) {
        for candidate in locals {
            self.add_local(candidate);
        }
    }

    /// Adds a candidate of ours: as the stack has it, if it is new and of use.
    pub(super) fn add_local(&mut self, candidate: &LocalCandidate) -> Option<String> {
        let ice = local::ice(candidate)?;
        self.loopback |= candidate.base.ip().is_loopback();
        self.rtc.add_local_candidate(ice).map(str0m::Candidate::to_sdp_string)
    }

    /// Takes the answer that was put off, if there is one. Begins the DTLS handshake.
    pub(super) fn take_deferred(&mut self) -> Result<(), LinkError> {
        match self.deferred.take() {
            Some(answer) => self.take_answer(answer),
            None => Ok(()),
        }
    }

    /// Takes an answer to the offer that is pending.
    pub(super) fn take_answer(&mut self, answer: SdpAnswer) -> Result<(), LinkError> {
        let pending = self.pending.take().ok_or(LinkError::NotOffered)?;
        let accept = || {
            if self.begins_sctp {
                self.rtc.direct_api().start_sctp(true);
            }
            self.rtc.sdp_api().accept_answer(pending, answer)
        };
        match guarded(accept) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(LinkError::Description(error.to_string())),
            None => Err(LinkError::Broken("an answer".into())),
        }
    }

    /// Adds one candidate of the peer.
    pub(super) fn add_remote(&mut self, candidate: &Candidate, options: &LinkOptions) -> Result<(), LinkError> {
        let ahead = candidate.ufrag.as_ref().is_some_and(|fragment| *fragment != self.peer.fragment);
        if ahead || self.peer.fragment.is_empty() {
            if self.peer.early.len() < options.candidates_max {
                self.peer.early.push(candidate.clone());
            }
            return Ok(());
        }
        self.add_line(&candidate.line, options).map(|_| ())
    }

    /// Adds one candidate line; whether it holds an address that is of use.
    pub(super) fn add_line(&mut self, line: &str, options: &LinkOptions) -> Result<bool, LinkError> {
        match Line::parse(line) {
            // Nothing of ours that listens on loopback alone is to hear from a peer.
            Line::Address(_, address, _) if address.ip().is_loopback() && !self.loopback => Ok(false),
            Line::Address(ice, address, kind) => {
                let known = self.peer.candidates.contains(&(address, kind));
                if known || self.peer.candidates.len() >= options.candidates_max {
                    return Ok(known);
                }
                self.peer.candidates.push((address, kind));
                guarded(|| self.rtc.add_remote_candidate(*ice))
                    .ok_or_else(|| LinkError::Broken("a candidate".into()))?;
                Ok(true)
            }
            Line::Name(_) => Err(LinkError::Name),
            Line::Ignored => Ok(false),
            Line::Malformed => Err(LinkError::Candidate),
        }
    }

    /// A check comes from an address that the peer has not told of yet. If a relay has that IP address it is a relayed one: taken
    /// for a peer-reflexive one it would be better than a mapped one, and stay so (RFC 8445 §7.3.1.3), as the stack does not
    /// order its pairs anew when the candidate is told.
    pub(super) fn meets(&mut self, from: SocketAddr, locals: &[LocalCandidate], options: &LinkOptions) {
        let candidates = &self.peer.candidates;
        if self.peer.guessed >= GUESSED_MAX
            || candidates.len() >= options.candidates_max
            || candidates.iter().any(|(address, _)| *address == from)
        {
            return;
        }
        let told = candidates.iter().map(|(address, kind)| (address.ip(), *kind));
        let own = locals.iter().map(|candidate| (candidate.address.ip(), candidate.kind));
        if told.chain(own).any(|known| known == (from.ip(), CandidateKind::Relayed)) {
            self.peer.guessed += 1;
            self.peer.candidates.push((from, CandidateKind::Relayed));
            guarded(|| self.rtc.add_remote_candidate(candidate::ice(from, CandidateKind::Relayed)));
        }
    }

    /// Begins a new ICE generation of the peer, if that is what the fragment says.
    pub(super) fn described_as(&mut self, fragment: &str, password: &str) {
        if self.peer.fragment != fragment {
            self.peer.candidates.clear();
            self.peer.guessed = 0;
            fragment.clone_into(&mut self.peer.fragment);
        }
        password.clone_into(&mut self.peer.password);
    }

    /// Whether an answered session has waited for a path so long that its handshake would end as it begins.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.reached == Reached::Nothing && self.answered.is_some() && now.duration_since(self.made) >= STALE
    }

    /// Puts a session in place that was made now, and answers the same offer with the same words.
    pub(super) fn renew(&mut self, rtc: Rtc, locals: &[LocalCandidate], now: Instant) -> Result<(), LinkError> {
        let failed = || LinkError::Broken("an offer".into());
        let offer = SdpOffer::from_sdp_string(self.answered.as_deref().unwrap_or_default());
        let offer = offer.map_err(|_| failed())?;
        self.rtc = rtc;
        (self.made, self.rebuilt, self.pathless) = (now, now, false);
        self.add_locals(locals);
        self.rtc.sdp_api().accept_offer(offer).map_err(|_| failed())?;
        let credentials = IceCreds { ufrag: self.peer.fragment.clone(), pass: self.peer.password.clone() };
        self.rtc.direct_api().set_remote_ice_credentials(credentials);
        for (address, kind) in &self.peer.candidates {
            self.rtc.add_remote_candidate(candidate::ice(*address, *kind));
        }
        Ok(())
    }

    /// What came before its description and belongs to it.
    pub(super) fn take_early(&mut self, options: &LinkOptions) {
        for candidate in std::mem::take(&mut self.peer.early) {
            if candidate.ufrag.as_ref().is_none_or(|fragment| *fragment == self.peer.fragment) {
                // One that is not usable was refused when it came, or is of no use now.
                self.add_line(&candidate.line, options).ok();
            }
        }
    }

    /// Lets checks begin anew from `base`, or from everywhere: the stack drops a path that failed for good. The paths' state
    /// is lost with it, so this is for when nothing is heard.
    pub(super) fn rebuild(&mut self, locals: &[LocalCandidate], base: Option<SocketAddr>, now: Instant) {
        self.rebuilt = now;
        let from = locals.iter().filter(|candidate| base.is_none_or(|base| candidate.base == base));
        for candidate in from.filter_map(local::ice) {
            self.rtc.direct_api().invalidate_candidate(&candidate);
            self.rtc.add_local_candidate(candidate);
        }
    }

    /// Whether it has no path, or one that leads through a relay.
    pub(super) fn may_be_better(&self) -> bool {
        self.reached == Reached::Nothing || self.pair.as_ref().is_some_and(SelectedPair::is_relayed)
    }

    /// A packet of data goes by the path in use.
    pub(super) fn sent_data(&mut self, packet: &[u8]) {
        self.leads = 0;
        if packet.len() <= SAMPLE_BYTES_MAX {
            self.sample.clear();
            self.sample.extend_from_slice(packet);
        }
    }

    /// What is sent by a path that was taken into use while there is nothing to say: a record once more, which DTLS drops (RFC 6347
    /// §4.1.2.6). A controlled libwebrtc to which several pairs were nominated sends by the one on which data came last.
    pub(super) fn lead(&mut self) -> Option<Vec<u8>> {
        self.leads = self.leads.checked_sub(1)?;
        (!self.sample.is_empty()).then(|| self.sample.clone())
    }

    /// What may be on the way at once: as much as the rate asked for needs within the round trip measured.
    pub(super) fn window(&self, options: &LinkOptions) -> usize {
        let round_trip = self.in_use.and_then(|in_use| in_use.round_trip).unwrap_or_default();
        let needed = round_trip.as_secs_f64() * options.window_rate as f64;
        (needed as usize).clamp(options.window_bytes_min, options.window_bytes_max.max(options.window_bytes_min))
    }

    fn buffered(&mut self) -> Option<usize> {
        let id = *self.channels.last()?;
        Some(self.rtc.channel(id)?.buffered_amount())
    }

    /// How many bytes may be handed over now.
    pub(super) fn room(&mut self, options: &LinkOptions) -> usize {
        let window = self.window(options);
        match self.buffered() {
            // A message larger than the window goes by itself.
            Some(0) => window.max(self.peer.message_bytes_max),
            Some(buffered) => window.saturating_sub(buffered),
            None => 0,
        }
    }

    /// The room, as it is told to whoever keeps account of it from then on.
    pub(super) fn tell_room(&mut self, options: &LinkOptions) -> usize {
        let room = self.room(options);
        self.credit = Some(room);
        room
    }

    /// The room to be told now: what was refused fits, or whoever keeps account of it believes that little is left, and it is worth
    /// the word. On a long way little is enough, or the way would run empty between a word and the next.
    pub(super) fn take_room(&mut self, options: &LinkOptions) -> Option<usize> {
        let worth = (self.window(options) / 2).min(ROOM_TOLD_BYTES);
        let runs_out = self.credit.is_some_and(|credit| credit < worth);
        if !runs_out && self.wants_room.is_none() {
            return None;
        }
        let room = self.room(options);
        if room < self.wants_room.unwrap_or_default().max(worth) {
            return None;
        }
        self.wants_room = None;
        self.credit = self.credit.map(|_| room);
        Some(room)
    }

    pub(super) fn send(&mut self, binary: bool, bytes: &[u8], options: &LinkOptions) -> Result<(), SendError> {
        if !self.is_alive() || self.channels.is_empty() {
            return Err(SendError::Closed);
        }
        if bytes.is_empty() {
            return Err(SendError::Empty);
        }
        if bytes.len() > self.peer.message_bytes_max {
            return Err(SendError::TooLarge(self.peer.message_bytes_max));
        }
        if self.buffered().is_none() {
            return Err(SendError::Closed);
        }
        if self.room(options) < bytes.len() {
            self.wants_room = Some(bytes.len());
            return Err(SendError::Full);
        }
        let id = *self.channels.last().ok_or(SendError::Closed)?;
        let mut channel = self.rtc.channel(id).ok_or(SendError::Closed)?;
        match guarded(|| channel.write(binary, bytes)) {
            Some(Ok(true)) => {
                self.figures.bytes_sent += bytes.len() as u64;
                self.figures.messages_sent += 1;
                self.credit = self.credit.map(|credit| credit.saturating_sub(bytes.len()));
                Ok(())
            }
            Some(Ok(false)) => {
                self.wants_room = Some(bytes.len());
                Err(SendError::Full)
            }
            Some(Err(_)) | None => Err(SendError::Closed),
        }
    }

    /// The pair in use with what is known of its ends.
    pub(super) fn selected(&self, locals: &[LocalCandidate]) -> Option<SelectedPair> {
        let in_use = self.in_use?;
        let (base, remote) = in_use.path;
        let own = locals.iter().find(|candidate| candidate.address == base);
        let of_peer = self.peer.candidates.iter().filter(|(address, _)| *address == remote);
        Some(SelectedPair {
            local_kind: own.map_or(CandidateKind::PeerReflexive, |candidate| candidate.kind),
            local: base,
            remote_kind: of_peer.map(|(_, kind)| *kind).min().unwrap_or(CandidateKind::PeerReflexive),
            remote,
            protocol: own.map_or(PathProtocol::Udp, |candidate| candidate.protocol),
            round_trip: in_use.round_trip,
        })
    }
}
