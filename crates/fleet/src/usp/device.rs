//! One simulated device and its agent, without socket or clock: what happens to it, what it keeps, what it sends.

mod commands;
mod outgoing;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::{Mono, Now};
use sangam_usp_proto::agent::{Agent, AgentEvent, AgentOptions, AgentOutput, DataModel as _};
use sangam_usp_proto::message::{Failure, OnBoardRequest};
use sangam_usp_proto::record::SUPPORTED_VERSIONS;
use sangam_usp_proto::session::SessionOptions;
use sangam_usp_proto::{Connect, EndpointId, ErrorCode, Refusal};

use self::commands::Operation;
use self::outgoing::Outgoing;
use super::quirks::{Quirk, Quirks};
use super::tally::Tally;
use super::transfer::Transfer;
use super::values::Values;
use super::world::World;
use crate::cpe::noise::Dice;

/// A device, on or off. Idle it is a few kilobytes: the data model is shared.
pub(super) struct Device {
    agent: Agent<Values>,
    world: Arc<World>,
    quirks: Quirks,
    pub(super) endpoint: EndpointId,
    dice: Dice,
    /// It is off, and comes back then.
    boot_at: Option<Mono>,
    next_boot: Boot,
    change_at: Option<Mono>,
    operations: Vec<Operation>,
    /// It was told to go off, and will then.
    leaving: Option<(Mono, Leaving)>,
    outgoing: Outgoing,
    todo: VecDeque<Todo>,
    /// When the agent wants to be woken.
    deadline: Option<Mono>,
    is_open: bool,
    /// It stands out that it asks to be taken on.
    asks_on_board: bool,
    /// Whether the controller has ever said something that was understood.
    was_heard: bool,
    was_counted: bool,
}

/// What a device is given with each call.
pub(super) struct Context<'a> {
    pub(super) now: Now,
    pub(super) tally: &'a mut Tally,
}

/// What a device wants done.
#[derive(Debug)]
pub(super) enum Todo {
    /// Send this record.
    Transmit(Bytes),
    /// Fetch or bring this file.
    Transfer(Box<Transfer>),
    /// End the connection.
    Close(Parting),
}

/// How a device ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    /// As one does.
    Orderly,
    /// Without a word, as when a cable is pulled.
    Dropped,
    /// As the controller said goodbye.
    Told,
}

/// Why the next boot is.
#[derive(Debug, Default)]
struct Boot {
    cause: &'static str,
    command_key: String,
    is_firmware_new: bool,
}

#[derive(Debug)]
enum Leaving {
    Reboot(Boot),
    Reset { command_key: String },
}

/// How long a reboot takes, and how much longer at most.
const REBOOT: Duration = Duration::from_secs(2);
const REBOOT_SPREAD: Duration = Duration::from_secs(3);
/// From a command that is answered to its effect.
const LEAVING: Duration = Duration::from_millis(200);
/// Payload bytes of a record of those that send in segments: short, so that what everybody asks for takes several.
const SEGMENT_BYTES: usize = 512;

impl Device {
    /// A device that is switched on at `boot`; one that is `known` does not ask to be taken on.
    pub(super) fn new(world: &Arc<World>, number: u32, boot: Mono, is_known: bool) -> Self {
        let quirks = Quirks::of(world.seed, number, world.quirks);
        Self::with(world, number, quirks, boot, is_known)
    }

    pub(super) fn with(world: &Arc<World>, number: u32, quirks: Quirks, boot: Mono, is_known: bool) -> Self {
        let values = Values::new(Arc::clone(world), number, quirks);
        let endpoint = world.endpoint(number, quirks);
        Self {
            agent: agent(world, &endpoint, values, number),
            world: Arc::clone(world),
            quirks,
            endpoint,
            dice: Dice::new(&[world.seed, u64::from(number), 0xde]),
            boot_at: Some(boot),
            next_boot: Boot { cause: "LocalReboot", ..Boot::default() },
            change_at: None,
            operations: Vec::new(),
            leaving: None,
            outgoing: Outgoing::default(),
            todo: VecDeque::new(),
            deadline: None,
            is_open: false,
            asks_on_board: !is_known,
            was_heard: false,
            was_counted: false,
        }
    }

