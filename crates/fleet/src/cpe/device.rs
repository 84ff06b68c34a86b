//! One simulated CPE, without socket or clock: what happens to it, when it wants a session, what it keeps.

mod binding;
mod diagnostics;
mod notices;
mod periodic;

use std::time::Duration;

use sangam_auth::digest::DigestClient;
use sangam_cwmp_proto::message::Operation;
use sangam_cwmp_proto::{EventCode, EventStruct, FaultCode, Message};
use sangam_types::{Mono, Now};

use super::ledger::{Deed, Done};
use super::noise::Dice;
use super::quirks::{Quirk, Quirks};
use super::session::Session;
use super::tally::Tally;
use super::transfer::{Transfer, TransferStage};
use super::tree::{Differences, Facts, Slot, Tree, WAVE};
use super::world::World;

/// A device between and in its sessions. Idle it is some hundred bytes: the model is shared.
pub(super) struct Device {
    pub(super) facts: Facts,
    pub(super) quirks: Quirks,
    pub(super) dice: Dice,
    pub(super) differences: Differences,
    /// Not delivered yet.
    pub(super) events: Vec<EventStruct>,
    pub(super) transfers: Vec<Transfer>,
    /// Deployment units that were changed, and the ACS was not told: command keys and operations.
    pub(super) unit_changes: Vec<(String, Vec<Operation>)>,
    /// What else it has to say, until the ACS has answered.
    pub(super) notice: Option<Box<Message>>,
    /// Informs that the ACS asked for.
    pub(super) scheduled: Vec<(Mono, Box<str>)>,
    /// Diagnostics that run, by their `DiagnosticsState`.
    pub(super) diagnostics: Vec<(Mono, Slot)>,
    pub(super) digest: Option<Box<DigestClient>>,
    pub(super) session: Option<Box<Session>>,
    /// Sessions that failed in a row.
    pub(super) failures: u32,
    /// Nothing before then: it waits to try again.
    pub(super) hold_until: Mono,
    /// It is off, and comes back then.
    pub(super) boot_at: Option<Mono>,
    pub(super) periodic_at: Option<Mono>,
    change_at: Option<Mono>,
    watch_at: Option<Mono>,
    /// Whether its first Inform was acknowledged.
    pub(super) was_heard: bool,
    was_counted: bool,
    /// A Reboot that is due after the session, with the key of its command.
    pub(super) reboot: Option<Box<str>>,
    pub(super) is_to_reset: bool,
    /// The address changed, and the ACS was not told.
    pub(super) address_changed: bool,
    pub(super) software_changed: bool,
    pub(super) binding_changed: bool,
}

/// What a device is given with each call.
pub(super) struct Context<'a> {
    pub(super) now: Now,
    pub(super) world: &'a World,
    pub(super) tally: &'a mut Tally,
}

/// What a device wants that woke up.
#[derive(Debug)]
pub(super) enum Wake {
    /// Nothing now.
    Idle,
    /// To begin a session.
    Session,
    /// To fetch or bring this file.
    Transfer(Box<Transfer>),
}

/// How long a reboot takes.
const REBOOT: Duration = Duration::from_secs(2);
/// And how much longer at most.
const REBOOT_SPREAD: Duration = Duration::from_secs(3);

impl Device {
    /// A device that is switched on at `boot`; one that is `known` was here before, and does not say `0 BOOTSTRAP`.
    pub(super) fn new(world: &World, number: u32, boot: Mono, is_known: bool, tally: &mut Tally) -> Self {
        let quirks = Quirks::of(world.seed, number, world.quirks);
        let mut it = Self {
            facts: Facts { number, has_small_oui: quirks.has(Quirk::SmallOui), ..Facts::default() },
            quirks,
            dice: Dice::new(&[world.seed, u64::from(number), 1]),
            differences: Differences::default(),
            events: Vec::new(),
            transfers: Vec::new(),
            unit_changes: Vec::new(),
            notice: None,
            scheduled: Vec::new(),
            diagnostics: Vec::new(),
            digest: None,
            session: None,
            failures: 0,
            hold_until: Mono::ZERO,
            boot_at: Some(boot),
            periodic_at: None,
            change_at: None,
            watch_at: None,
            was_heard: false,
            was_counted: false,
            reboot: None,
            is_to_reset: false,
            address_changed: false,
            software_changed: false,
            binding_changed: false,
        };
        if !is_known {
            it.raise(tally, EventCode::Bootstrap, "");
        }
        it
    }

    /// When it wants to be woken. While a fleet `is_settling` nothing new begins by itself.
    pub(super) fn due(&self, is_settling: bool) -> Option<Mono> {
        if self.boot_at.is_some() {
            return self.boot_at;
        }
        let session = (!self.events.is_empty()).then_some(self.hold_until);
        let transfers = self.transfers.iter().filter_map(|it| match it.stage {
            TransferStage::Waiting(at) => Some(at),
            TransferStage::Running(_) | TransferStage::Ended { .. } => None,
        });
        let diagnostics = self.diagnostics.iter().map(|(at, _)| *at);
        let owed = session.into_iter().chain(transfers).chain(diagnostics).min();
        if is_settling {
            return owed;
        }
        let scheduled = self.scheduled.iter().map(|(at, _)| *at).min();
        [owed, scheduled, self.periodic_at, self.change_at, self.watch_at].into_iter().flatten().min()
    }

