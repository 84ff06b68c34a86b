use std::sync::Arc;

use bytes::Bytes;
use sangam_device_proto::DeviceId;
use sangam_device_proto::device::Seen;
use sangam_types::Mono;
use sangam_usp_proto::controller::{
    Controller, ControllerEvent, ControllerOutput, Identity, OnboardingStep, RequestFailure,
};
use sangam_usp_proto::mtp::websocket::close_code;
use sangam_usp_proto::{ErrorCode, Refusal};

use super::agents::Agent;
use super::hub::Hub;
use super::link::{Closing, LinkRefused, Shown};
use super::schema;
use super::work::Current;
use crate::aftermath;
use crate::reading::read;

/// As which device an agent is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody knows yet who it is.
    Stranger,
    /// An operator has to say whether it is one of ours.
    Waiting(DeviceId),
    /// As one of ours.
    Served(DeviceId),
}

impl Standing {
    pub(super) const fn device(self) -> Option<DeviceId> {
        match self {
            Self::Stranger => None,
            Self::Waiting(device) | Self::Served(device) => Some(device),
        }
    }
}

/// What is kept of an agent while it is connected.
pub(super) struct Desk {
    pub(super) controller: Controller,
    pub(super) standing: Standing,
    pub(super) seen: Seen,
    pub(super) shown: Shown,
    /// The versions of USP that it speaks, until they are stored.
    pub(super) versions: Option<Box<str>>,
    /// Who it said that it is, while it waits for an operator.
    pub(super) identity: Option<Box<Identity>>,
    /// It is connected, and was asked all that is asked first.
    pub(super) ready: bool,
    /// It is to be looked for tasks.
    pub(super) look: bool,
    /// What was lost with a way before this one has been settled.
    pub(super) settled: bool,
    /// Nobody waits any longer to hear who it is.
    pub(super) patience: Option<Mono>,
    /// When a task is due that is not yet.
    pub(super) again: Option<Mono>,
    pub(super) current: Option<Box<Current>>,
    closed: bool,
}

impl Desk {
    pub(super) fn new(controller: Controller, standing: Standing, seen: Seen, shown: Shown, patience: Mono) -> Self {
        Self {
            controller,
            standing,
            seen,
            shown,
            versions: None,
            identity: None,
            ready: false,
            look: false,
            settled: false,
            patience: (standing == Standing::Stranger).then_some(patience),
            again: None,
            current: None,
            closed: false,
        }
    }

    /// Whether a task is under way.
    pub(super) const fn is_busy(&self) -> bool {
        self.current.is_some()
    }
}

/// A desk, and what is worked on it with.
pub(super) struct Talk<'a> {
    pub(super) hub: &'a Arc<Hub>,
    pub(super) agent: &'a Arc<Agent>,
    pub(super) desk: &'a mut Desk,
}

