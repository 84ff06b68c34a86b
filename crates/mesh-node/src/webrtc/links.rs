use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use hashbrown::HashMap;
use sangam_mesh_proto::{Candidate, Failure, LinkId, LinkState, PathProtocol, SelectedPair};
use str0m::RtcConfig;

use super::link::Link;
use super::routes::Routes;
use super::schedule::Schedule;
use super::{LinkError, LinkEvent, LinkFigures, LinkOptions, LinksFigures, LinksOutput, SendError, StartError};
use crate::endpoint::LocalCandidate;

mod describe;
mod drive;
mod receive;

/// All peer connections of a node.
pub struct Links {
    options: LinkOptions,
    config: RtcConfig,
    fingerprint: String,
    links: HashMap<LinkId, Link>,
    born: u64,
    /// The latest moment that was told.
    latest: Option<Instant>,
    locals: Vec<LocalCandidate>,
    routes: Routes,
    schedule: Schedule,
    /// Links that were touched and not polled since.
    touched: VecDeque<LinkId>,
    output: VecDeque<LinksOutput>,
    figures: LinksFigures,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("links", &self.links.len()).finish_non_exhaustive()
    }
}

impl Links {
    /// None yet. Makes the one certificate that every link of the node shows.
    ///
    /// # Errors
    /// [`StartError`] if it cannot be made.
    pub fn new(options: LinkOptions) -> Result<Self, StartError> {
        let provider = super::dtls::crypto(&options);
        let certificate = provider.dtls_provider.generate_certificate().ok_or(StartError::Certificate)?;
        let message_bytes_max = u32::try_from(options.message_bytes_max).unwrap_or(u32::MAX);
        let mut config = RtcConfig::new()
            .set_crypto_provider(std::sync::Arc::new(provider))
            .set_dtls_cert(certificate)
            .clear_codecs()
            .clear_extension_map()
            .set_stats_interval(Some(std::time::Duration::from_secs(1)))
            .set_sctp_max_message_size(message_bytes_max)
            .set_sctp_max_buffered_amount(options.window_bytes_max + options.message_bytes_max);
        config.set_initial_stun_rto(options.check_pause);
        config.set_max_stun_rto(options.check_interval);
        config.set_max_stun_retransmits(options.checks_max);
        let mut rtc = config.clone().build(Instant::now());
        let fingerprint = rtc.direct_api().local_dtls_fingerprint().to_string();
        Ok(Self {
            options,
            config,
            fingerprint: fingerprint.trim_start_matches("sha-256 ").to_owned(),
            links: HashMap::new(),
            born: 0,
            latest: None,
            locals: Vec::new(),
            routes: Routes::default(),
            schedule: Schedule::default(),
            touched: VecDeque::new(),
            output: VecDeque::new(),
            figures: LinksFigures::default(),
        })
    }

    /// Of the certificate that all links show: SHA-256, upper case hexadecimal with colons.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// A candidate of ours was found: it is given to all links. What is to be trickled (RFC 8838), and to whom.
    pub fn add_local(&mut self, candidate: &LocalCandidate, _now: Instant) -> Vec<(LinkId, Candidate)> {
        if !self.locals.contains(candidate) {
            self.locals.push(candidate.clone());
        }
        let mut trickled = Vec::new();
        for (id, link) in self.links.iter_mut().filter(|(_, link)| link.is_alive()) {
            let Some(added) = link.add_local(candidate) else { continue };
            let line = super::description::plain(&added).to_owned();
            let ufrag = link.fragments.last().cloned();
            trickled.push((*id, Candidate { line, mid: Some(link.mid.clone()), line_index: Some(0), ufrag }));
            touch(&mut self.touched, *id, link);
        }
        trickled
    }

    /// A candidate of ours is gone: no link uses it any longer.
    pub fn remove_local(&mut self, candidate: &LocalCandidate, _now: Instant) {
        self.locals.retain(|known| known != candidate);
        let Some(ice) = super::local::ice(candidate) else { return };
        for (id, link) in &mut self.links {
            if link.rtc.direct_api().invalidate_candidate(&ice) {
                touch(&mut self.touched, *id, link);
            }
        }
    }

    /// Says goodbye; `Closed` is told at once, the link goes when that is said.
    pub fn close(&mut self, id: LinkId, now: Instant) {
        let now = self.forward(now);
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.closing.is_some() {
            return;
        }
        link.closing = Some(now + self.options.goodbye);
        if super::guard::guarded(|| link.rtc.close().is_ok()) != Some(true) {
            link.rtc.disconnect();
        }
        self.change_state(id, LinkState::Closed(Failure::ClosedByUs));
        self.drive(id, now);
    }