    /// Has what is due happen, and says what the device wants then.
    pub(super) fn wake(&mut self, cx: &mut Context<'_>) -> Wake {
        let now = cx.now.mono;
        if self.boot_at.is_some_and(|at| at > now) {
            return Wake::Idle;
        }
        if self.boot_at.take().is_some() {
            self.boot(cx);
        }
        self.live(cx);
        let starting = self.transfers.iter_mut().find(|it| matches!(it.stage, TransferStage::Waiting(at) if at <= now));
        if let Some(transfer) = starting {
            transfer.stage = TransferStage::Running(cx.now.wall);
            return Wake::Transfer(Box::new(transfer.clone()));
        }
        if self.events.is_empty() || self.hold_until > now { Wake::Idle } else { Wake::Session }
    }

    /// What happens by itself with time.
    fn live(&mut self, cx: &mut Context<'_>) {
        let now = cx.now.mono;
        if self.periodic_at.is_some_and(|at| at <= now) {
            self.raise(cx.tally, EventCode::Periodic, "");
            self.plan_periodic(cx);
        }
        if self.change_at.is_some_and(|at| at <= now) {
            self.facts.addresses += 1;
            self.address_changed = true;
            cx.tally.changes += 1;
            self.raise(cx.tally, EventCode::ValueChange, "");
            self.plan_change(cx);
        }
        let due: Vec<Box<str>> =
            self.scheduled.extract_if(.., |(at, _)| *at <= now).map(|(_, command_key)| command_key).collect();
        for command_key in due {
            self.raise(cx.tally, EventCode::Scheduled, "");
            self.raise(cx.tally, EventCode::Method("ScheduleInform".to_owned()), &command_key);
        }
        self.end_diagnostics(cx);
        if self.watch_at.is_some_and(|at| at <= now) {
            self.look_at_watched(cx);
        }
    }

    /// Something happened that the ACS is to hear of. What waits already is not said twice.
    pub(super) fn raise(&mut self, tally: &mut Tally, code: EventCode, command_key: &str) {
        if self.events.iter().any(|it| it.code == code && it.command_key == command_key) {
            return;
        }
        tally.event(&code).raised += 1;
        self.events.push(EventStruct { code, command_key: command_key.to_owned() });
    }

    fn boot(&mut self, cx: &mut Context<'_>) {
        cx.tally.boots += 1;
        self.facts.booted = cx.now.mono;
        self.hold_until = cx.now.mono;
        self.failures = 0;
        self.raise(cx.tally, EventCode::Boot, "");
        if self.events.iter().any(|event| event.code == EventCode::Bootstrap) {
            self.meet(cx);
        }
        // Without a time of day every device counts from a moment of its own.
        self.plan_periodic(cx);
        self.plan_change(cx);
        self.plan_watch(cx.world, cx.now);
    }

    /// Whether it was heard, once.
    pub(super) fn first_heard(&mut self) -> bool {
        self.was_heard && !std::mem::replace(&mut self.was_counted, true)
    }

    /// Somebody asked for a session now. Whether there will be one.
    pub(super) fn request_connection(&mut self, cx: &mut Context<'_>) -> bool {
        if self.boot_at.is_some() {
            return false;
        }
        self.raise(cx.tally, EventCode::ConnectionRequest, "");
        self.hold_until = cx.now.mono;
        true
    }

    /// A transfer that was to run did.
    pub(super) fn transferred(&mut self, cx: &mut Context<'_>, result: Result<(), FaultCode>) {
        let running = self.transfers.iter_mut().find(|it| matches!(it.stage, TransferStage::Running(_)));
        let Some(transfer) = running else { return };
        let TransferStage::Running(began) = transfer.stage else { return };
        transfer.stage = TransferStage::Ended { began, ended: cx.now.wall, fault: result.err() };
        let is_firmware = transfer.is_download && transfer.file_type.starts_with("1 ");
        cx.tally.transfers_ended += 1;
        let command_key = transfer.command_key.clone();
        let method = transfer.method;
        self.note_done(cx, method, &command_key, result.is_ok());
        if let Err(code) = result {
            *cx.tally.transfers_failed.entry(code.number()).or_default() += 1;
        } else if is_firmware {
            self.facts.versions += 1;
            self.software_changed = true;
            self.raise(cx.tally, EventCode::ValueChange, "");
            self.switch_off(cx, None);
        }
        self.tell_of_ended(cx.tally);
    }

