use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::stomp::{ClientEvent, ClientOptions, ClientOutput, StompClient};
use secrecy::ExposeSecret as _;

use super::wire::{Step, Wire};
use super::{Caller, Ended, NotOpened};
use crate::usp::server::Server;

/// A connection to a broker of STOMP, or to the controller's own endpoint.
pub(crate) struct StompWay {
    wire: Wire,
    client: StompClient,
    /// Where the controller is.
    destination: String,
    arrived: VecDeque<Bytes>,
    /// Where this agent is reached, once that is known.
    own: Option<String>,
}

/// So that thousands of idle connections are not busy with signs of life.
const HEART_BEAT: Duration = Duration::from_secs(60);

impl StompWay {
    pub(super) async fn open(server: &Server, caller: &Caller<'_>) -> Result<(Self, String), NotOpened> {
        let wire = Wire::new(server.connect(caller.number).await?);
        let mut options = ClientOptions::new(caller.endpoint.clone());
        options.heart_beat = (HEART_BEAT, HEART_BEAT);
        options.destination = Some(caller.named(caller.own_destination, "/queue/{endpoint}"));
        options.credentials = caller.password.map(|it| (caller.user.to_owned(), it.expose_secret().to_owned()));
        let client = StompClient::new(wire.now(), options);
        let destination = caller.named(caller.destination, "/queue/usp.controller");
        let mut it = Self { wire, client, destination, arrived: VecDeque::new(), own: None };
        loop {
            let due = it.drain()?;
            if let Some(own) = it.own.take() {
                it.wire.flush().await?;
                return Ok((it, own));
            }
            it.step(due).await?;
        }
    }

    pub(super) async fn send(&mut self, record: Bytes) -> Result<(), Ended> {
        if !self.client.send(self.wire.now(), &self.destination, record) {
            return Err(Ended("not connected".to_owned()));
        }
        self.drain()?;
        Ok(self.wire.flush().await?)
    }

    pub(super) async fn next(&mut self) -> Result<Bytes, Ended> {
        loop {
            let due = self.drain()?;
            if let Some(record) = self.arrived.pop_front() {
                return Ok(record);
            }
            self.step(due).await?;
        }
    }

    pub(super) async fn close(mut self) {
        self.client.close(self.wire.now());
        // Whoever does not hear it notices the end of the connection.
        drop(self.drain());
        drop(self.wire.flush().await);
    }

    /// Takes what the client has to say.
    fn drain(&mut self) -> Result<Option<Mono>, Ended> {
        loop {
            match self.client.poll_output() {
                ClientOutput::Transmit(bytes) => self.wire.push(&bytes),
                ClientOutput::Event(ClientEvent::Connected { destination }) => self.own = Some(destination),
                ClientOutput::Event(ClientEvent::Record { record, .. }) => self.arrived.push_back(record),
                ClientOutput::Event(ClientEvent::Failed(failure)) => return Err(Ended(failure.to_string())),
                ClientOutput::Event(ClientEvent::NotARecord | ClientEvent::Receipt(_)) => {}
                ClientOutput::Close => return Err(Ended("closed".to_owned())),
                ClientOutput::Wait(due) => return Ok(due),
            }
        }
    }

    async fn step(&mut self, due: Option<Mono>) -> Result<(), Ended> {
        match self.wire.step(due).await? {
            Step::Wrote => {}
            Step::Read => self.client.handle_bytes(self.wire.now(), &self.wire.incoming),
            Step::Due => self.client.handle_timeout(self.wire.now()),
        }
        Ok(())
    }
}
