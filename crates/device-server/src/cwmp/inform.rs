use sangam_auth::digest::Refusal as NotProven;
use sangam_cwmp_proto::EventCode;
use sangam_cwmp_proto::session::InformFacts;
use sangam_device_proto::device::{Device, Seen, State};
use sangam_device_proto::enrol::{self, Enrolment, Proof, Refusal};
use sangam_device_proto::identity::DeviceKey;
use sangam_device_proto::schema::SchemaKey;
use sangam_storage::StoreError;
use sangam_storage::devices::{Change, EventId, EventRow, Outcome, Row};

use super::authorization::Shown;
use super::device_facts::{fingerprint, key_of, learn};
use super::values;
use crate::aftermath::Happened;
use crate::certificate::Names;
use crate::changes::{Changed, Moment};
use crate::heads::Head;
use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;

/// How often a change is made anew when somebody else changed the device meanwhile.
const ATTEMPTS_MAX: usize = 4;

/// What became of an Inform.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is durable, and its device is one of ours.
    Served {
        /// The device, as it is stored.
        device: Box<Device>,
        /// Whether it is to be told what it logs in with from now on.
        rotated: bool,
        /// Since when no task waits for it, if that is known.
        idle_since: Option<Moment>,
    },
    /// It is durable, and an operator has to say whether the device is one of ours.
    Waiting(Box<Device>),
    /// The device has to prove who it is.
    Challenge(NotProven),
    /// It is refused, whatever it proves.
    Forbidden(&'static str),
    /// It could not be made durable.
    Failed,
}

/// How it is known who sent an Inform.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trust<'a> {
    /// By what it shows.
    Shown(&'a Shown),
    /// It goes on in a session in which it has proven that.
    Session {
        /// It was to be told there what it logs in with, and was not yet.
        owes_login: bool,
    },
}

/// Decides whether an Inform is taken, and makes durable what it says.
pub(super) async fn take(service: &Service, facts: &InformFacts, trust: Trust<'_>) -> Taken {
    let Ok(key) = key_of(&facts.inform) else { return Taken::Forbidden("bad_identity") };
    let kept = service.heads.get(&key, &service.seen.changes);
    let mut known = match kept {
        Some(kept) => Some(kept),
        None => match look_up(service, &key).await {
            Ok(found) => found,
            Err(error) => return failed(&error.into()),
        },
    };
    let shown = match trust {
        Trust::Session { .. } => Ok(Proof::Own { next: false }),
        Trust::Shown(shown) => {
            let device = known.as_ref().map(|head| &head.device);
            match shown.certificate_names(service, &key, device) {
                Names::It => Ok(Proof::Certificate),
                Names::Another => return Taken::Forbidden("certificate_of_another"),
                Names::Nobody => shown.proof(service, device),
            }
        }
    };
    let (proof, not_proven) = match shown {
        Ok(proof) => (proof, NotProven::Missing),
        Err(refusal) => (Proof::Nothing, refusal),
    };
    for _ in 0..ATTEMPTS_MAX {
        let device = known.as_ref().map(|head| &head.device);
        let enrolment = match trust {
            Trust::Session { owes_login } if device.is_some_and(|device| device.state == State::Enrolled) => {
                Enrolment::Serve { rotate: owes_login }
            }
            _ => enrol::decide(&service.live.load().enrol, device, proof, service.population.pending()),
        };
        let (state, rotate) = match enrolment {
            Enrolment::Serve { rotate } | Enrolment::Enrol { rotate } => (State::Enrolled, rotate),
            Enrolment::Wait { .. } => (State::Pending, false),
            Enrolment::Refuse(why) => {
                login_refused(service, device, not_proven);
                return refused(why, not_proven);
            }
        };
        if known.is_none() && service.population.all() >= service.options.devices_max {
            return Taken::Forbidden("devices_full");
        }
        let plan = Plan { facts, key: &key, known: device, proof, state, rotate };
        match plan.store(service).await {
            Ok(Some((device, _))) if state == State::Pending => return Taken::Waiting(Box::new(device)),
            Ok(Some((device, noted))) => {
                if matches!(enrolment, Enrolment::Enrol { .. }) {
                    service.metrics.enrolled();
                }
                let idle_since = known.as_ref().and_then(|head| keep(service, head, &device, noted));
                return Taken::Served { device: Box::new(device), rotated: rotate, idle_since };
            }
            Ok(None) => match look_up(service, &key).await {
                Ok(now) => known = now,
                Err(error) => return failed(&error.into()),
            },
            Err(error) => return failed(&error),
        }
    }
    failed(&NamesError::Overtaken)
}

fn failed(error: &NamesError) -> Taken {
    tracing::warn!(error = sangam_storage::with_sources(error), "an Inform could not be made durable");
    Taken::Failed
}

fn refused(why: Refusal, not_proven: NotProven) -> Taken {
    match why {
        Refusal::Blocked => Taken::Forbidden("blocked"),
        Refusal::PendingFull => Taken::Forbidden("pending_full"),
        Refusal::NotProven | Refusal::NotShared => Taken::Challenge(not_proven),
    }
}

/// What was shown as a device's login is not: no login at all, or a nonce that is too old, is how everybody begins.
fn login_refused(service: &Service, device: Option<&Device>, not_proven: NotProven) {
    if let Some(device) = device
        && not_proven != NotProven::Missing
        && !not_proven.is_stale()
    {
        service.happened(Happened::LoginRefused(device.id, not_proven.label()));
    }
}

