//! DTLS as the stack's own provider has it, with timers made for links that lose packets.
//!
//! By itself it says a flight of the handshake again after a second, and the association above it waits three, each longer from
//! time to time: where many packets are lost, an attempt is over before, and messages stand still for as long. Here both are
//! repeated sooner.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dimpl::{Config, Dtls};
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion, ProtocolVersion,
};
use str0m::crypto::{CryptoError, CryptoProvider};

use self::flight::Flight;
use self::unanswered::Unanswered;
use super::repeat::Timers;
use super::{LinkOptions, burst};

mod chunk;
mod flight;
mod messages;
mod unanswered;

#[cfg(test)]
mod tests;

/// Repetitions of one flight by the stack: its own bound on the whole handshake, 40 s, ends it before.
const FLIGHT_REPEATS: usize = 16;

/// Makes DTLS sessions with these timers.
#[derive(Debug)]
struct Provider {
    inner: &'static dyn DtlsProvider,
    timers: Timers,
    /// By the largest datagram. To build one tries every algorithm it may use, which costs more than a handshake does.
    configs: Mutex<Vec<(Option<usize>, Arc<Config>)>>,
}

/// The stack wants providers that live for ever: there is one for each set of timers ever asked for.
static PROVIDERS: Mutex<Vec<&'static Provider>> = Mutex::new(Vec::new());

/// The stack's own cryptography, with these timers.
pub(super) fn crypto(options: &LinkOptions) -> CryptoProvider {
    let crypto = str0m::crypto::from_feature_flags();
    let timers = Timers::new(options);
    let mut providers = PROVIDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = providers.iter().find(|provider| provider.timers == timers).copied();
    let provider = known.unwrap_or_else(|| {
        let made: &'static Provider = Box::leak(Box::new(Provider::new(crypto.dtls_provider, timers)));
        providers.push(made);
        made
    });
    CryptoProvider { dtls_provider: provider, ..crypto }
}

impl Provider {
    fn new(inner: &'static dyn DtlsProvider, timers: Timers) -> Self {
        Self { inner, timers, configs: Mutex::new(Vec::new()) }
    }

    fn config(&self, mtu: Option<usize>) -> Result<Arc<Config>, CryptoError> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = configs.iter().find(|(known, _)| *known == mtu) {
            return Ok(Arc::clone(known));
        }
        // ICE has shown that the peer can be reached: a cookie shows no more.
        let mut config = Config::builder()
            .use_server_cookie(false)
            .flight_start_rto(self.timers.pause)
            .flight_retries(FLIGHT_REPEATS);
        if let Some(mtu) = mtu {
            config = config.mtu(mtu);
        }
        let config = Arc::new(config.build().map_err(|error| CryptoError::Other(error.to_string()))?);
        configs.push((mtu, Arc::clone(&config)));
        Ok(config)
    }
}

impl DtlsProvider for Provider {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.inner.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = self.config(mtu)?;
        let certificate = cert.clone();
        let dtls = match version {
            DtlsVersion::Dtls13 => Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => Dtls::new_auto(config, certificate, now),
            _ => Dtls::new_12(config, certificate, now),
        };
        let (flight, unanswered) = (Flight::new(self.timers), Unanswered::new(self.timers));
        Ok(burst::gathering(Box::new(Session { dtls, flight, unanswered, now }), now))
    }
}

/// One DTLS session, and the association's packets within it.
struct Session {
    dtls: Dtls,
    flight: Flight,
    unanswered: Unanswered,
    /// The moment that was told last.
    now: Instant,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl DtlsInstance for Session {
    fn set_active(&mut self, active: bool) {
        self.dtls.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        if !packet.is_empty() {
            self.flight.heard();
        }
        self.dtls.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        if let Some(packet) = self.flight.again().filter(|packet| packet.len() <= buf.len()) {
            let room = &mut buf[..packet.len()];
            room.copy_from_slice(packet);
            return DtlsOutput::Packet(room);
        }
        match self.dtls.poll_output(buf) {
            DtlsOutput::Packet(packet) => {
                self.flight.sent(packet);
                DtlsOutput::Packet(packet)
            }
            DtlsOutput::Connected => {
                self.flight.connected(self.dtls.is_active());
                DtlsOutput::Connected
            }
            DtlsOutput::ApplicationData(packet) => {
                self.flight.end();
                self.unanswered.received(packet);
                DtlsOutput::ApplicationData(packet)
            }
            DtlsOutput::Timeout(at) => {
                let ours = [self.flight.next(self.now), self.unanswered.next(self.now)];
                DtlsOutput::Timeout(ours.into_iter().flatten().fold(at, Instant::min))
            }
            other => other,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        self.dtls.handle_timeout(now)?;
        self.flight.handle_timeout(now);
        while let Some(packet) = self.unanswered.due(now) {
            self.dtls.send_application_data(packet)?;
        }
        Ok(())
    }

    fn send_application_data(&mut self, packet: &[u8]) -> Result<usize, DtlsImplError> {
        let taken = self.dtls.send_application_data(packet)?;
        if taken == packet.len() {
            self.unanswered.sent(packet);
        }
        Ok(taken)
    }

    fn is_active(&self) -> bool {
        self.dtls.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.dtls.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.dtls.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.dtls.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.flight.end();
        self.unanswered.end();
        self.dtls.close()
    }
}