    /// What an ACS ordered was done, well or not: for the account of tasks.
    pub(super) fn note_done(&self, cx: &mut Context<'_>, method: &'static str, key: &str, is_good: bool) {
        let number = self.facts.number;
        if cx.world.is_audited {
            let deed = match method {
                "FactoryReset" => Some(Deed { device: number, what: Done::Reset, is_good }),
                _ => Deed::of_key(number, key, is_good),
            };
            cx.tally.deeds.extend(deed);
        }
    }

    /// Raises the events of what has ended and is not acknowledged.
    pub(super) fn tell_of_ended(&mut self, tally: &mut Tally) {
        let ended: Vec<(&'static str, String)> = (self.transfers.iter())
            .filter(|it| matches!(it.stage, TransferStage::Ended { .. }))
            .map(|it| (it.method, it.command_key.clone()))
            .collect();
        for (method, command_key) in ended {
            self.raise(tally, EventCode::TransferComplete, "");
            self.raise(tally, EventCode::Method(method.to_owned()), &command_key);
        }
        let changed: Vec<String> = self.unit_changes.iter().map(|(command_key, _)| command_key.clone()).collect();
        for command_key in changed {
            self.raise(tally, EventCode::DuStateChangeComplete, "");
            self.raise(tally, EventCode::Method("ChangeDUState".to_owned()), &command_key);
        }
        if let Some(code) = self.notice.as_deref().and_then(notices::event_of) {
            self.raise(tally, code, "");
        }
    }

    /// Off, and on again soon.
    pub(super) fn switch_off(&mut self, cx: &mut Context<'_>, command_key: Option<&str>) {
        let wait = REBOOT + self.dice.within(REBOOT_SPREAD);
        self.boot_at = Some(cx.now.mono + wait);
        self.diagnostics.clear();
        if let Some(command_key) = command_key {
            self.raise(cx.tally, EventCode::Method("Reboot".to_owned()), command_key);
        }
    }

    /// As from the factory: everything is forgotten, also what the ACS was to hear.
    pub(super) fn reset(&mut self, cx: &mut Context<'_>) {
        cx.tally.resets += 1;
        self.note_done(cx, "FactoryReset", "", true);
        for event in self.events.drain(..) {
            cx.tally.event(&event.code).discarded += 1;
        }
        self.differences = Differences::default();
        self.digest = None;
        self.transfers.clear();
        self.unit_changes.clear();
        self.notice = None;
        self.scheduled.clear();
        (self.address_changed, self.software_changed, self.binding_changed) = (false, false, false);
        self.raise(cx.tally, EventCode::Bootstrap, "");
        self.switch_off(cx, None);
    }

    pub(super) fn tree<'a>(&'a self, world: &'a World, now: Now) -> Tree<'a> {
        let model = world.model(self.facts.number);
        Tree { world, model, differences: &self.differences, facts: self.facts, now }
    }

    fn plan_change(&mut self, cx: &Context<'_>) {
        // Exponential, as of things that happen by chance.
        self.change_at = cx.world.change_interval.map(|mean| {
            let times = -(1.0 - self.dice.unit()).ln();
            cx.now.mono + mean.mul_f64(times.clamp(0.01, 10.0))
        });
    }

    /// Values that change all the time are looked at while somebody wants to know.
    pub(super) fn plan_watch(&mut self, world: &World, now: Now) {
        let tree = self.tree(world, now);
        let is_active = self.differences.watched.iter().any(|it| it.notification == 2 && is_moving(&tree, it.slot));
        self.watch_at = is_active.then(|| now.mono + WAVE);
    }

    fn look_at_watched(&mut self, cx: &mut Context<'_>) {
        let tree = self.tree(cx.world, cx.now);
        let mut active = self.differences.watched.iter().filter(|it| it.notification == 2);
        if active.any(|it| tree.value(it.slot) != *it.told) {
            cx.tally.changes += 1;
            self.raise(cx.tally, EventCode::ValueChange, "");
        }
        self.plan_watch(cx.world, cx.now);
    }
}

/// Whether a value changes by itself.
fn is_moving(tree: &Tree<'_>, slot: Slot) -> bool {
    use super::model::Content;
    let content = tree.parameter(slot).map(|it| &it.content);
    matches!(content, Some(Content::Counter | Content::Signal | Content::Small | Content::Uptime | Content::Time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_device_is_small() {
        let world = World::of_test(1);
        let mut tally = Tally::default();
        let mut device = Device::new(&world, 0, Mono::ZERO, false, &mut tally);
        device.events = Vec::new();
        let named = world.model(0).named;
        // What our own ACS sets of every device.
        for index in [named.user, named.password, named.request_user, named.request_password, named.periodic_time] {
            device.differences.set(Slot::fixed(index), "0123456789abcdef0123456789abcdef");
        }
        let slots = 8 * (size_of::<Slot>() + size_of::<Box<str>>());
        let held = size_of::<Device>() + slots + 5 * 48 + size_of::<DigestClient>() + 1_024;
        assert!(held <= 2_048, "{held}");
    }
}
