use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::{Mono, Now, Wall};
use sangam_usp_proto::controller::{Controller, ControllerEvent, ControllerOptions, ControllerOutput, Known};
use sangam_usp_proto::message::{Add, Notification, ObjectSettings, ParamSetting, Request, Response};
use sangam_usp_proto::record::{Record, RecordType};
use sangam_usp_proto::{Connect, UspLimits};

use crate::usp::device::{Context, Device, Parting, Todo};
use crate::usp::quirks::Quirks;
use crate::usp::tally::Tally;
use crate::usp::transfer::{Transfer, TransferFault};
use crate::usp::world::World;

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A device and a controller. What is to be stored is; who is cut off comes back after a second.
pub(super) struct Rig {
    pub(super) device: Device,
    pub(super) tally: Tally,
    pub(super) events: Vec<ControllerEvent>,
    /// What was told and stored.
    pub(super) told: Vec<Notification>,
    pub(super) transfers: Vec<Transfer>,
    controller: Controller,
    controller_due: Option<Mono>,
    now: Mono,
    is_open: bool,
    opens_at: Mono,
    used_session: bool,
}

impl Rig {
    pub(super) fn new(world: World) -> Self {
        Self::of(world, Quirks::NONE)
    }

    pub(super) fn of(world: World, quirks: Quirks) -> Self {
        let device = Device::with(&Arc::new(world), 3, quirks, Mono::ZERO, false);
        let us = "self::ctl".parse().unwrap();
        let controller =
            Controller::new(ControllerOptions::default(), us, device.endpoint.clone(), Known::default(), 40);
        Self {
            device,
            tally: Tally::default(),
            events: Vec::new(),
            told: Vec::new(),
            transfers: Vec::new(),
            controller,
            controller_due: None,
            now: Mono::ZERO,
            is_open: false,
            opens_at: Mono::ZERO,
            used_session: false,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the device ever sent a record of a session context.
    pub(super) const fn used_session(&self) -> bool {
        self.used_session
    }

    /// Lets time pass, with all that happens in it.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.run();
            let device = self.device.due(false);
            let opening = (!self.is_open && self.device.off_until().is_none()).then_some(self.opens_at);
            let next = [device, opening, self.controller_due].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if !self.is_open && self.device.off_until().is_none() && self.opens_at <= self.now {
                self.open();
            }
            self.act(|device, cx| device.handle_timeout(cx, false));
            self.controller.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&mut self, request: Request) -> Response {
        let id = self.controller.request(self.now, request).expect("it is connected");
        self.run();
        let answer = self.events.iter().find_map(|event| match event {
            ControllerEvent::Answered { request, response } if *request == id => Some(response.clone()),
            _ => None,
        });
        answer.unwrap_or_else(|| panic!("no answer: {:?}", self.events))
    }

    /// Asks, whatever comes of it.
    pub(super) fn try_ask(&mut self, request: Request) {
        // An agent that is away cannot be asked.
        drop(self.controller.request(self.now, request));
        self.run();
    }

    pub(super) fn subscribe(&mut self, id: &str, notif_type: &str, references: &str) {
        let settings = [
            ("ID", id),
            ("Enable", "true"),
            ("NotifType", notif_type),
            ("ReferenceList", references),
            ("Persistent", "true"),
            ("NotifRetry", "true"),
        ];
        let param_settings = settings.map(|(name, value)| ParamSetting::required(name, value)).to_vec();
        let object = ObjectSettings { obj_path: "Device.LocalAgent.Subscription.".into(), param_settings };
        self.ask(Request::Add(Add { allow_partial: false, create_objs: vec![object] }));
    }

    pub(super) fn finish_transfers(&mut self, result: Result<(), TransferFault>) {
        for transfer in std::mem::take(&mut self.transfers) {
            self.act(|device, cx| device.transferred(cx, transfer.request, result));
        }
        self.run();
    }

    fn open(&mut self) {
        self.is_open = true;
        self.controller.handle_channel_open(self.now);
        self.act(|device, cx| device.handle_open(cx, &Connect::WebSocket));
        self.run();
    }

    fn close(&mut self) {
        self.is_open = false;
        self.opens_at = self.now + secs(1);
        self.controller.handle_channel_closed(self.now);
        self.act(Device::handle_closed);
    }

    fn act(&mut self, act: impl FnOnce(&mut Device, &mut Context<'_>)) {
        let wall = Wall::from_unix_secs(1_700_000_000) + self.now.since_start();
        let mut cx = Context { now: Now { mono: self.now, wall }, tally: &mut self.tally };
        act(&mut self.device, &mut cx);
    }

    fn run(&mut self) {
        for _ in 0..10_000 {
            let from_device = self.next_of_device();
            if let Some(record) = &from_device {
                self.controller.handle_record(self.now, record);
            }
            let from_controller = self.next_of_controller();
            if let Some(record) = from_controller.as_ref().filter(|_| self.is_open) {
                self.act(|device, cx| device.handle_record(cx, record));
            }
            if from_device.is_none() && from_controller.is_none() {
                return;
            }
        }
        panic!("they never come to rest");
    }

    fn next_of_device(&mut self) -> Option<Bytes> {
        loop {
            match self.device.poll()? {
                Todo::Transmit(record) if self.is_open => {
                    let read = Record::decode_bounded(&record, &UspLimits::default()).expect("a record");
                    self.used_session |= matches!(read.record_type, Some(RecordType::SessionContext(_)));
                    return Some(record);
                }
                Todo::Transmit(_) => {}
                Todo::Transfer(transfer) => self.transfers.push(*transfer),
                Todo::Close(Parting::Orderly | Parting::Dropped | Parting::Told) if self.is_open => self.close(),
                Todo::Close(_) => {}
            }
        }
    }

    fn next_of_controller(&mut self) -> Option<Bytes> {
        loop {
            match self.controller.poll_output() {
                ControllerOutput::Transmit(record) => return Some(record),
                ControllerOutput::Store { token, notify } => {
                    self.told.extend(notify.notification);
                    self.controller.handle_stored(self.now, token, true);
                }
                ControllerOutput::Event(event) => {
                    if matches!(event, ControllerEvent::Identified(_)) {
                        self.controller.continue_onboarding(self.now, false);
                    }
                    self.events.push(event);
                }
                ControllerOutput::Wait(due) => {
                    self.controller_due = due;
                    return None;
                }
            }
        }
    }
}