    pub(super) const fn quirks(&self) -> Quirks {
        self.quirks
    }

    /// When it comes back on; `None`: it is on.
    pub(super) const fn off_until(&self) -> Option<Mono> {
        self.boot_at
    }

    /// Notifications that the controller has not taken.
    pub(super) fn undelivered(&self) -> usize {
        self.agent.waiting()
    }

    /// Commands that go on.
    pub(super) fn unfinished(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing is owed.
    pub(super) fn is_quiet(&self) -> bool {
        let is_done = self.operations.is_empty() && self.leaving.is_none() && self.outgoing.is_empty();
        self.is_open && self.was_heard && is_done && self.agent.waiting() == 0
    }

    /// Whether the controller was heard, once.
    pub(super) fn first_heard(&mut self) -> bool {
        self.was_heard && !std::mem::replace(&mut self.was_counted, true)
    }

    /// When it wants to be woken. While a fleet `is_settling` nothing new begins by itself.
    pub(super) fn due(&self, is_settling: bool) -> Option<Mono> {
        if self.boot_at.is_some() {
            return self.boot_at;
        }
        let leaving = self.leaving.as_ref().map(|(at, _)| *at);
        let operations = self.operations.iter().filter_map(|it| it.due).min();
        let change = self.change_at.filter(|_| !is_settling);
        let sending = self.outgoing.due().filter(|_| self.is_open);
        [leaving, operations, change, sending, self.deadline].into_iter().flatten().min()
    }

    /// What to do next.
    pub(super) fn poll(&mut self) -> Option<Todo> {
        self.todo.pop_front()
    }

    /// There is a connection.
    pub(super) fn handle_open(&mut self, cx: &mut Context<'_>, connect: &Connect) {
        self.is_open = true;
        self.outgoing.handle_open(self.quirks.has(Quirk::NoConnect));
        self.agent.handle_channel_open(cx.now.mono, connect);
        self.settle(cx);
    }

    /// A record came.
    pub(super) fn handle_record(&mut self, cx: &mut Context<'_>, record: &Bytes) {
        cx.tally.records_received += 1;
        cx.tally.received_bytes += record.len() as u64;
        self.enter(cx);
        let faults = self.world.faults;
        let refusal = self.is_faulty(faults).then(|| REFUSALS[self.dice.below(REFUSALS.len() as u64) as usize]);
        self.agent.model_mut().refusal = refusal;
        let before = cx.tally.not_taken.values().sum::<u64>();
        self.agent.handle_record(cx.now.mono, record);
        self.settle(cx);
        let values = self.agent.model_mut();
        values.refusal = None;
        cx.tally.faults.refused += u64::from(std::mem::take(&mut values.refused));
        self.was_heard |= before == cx.tally.not_taken.values().sum::<u64>();
    }

    /// The connection is gone.
    pub(super) fn handle_closed(&mut self, cx: &mut Context<'_>) {
        self.is_open = false;
        self.agent.handle_channel_closed();
        self.outgoing.clear();
        self.todo.retain(|it| matches!(it, Todo::Transfer(_)));
        self.settle(cx);
    }

    /// Time has passed.
    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>, is_settling: bool) {
        let now = cx.now.mono;
        if self.boot_at.is_some_and(|at| at > now) {
            return;
        }
        self.enter(cx);
        if self.boot_at.take().is_some() {
            self.boot(cx);
        }
        self.agent.handle_timeout(now);
        if !is_settling && self.change_at.is_some_and(|at| at <= now) {
            self.change(cx);
            self.plan_change(now);
        }
        self.end_due(cx);
        if self.leaving.as_ref().is_some_and(|(at, _)| *at <= now)
            && let Some((_, leaving)) = self.leaving.take()
        {
            self.leave(cx, leaving);
        }
        self.settle(cx);
    }

    /// Before anything is asked of the model.
    fn enter(&mut self, cx: &Context<'_>) {
        self.agent.model_mut().now = cx.now;
    }