    /// Hands a message over.
    ///
    /// # Errors
    /// [`SendError::Full`] when as much is on the way as may be: [`LinkEvent::Room`] follows. [`SendError::TooLarge`],
    /// [`SendError::Empty`] and [`SendError::Closed`] say that it cannot be sent at all.
    pub fn send(&mut self, id: LinkId, binary: bool, bytes: &[u8]) -> Result<(), SendError> {
        let link = self.links.get_mut(&id).ok_or(SendError::Closed)?;
        link.send(binary, bytes, &self.options)?;
        touch(&mut self.touched, id, link);
        Ok(())
    }

    /// How many bytes [`Links::send`] takes now; zero when the link is not open. Whoever asks may keep account by itself from then
    /// on: [`LinkEvent::Room`] follows whenever what it was told is nearly used up and there is more again.
    pub fn room(&mut self, id: LinkId) -> usize {
        self.links.get_mut(&id).map_or(0, |link| link.tell_room(&self.options))
    }

    /// What carries the link, as the stack itself tells; none before a path works.
    #[must_use]
    pub fn pair(&self, id: LinkId) -> Option<SelectedPair> {
        self.links.get(&id)?.selected(&self.locals)
    }

    /// How the link is; none if there is no such link, or no longer.
    #[must_use]
    pub fn state(&self, id: LinkId) -> Option<LinkState> {
        self.links.get(&id).map(|link| link.state)
    }

    /// What the link has carried.
    #[must_use]
    pub fn figures(&self, id: LinkId) -> Option<LinkFigures> {
        self.links.get(&id).map(|link| link.figures)
    }

    /// What all links have met together.
    #[must_use]
    pub fn totals(&self) -> LinksFigures {
        LinksFigures { links: self.links.len(), ..self.figures }
    }

    /// A packet came for the base `local`. Whether it belongs to a link.
    ///
    /// Poll when a few hundred have come at most: what they cause waits in memory until then.
    pub fn handle_packet(
        &mut self,
        local: SocketAddr,
        from: SocketAddr,
        _protocol: PathProtocol,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let now = self.forward(now);
        let taken = self.receive((local, from), bytes, now);
        if !taken {
            self.figures.packets_unknown += 1;
        }
        taken
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.forward(now);
        while let Some(id) = self.schedule.pop(now) {
            if let Some(link) = self.links.get_mut(&id) {
                link.due = None;
                self.tick(id, now);
            }
        }
    }

    /// The next thing to do. Call until it says [`LinksOutput::Wait`]. Only links that were touched cost anything.
    pub fn poll(&mut self, now: Instant) -> LinksOutput {
        let now = self.forward(now);
        loop {
            if let Some(output) = self.output.pop_front() {
                return output;
            }
            match self.touched.pop_front() {
                Some(id) => self.tick(id, now),
                None => return LinksOutput::Wait(self.schedule.next()),
            }
        }
    }

    /// Time never runs backwards: the stack minds no moment before the one it was made at, and would wait for ever.
    fn forward(&mut self, now: Instant) -> Instant {
        *self.latest.insert(self.latest.map_or(now, |latest| latest.max(now)))
    }

    /// Has the link polled.
    fn touch(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            touch(&mut self.touched, id, link);
        }
    }

    fn tell(&mut self, id: LinkId, event: LinkEvent) {
        self.output.push_back(LinksOutput::Event(id, event));
    }

    fn change_state(&mut self, id: LinkId, state: LinkState) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.state == state || matches!(link.state, LinkState::Closed(_)) {
            return;
        }
        link.state = state;
        if state == LinkState::Interrupted {
            link.figures.interruptions += 1;
        }
        self.tell(id, LinkEvent::State(state));
    }

    fn remove(&mut self, id: LinkId) -> Result<(), LinkError> {
        let link = self.links.remove(&id).ok_or(LinkError::Unknown)?;
        self.schedule.set(id, link.due, None);
        for path in &link.paths {
            self.routes.remove(*path, id);
        }
        for fragment in &link.fragments {
            self.routes.unname(fragment);
        }
        Ok(())
    }
}

fn touch(touched: &mut VecDeque<LinkId>, id: LinkId, link: &mut Link) {
    if !link.touched {
        link.touched = true;
        touched.push_back(id);
    }
}
