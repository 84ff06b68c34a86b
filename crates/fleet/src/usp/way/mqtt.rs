use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::mqtt::{MqttClient, MqttEvent, MqttOptions, MqttOutput};
use sangam_usp_proto::record::MqttVersion;
use secrecy::ExposeSecret as _;

use super::wire::{Step, Wire};
use super::{Caller, Ended, NotOpened};
use crate::usp::server::Server;

/// A connection to a broker of MQTT.
pub(crate) struct MqttWay {
    wire: Wire,
    client: MqttClient,
    /// The topic of the controller.
    topic: String,
    /// The topic of this agent.
    own: String,
    /// Records that came, with what the broker is told once they are taken.
    arrived: VecDeque<(Bytes, Option<u16>)>,
    /// Records that the client had no room for.
    waiting: VecDeque<Bytes>,
}

/// So that thousands of idle connections are not busy with signs of life.
const KEEP_ALIVE: Duration = Duration::from_secs(240);
const WAITING_MAX: usize = 1_024;

impl MqttWay {
    /// Connects and subscribes; the topic at which the agent awaits records comes along.
    pub(super) async fn open(
        server: &Server,
        caller: &Caller<'_>,
        version: MqttVersion,
    ) -> Result<(Self, String), NotOpened> {
        let wire = Wire::new(server.connect(caller.number).await?);
        let own = caller.named(caller.own_destination, "usp/agent/{endpoint}");
        let mut options = MqttOptions::new(version, caller.endpoint.clone());
        options.client_id = caller.endpoint.to_string();
        options.response_topic = Some(own);
        options.keep_alive = KEEP_ALIVE;
        options.credentials = caller.password.map(|it| (caller.user.to_owned(), it.expose_secret().to_owned()));
        let client = MqttClient::new(wire.now(), options);
        let topic = caller.named(caller.destination, "usp/controller");
        let (arrived, waiting) = (VecDeque::new(), VecDeque::new());
        let mut it = Self { wire, client, topic, own: String::new(), arrived, waiting };
        loop {
            let due = it.drain()?;
            if !it.own.is_empty() {
                it.wire.flush().await?;
                let own = it.own.clone();
                return Ok((it, own));
            }
            it.step(due).await?;
        }
    }

    pub(super) async fn send(&mut self, record: Bytes) -> Result<(), Ended> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(Ended("it takes nothing".to_owned()));
        }
        self.waiting.push_back(record);
        self.publish();
        self.drain()?;
        Ok(self.wire.flush().await?)
    }

    pub(super) async fn next(&mut self) -> Result<Bytes, Ended> {
        loop {
            self.publish();
            let due = self.drain()?;
            if let Some((record, receipt)) = self.arrived.pop_front() {
                if let Some(receipt) = receipt {
                    self.client.taken(self.wire.now(), receipt);
                }
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

    fn publish(&mut self) {
        while self.client.has_room()
            && let Some(record) = self.waiting.pop_front()
        {
            self.client.publish(self.wire.now(), &self.topic, Some(&self.own), &record);
        }
    }

    /// Takes what the client has to say.
    fn drain(&mut self) -> Result<Option<Mono>, Ended> {
        loop {
            match self.client.poll_output() {
                MqttOutput::Transmit(bytes) => self.wire.push(&bytes),
                MqttOutput::Event(MqttEvent::Connected { reply_to }) => self.own = reply_to,
                MqttOutput::Event(MqttEvent::Record { record, receipt, .. }) => {
                    self.arrived.push_back((record, receipt));
                }
                MqttOutput::Event(MqttEvent::Failed(failure)) => return Err(Ended(failure.to_string())),
                // What the broker does not take nobody is told: notifications are told again.
                MqttOutput::Event(MqttEvent::NotARecord | MqttEvent::Confirmed(_) | MqttEvent::Rejected(..)) => {}
                MqttOutput::Close => return Err(Ended("closed".to_owned())),
                MqttOutput::Wait(due) => return Ok(due),
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