    /// Takes what the agent has to say.
    fn settle(&mut self, cx: &mut Context<'_>) {
        loop {
            match self.agent.poll_output() {
                AgentOutput::Transmit(record) => self.send(cx, record),
                AgentOutput::Event(event) => self.handle_event(cx, event),
                AgentOutput::Wait(deadline) => {
                    self.deadline = deadline;
                    break;
                }
            }
        }
        for (command, command_key) in std::mem::take(&mut self.agent.model_mut().commanded) {
            self.commanded(cx, &command, command_key);
        }
        cx.tally.served(self.agent.take_served());
        self.flush(cx);
    }

    fn handle_event(&mut self, cx: &mut Context<'_>, event: AgentEvent) {
        match event {
            AgentEvent::Operate { request, command, command_key, args } => {
                self.begin(cx, Operation { request, command, command_key, args, due: None });
            }
            AgentEvent::Delivered { subscription_id } => cx.tally.delivered(&subscription_id),
            AgentEvent::Dropped { .. } => cx.tally.given_up += 1,
            AgentEvent::Disconnected(code) => {
                *cx.tally.goodbyes.entry(code.number()).or_default() += 1;
                self.todo.push_back(Todo::Close(Parting::Told));
            }
            AgentEvent::Refused(refusal) => {
                *cx.tally.not_taken.entry(refusal.label()).or_default() += 1;
                cx.tally.broken += u64::from(is_broken(refusal));
            }
            AgentEvent::ValueSet(_) | AgentEvent::Created(_) | AgentEvent::Removed(_) => {}
        }
    }

    /// A command that was answered at once.
    fn commanded(&mut self, cx: &mut Context<'_>, command: &str, command_key: String) {
        let boot = |command_key| Boot { cause: "RemoteReboot", command_key, is_firmware_new: false };
        let leaving = match command {
            "Device.Reboot()" => Leaving::Reboot(boot(command_key)),
            "Device.FactoryReset()" => Leaving::Reset { command_key },
            _ => return,
        };
        self.leaving = Some((cx.now.mono + LEAVING, leaving));
    }

    fn boot(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        cx.tally.boots += 1;
        *cx.tally.happened.entry("Boot!").or_default() += 1;
        self.agent.model_mut().booted = now;
        let Boot { cause, command_key, is_firmware_new } = std::mem::take(&mut self.next_boot);
        if is_firmware_new {
            self.new_firmware(now);
        }
        self.agent.boot(now, cause, &command_key, is_firmware_new);
        if !self.world.interval.is_zero() {
            // Without a time of day every device counts from a moment of its own.
            let first = self.dice.within(self.world.interval).max(Duration::from_secs(1));
            self.agent.set_periodic(now + first);
        }
        if std::mem::replace(&mut self.asks_on_board, self.quirks.has(Quirk::OnBoardsAlways)) {
            *cx.tally.happened.entry("OnBoardRequest").or_default() += 1;
            self.agent.on_board(now);
        }
        self.plan_change(now);
    }

    /// Off, and on again soon: what went on has failed.
    fn leave(&mut self, cx: &mut Context<'_>, leaving: Leaving) {
        let now = cx.now.mono;
        for operation in std::mem::take(&mut self.operations) {
            cx.tally.command(operation.name()).failed += 1;
            let failure =
                Failure { err_msg: "the device was switched off".to_owned(), ..Failure::of(ErrorCode::CommandFailure) };
            self.agent.complete(now, operation.request, Err(failure));
        }
        match leaving {
            Leaving::Reboot(boot) => self.next_boot = boot,
            Leaving::Reset { command_key } => self.reset(cx, command_key),
        }
        self.boot_at = Some(now + REBOOT + self.dice.within(REBOOT_SPREAD));
        // Some say goodbye, some just go.
        if self.is_open && self.dice.below(2) == 0 {
            self.agent.disconnect(now, ErrorCode::Other(0));
        }
        self.settle(cx);
        self.todo.push_back(Todo::Close(Parting::Orderly));
    }