impl Talk<'_> {
    /// A record came.
    pub(super) async fn record(&mut self, bytes: Bytes) -> Result<(), LinkRefused> {
        if self.desk.closed {
            return Err(LinkRefused::Replaced);
        }
        self.hub.service.metrics.usp.record_came(bytes.len());
        self.desk.controller.handle_record(self.now(), &bytes);
        let refusal = self.drive().await;
        match refusal {
            Some(refusal) if close_code(refusal).is_some() => Err(LinkRefused::Record(refusal)),
            _ if self.desk.closed => Err(LinkRefused::Replaced),
            Some(refusal) => Err(LinkRefused::Record(refusal)),
            None => Ok(()),
        }
    }

    /// Its time has come, or somebody wants it looked at.
    pub(super) async fn wake(&mut self) {
        if self.desk.closed {
            return;
        }
        let now = self.now();
        if self.agent.take_poke() {
            self.desk.look = true;
            self.look_at_device().await;
        }
        if self.desk.standing == Standing::Stranger && self.desk.patience.is_some_and(|until| until <= now) {
            self.hub.service.metrics.usp.refused("silent_stranger");
            return self.close(Some(Closing::Refused)).await;
        }
        if self.desk.again.is_some_and(|at| at <= now) {
            self.desk.again = None;
            self.desk.look = true;
        }
        self.desk.controller.handle_timeout(now);
        self.drive().await;
    }

    /// The way is gone, or is ended by us for that reason; what was asked and not answered is settled as that.
    pub(super) async fn close(&mut self, why: Option<Closing>) {
        if self.desk.closed {
            return;
        }
        let now = self.now();
        match why {
            None | Some(Closing::Replaced | Closing::Stuck | Closing::Unreadable) => {
                self.desk.controller.handle_channel_closed(now);
            }
            Some(Closing::Refused) => {
                self.desk.controller.disconnect(now, Some(ErrorCode::PermissionDenied), "the device is not served");
            }
            Some(Closing::Draining) => self.desk.controller.disconnect(now, None, "the controller ends; come back"),
        }
        self.desk.ready = false;
        self.take_outputs().await;
        self.desk.closed = true;
        if let Some(why) = why {
            self.agent.link.close(why);
        }
        self.hub.service.agents.remove(self.agent);
        let transport = super::agents::transport(&self.agent.link.connect());
        self.hub.service.metrics.usp.disconnected(transport, why.map_or("gone", Closing::label));
    }

    /// Does what there is to do until nothing is left; why something that came was not taken.
    async fn drive(&mut self) -> Option<Refusal> {
        let mut refusal = None;
        loop {
            refusal = refusal.or(self.take_outputs().await);
            if self.desk.closed {
                return refusal;
            }
            if self.desk.ready && self.desk.current.is_none() && std::mem::take(&mut self.desk.look) {
                self.begin_work().await;
                continue;
            }
            let agents = &self.hub.service.agents;
            agents.wake_at(self.agent, self.deadline());
            if !self.agent.take_poke() {
                return refusal;
            }
            self.desk.look = true;
            self.look_at_device().await;
        }
    }

    fn deadline(&mut self) -> Option<Mono> {
        let controller = match self.desk.controller.poll_output() {
            ControllerOutput::Wait(deadline) => deadline,
            // All of it was taken.
            _ => Some(self.now()),
        };
        let stranger = self.desk.patience.filter(|_| self.desk.standing == Standing::Stranger);
        controller.into_iter().chain(stranger).chain(self.desk.again).min()
    }

    async fn take_outputs(&mut self) -> Option<Refusal> {
        let mut refusal = None;
        loop {
            match self.desk.controller.poll_output() {
                ControllerOutput::Transmit(record) => self.transmit(record),
                ControllerOutput::Store { token, notify } => {
                    let is_stored = self.notified(notify).await;
                    self.desk.controller.handle_stored(self.now(), token, is_stored);
                }
                ControllerOutput::Event(ControllerEvent::Refused(why)) => {
                    self.hub.service.metrics.usp.refused(why.label());
                    refusal = refusal.or(Some(why));
                }
                ControllerOutput::Event(event) => self.happened(event).await,
                ControllerOutput::Wait(_) => return refusal,
            }
        }
    }

    fn transmit(&mut self, record: Bytes) {
        if self.desk.closed {
            return;
        }
        self.hub.service.metrics.usp.record_left(record.len());
        if !self.agent.link.send(record) {
            // The transport ends it, and with that the desk is closed.
            self.agent.link.close(Closing::Stuck);
        }
    }

    async fn happened(&mut self, event: ControllerEvent) {
        let usp = &self.hub.service.metrics.usp;
        match event {
            ControllerEvent::Connected(_) => {
                self.desk.ready = false;
                self.heard();
            }
            ControllerEvent::Disconnected { code, reason } => {
                let code = code.map(ErrorCode::number);
                tracing::debug!(agent = %self.agent.endpoint, code, reason, "an agent went");
                self.desk.ready = false;
            }
            ControllerEvent::Answered { request, response } => self.answered(&request, response).await,
            ControllerEvent::Failed { request, failure } => self.failed(&request, failure).await,
            ControllerEvent::Protocol(versions) => self.desk.versions = Some(versions.into()),
            ControllerEvent::Identified(identity) => self.identified(identity).await,
            ControllerEvent::Schema(model) => self.learn(&model).await,
            ControllerEvent::Subscribing { added, changed, removed } => usp.subscribing(added, changed, removed),
            ControllerEvent::OnboardingFailed { step, failure } => self.step_failed(step, &failure).await,
            ControllerEvent::Onboarded => self.onboarded().await,
            ControllerEvent::SessionRestarted { reason, .. } => usp.session_restarted(reason.label()),
            // Counted where it is taken.
            ControllerEvent::Refused(_) => {}
        }
    }

    /// It was asked all that is asked first.
    async fn onboarded(&mut self) {
        self.desk.look = true;
        self.desk.ready = matches!(self.desk.standing, Standing::Served(_));
        if let Standing::Served(device) = self.desk.standing {
            aftermath::connected(&self.hub.service, device).await;
        }
    }

    async fn step_failed(&mut self, step: OnboardingStep, failure: &RequestFailure) {
        self.hub.service.metrics.usp.onboarding_failed(step_name(step), failure.label());
        tracing::debug!(agent = %self.agent.endpoint, ?step, %failure, "a question to an agent was not answered");
        if step == OnboardingStep::Identity && self.desk.standing == Standing::Stranger {
            // Its endpoint id may say enough.
            self.identified(Identity::default()).await;
        }
    }

    async fn learn(&mut self, model: &sangam_usp_proto::message::GetSupportedDmResp) {
        let Standing::Served(device) = self.desk.standing else { return };
        let service = &self.hub.service;
        let learnt = async {
            match read(&service.readers, move |snapshot| snapshot.device(device)).await? {
                Some(device) => schema::learn(service, &device, model).await,
                None => Ok(0),
            }
        };
        match learnt.await {
            Ok(left_out) => service.metrics.reported(0, left_out),
            Err(error) => super::work::not_stored(&error),
        }
    }

    /// The agent said something.
    pub(super) fn heard(&mut self) {
        if let Standing::Served(device) = self.desk.standing {
            let service = &self.hub.service;
            let boot_ms = service.seen.get(device).map_or(0, |seen| seen.boot_ms).max(self.desk.seen.boot_ms);
            // What its last Inform said may be another now: the next one is compared whole.
            self.desk.seen = Seen { last_ms: service.now_ms(), boot_ms, ..Seen::default() };
            service.seen.note(device, self.desk.seen);
        }
    }

    pub(super) fn now(&self) -> Mono {
        self.hub.service.mono()
    }
}

fn step_name(step: OnboardingStep) -> &'static str {
    match step {
        OnboardingStep::Protocol => "protocol",
        OnboardingStep::Identity => "identity",
        OnboardingStep::Schema => "schema",
        OnboardingStep::Subscriptions => "subscriptions",
        OnboardingStep::Subscribe => "subscribe",
    }
}