/// The device as it is stored, if it is known.
async fn look_up(service: &Service, key: &DeviceKey) -> Result<Option<Head>, StoreError> {
    let (wanted, at) = (key.clone(), service.seen.changes.now());
    let found = read(&service.readers, move |snapshot| {
        let Some(device) = snapshot.device_by_key(&wanted)? else { return Ok(None) };
        let is_idle = snapshot.live_tasks(device.id, 1)?.is_empty();
        Ok(Some(Head { device, is_idle, at }))
    });
    let Some(mut head) = found.await? else { return Ok(None) };
    if let Some(seen) = service.seen.get(head.device.id) {
        head.device.seen = seen;
    }
    service.heads.keep(head.clone());
    Ok(Some(head))
}

/// Keeps the device as it is stored now, unless somebody else has changed it too; since when no task waits for it, if none does.
fn keep(service: &Service, before: &Head, device: &Device, noted: Changed) -> Option<Moment> {
    let at = noted.by_us_alone(before.at)?;
    service.heads.keep(Head { device: device.clone(), is_idle: before.is_idle, at });
    before.is_idle.then_some(at)
}

/// What is to be stored of an Inform.
struct Plan<'a> {
    facts: &'a InformFacts,
    key: &'a DeviceKey,
    known: Option<&'a Device>,
    proof: Proof,
    state: State,
    rotate: bool,
}

impl Plan<'_> {
    /// Makes it durable. `None`: somebody else has changed the device meanwhile.
    async fn store(&self, service: &Service) -> Result<Option<(Device, Changed)>, NamesError> {
        let now_ms = service.now_ms();
        let (mut device, mut changed) = self.device(service, now_ms);
        let fingerprint = fingerprint(&self.facts.inform);
        let is_known = device.seen.inform == fingerprint && !self.facts.is_bootstrap && !self.is_new_software(&device);
        let mut rows = Vec::new();
        if device.state == State::Enrolled && !(is_known && device.schema.is_some()) {
            if self.facts.is_bootstrap && self.known.is_some() {
                rows.push(Row::ForgetValues(device.id));
                device.schema = None;
            }
            let report = values::report(service, &device, &self.facts.inform.parameters, now_ms).await?;
            service.metrics.reported(report.changed, report.left_out);
            if report.changed > 0 {
                service.provisioning.changed(device.id);
            }
            device.schema = report.schema;
            changed |= self.known.is_none_or(|known| known.schema != device.schema);
            rows.extend(report.rows);
        }
        let booted = self.has(&EventCode::Boot) || self.facts.is_bootstrap;
        let boot_ms = if booted { now_ms } else { device.seen.boot_ms };
        device.seen = Seen { last_ms: now_ms, boot_ms, inform: fingerprint };
        rows.extend(self.events(&device, now_ms));
        // However much of it changed, it is written once; what is as it was stays what it was.
        device.revision = self.known.map_or(1, |known| known.revision.saturating_add(u32::from(changed)));
        if rows.is_empty() && !changed {
            let noted = service.seen.note(device.id, device.seen);
            return Ok(Some((device, noted)));
        }
        if changed {
            // What else is written refers to it.
            rows.insert(0, Row::Device(Box::new(device.clone())));
        }
        rows.push(Row::Seen(device.id, device.seen));
        let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
        match service.committer.commit(room, Change::from(rows)).await? {
            Outcome::Done => {
                // What waits of an earlier Inform must not be written over this one.
                let noted = service.seen.note(device.id, device.seen);
                if self.known.is_none() {
                    service.population.add(device.state);
                }
                Ok(Some((device, noted)))
            }
            Outcome::Refused { .. } => Ok(None),
        }
    }

    /// The row as it is to be, but for its revision, and whether it is another than the one that is stored.
    fn device(&self, service: &Service, now_ms: u64) -> (Device, bool) {
        let Some(known) = self.known else {
            let mut device = Device::new(service.numbers.device(), self.key.clone(), self.state, now_ms);
            learn(&mut device, self.facts);
            self.rotate(&mut device);
            return (device, true);
        };
        let mut device = known.clone();
        let mut changed = learn(&mut device, self.facts);
        changed |= enrol::proven(&mut device, self.proof);
        changed |= std::mem::replace(&mut device.state, self.state) != self.state;
        changed |= self.rotate(&mut device);
        (device, changed)
    }

    /// Gives the device a login of its own, if it is to have one; whether that is new.
    fn rotate(&self, device: &mut Device) -> bool {
        if !self.rotate {
            return false;
        }
        let before = device.access.clone();
        enrol::rotation(device, [rand::random(), rand::random()]);
        before != device.access
    }

    fn is_new_software(&self, device: &Device) -> bool {
        self.known.is_none_or(|known| SchemaKey::of(known) != SchemaKey::of(device))
    }

    fn has(&self, code: &EventCode) -> bool {
        self.facts.inform.events.iter().any(|event| event.code == *code)
    }

    /// One row for each event but `2 PERIODIC`, which says nothing that is not in when the device was seen.
    fn events<'a>(&'a self, device: &'a Device, now_ms: u64) -> impl Iterator<Item = Row> + 'a {
        let of_ours = device.state == State::Enrolled;
        let told = self.facts.inform.events.iter().filter(move |event| of_ours && event.code != EventCode::Periodic);
        told.map(move |event| {
            Row::Event(EventRow {
                id: EventId(0),
                device: device.id,
                at_ms: now_ms,
                kind: bounded(&event.code.to_string(), EventRow::KIND_CHARS_MAX),
                command_key: bounded(&event.command_key, 32),
                detail: bytes::Bytes::new(),
            })
        })
    }
}

/// The beginning of a text of a device, as a row may have it.
pub(super) fn bounded(text: &str, chars: usize) -> Box<str> {
    text.chars().filter(|c| !c.is_control()).take(chars).collect::<String>().into()
}