    /// As from the factory: everything is forgotten, also what the controller was to hear.
    fn reset(&mut self, cx: &mut Context<'_>, command_key: String) {
        cx.tally.resets += 1;
        cx.tally.served(self.agent.take_served());
        let old = self.agent.model();
        let (number, versions) = (old.number, old.versions);
        let mut values = Values::new(Arc::clone(&self.world), number, self.quirks);
        values.versions = versions;
        self.agent = agent(&self.world, &self.endpoint, values, number ^ cx.now.mono.since_start().as_millis() as u32);
        self.next_boot = Boot { cause: "RemoteFactoryReset", command_key, is_firmware_new: false };
        self.asks_on_board = true;
    }

    fn plan_change(&mut self, now: Mono) {
        // Exponential, as of things that happen by chance.
        self.change_at = self.world.change_interval.map(|mean| {
            let times = -(1.0 - self.dice.unit()).ln();
            now + mean.mul_f64(times.clamp(0.01, 10.0))
        });
    }

    /// Something changes by itself.
    fn change(&mut self, cx: &mut Context<'_>) {
        let (path, value) = match self.dice.below(5) {
            0 => ("Device.WiFi.Radio.1.Channel", (1 + self.dice.below(11)).to_string()),
            1 => ("Device.Hosts.Host.1.Active", (self.dice.below(2) == 0).to_string()),
            _ => ("Device.IP.Interface.1.IPv4Address.1.IPAddress", {
                format!("198.19.{}.{}", self.dice.below(256), 1 + self.dice.below(254))
            }),
        };
        if self.agent.model().value(path).is_none_or(|held| held == value) {
            return;
        }
        cx.tally.changes += 1;
        *cx.tally.happened.entry("ValueChange").or_default() += 1;
        // A device may do what a controller may not: what it does not take is not told.
        let _: Result<(), ErrorCode> = self.agent.set_value(cx.now.mono, path, &value);
    }

    fn new_firmware(&mut self, now: Mono) {
        let versions = self.agent.model().versions + 1;
        let version = format!("1.{versions}.0");
        // A model that cannot take it does not tell it.
        let _: Result<(), ErrorCode> = self.agent.set_value(now, "Device.DeviceInfo.SoftwareVersion", &version);
        self.agent.model_mut().versions = versions;
    }

    fn is_faulty(&mut self, share: f64) -> bool {
        share > 0.0 && self.dice.unit() < share
    }
}

fn agent(world: &World, endpoint: &EndpointId, values: Values, salt: u32) -> Agent<Values> {
    let quirks = values.quirks;
    let identity = world.identity(values.number, quirks);
    let supported_versions = if quirks.has(Quirk::OldVersion) { "1.0,1.1,1.2,1.3" } else { SUPPORTED_VERSIONS };
    let mut dice = Dice::new(&[world.seed, u64::from(values.number), 0x5e55]);
    let has_session = dice.unit() < world.sessions;
    let options = AgentOptions {
        session: has_session.then(|| SessionOptions { segment_bytes: SEGMENT_BYTES, ..SessionOptions::default() }),
        begins_session: has_session,
        supported_versions: supported_versions.to_owned(),
        on_board: OnBoardRequest {
            oui: identity.oui,
            product_class: identity.product_class,
            serial_number: identity.serial_number,
            agent_supported_protocol_versions: supported_versions.to_owned(),
        },
        ..AgentOptions::default()
    };
    let seed = Dice::new(&[world.seed, u64::from(salt), 0xa9e7]).throw();
    Agent::new(options, endpoint.clone(), world.controller.clone(), values, seed)
}

/// What no controller may send, whatever went wrong on the way.
const fn is_broken(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Record(_)
            | Refusal::Message(_)
            | Refusal::NotForUs
            | Refusal::NotFromPeer
            | Refusal::Secured
            | Refusal::NotServed
    )
}

/// With what agents refuse for no reason that one sees.
const REFUSALS: [ErrorCode; 4] =
    [ErrorCode::InternalError, ErrorCode::ResourcesExceeded, ErrorCode::PermissionDenied, ErrorCode::CommandFailure];

#[cfg(test)]
mod tests;
