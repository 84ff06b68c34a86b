use std::sync::Arc;

use sangam_device_proto::device::{Device, Facts, Protocols, Seen, State};
use sangam_device_proto::enrol::{self, Enrolment, Proof, Refusal};
use sangam_device_proto::identity::{DeviceKey, EndpointId, EndpointSays};
use sangam_device_proto::secret::Login;
use sangam_device_proto::subscription::{NotifyKind, Subscription};
use sangam_storage::StoreError;
use sangam_storage::devices::{Change, LIMIT_MAX, Outcome, Row, Snapshot};
use sangam_usp_proto::controller::{Identity, Known};
use sangam_usp_proto::subscriptions::{NotifType, Wanted};

use super::desk::{Standing, Talk};
use super::link::{Closing, LinkRefused, Shown};
use super::{schema, values};
use crate::names::NamesError;
use crate::reading::read;
use crate::service::Service;

/// How often a change is made anew when somebody else changed the device meanwhile.
const ATTEMPTS_MAX: usize = 4;

/// What is known of an agent before it has said anything.
pub(super) struct Door {
    pub(super) standing: Standing,
    pub(super) known: Known,
    pub(super) seen: Seen,
    /// What operators want it to tell.
    pub(super) wanted: Vec<Wanted>,
}

/// Decides whether an agent may begin to speak.
pub(super) async fn at_the_door(
    service: &Arc<Service>,
    endpoint: &sangam_usp_proto::EndpointId,
    shown: &Shown,
) -> Result<Door, LinkRefused> {
    let endpoint = EndpointId::new(endpoint.as_str()).map_err(|_| LinkRefused::BadIdentity)?;
    let wanted = endpoint.clone();
    let found = read(&service.readers, move |snapshot| {
        let Some(device) = meant(snapshot, &wanted)? else { return Ok(None) };
        let subscriptions = snapshot.subscriptions(device.id, LIMIT_MAX)?;
        Ok(Some((device, subscriptions)))
    });
    let found = found.await.map_err(|error| unavailable(&error.into()))?;
    let device = found.as_ref().map(|(device, _)| device);
    let proof = proof(service, shown, device, &endpoint);
    let enrolment = decide(service, device, proof)?;
    let Some((mut device, subscriptions)) = found.filter(|(device, _)| device.endpoint.as_ref() == Some(&endpoint))
    else {
        // Whoever it is, it has to say so itself first.
        if service.agents.strangers() >= service.options.usp.strangers_max {
            return Err(LinkRefused::Busy);
        }
        return Ok(Door {
            standing: Standing::Stranger,
            known: Known::default(),
            seen: Seen::default(),
            wanted: Vec::new(),
        });
    };
    let seen = service.seen.get(device.id).unwrap_or(device.seen);
    if enrol::proven(&mut device, proof) {
        // It is written once more when it is refused here: the login before is good as well until then.
        let _: Outcome =
            commit(service, vec![Row::Device(Box::new(device.clone()))]).await.map_err(|error| unavailable(&error))?;
    }
    let is_served = matches!(enrolment, Enrolment::Serve { .. } | Enrolment::Enrol { .. });
    let identity = is_served && schema::is_known(service, &device).await.map_err(|error| unavailable(&error))?;
    let standing = if is_served { Standing::Served(device.id) } else { Standing::Waiting(device.id) };
    let known = Known { protocol: is_served && !device.protocols.usp.is_empty(), identity, schema: identity };
    Ok(Door { standing, known, seen, wanted: subscriptions.iter().map(wanted_of).collect() })
}

/// The device that an endpoint is, or says that it is.
fn meant(snapshot: &mut dyn Snapshot, endpoint: &EndpointId) -> Result<Option<Device>, StoreError> {
    if let Some(device) = snapshot.device_by_endpoint(endpoint)? {
        return Ok(Some(device));
    }
    match endpoint.says() {
        EndpointSays::Key(key) => snapshot.device_by_key(&key),
        EndpointSays::Serial { oui, serial } => {
            let mut found = snapshot.devices_by_serial(oui, &serial, 2)?;
            Ok(if found.len() == 1 { found.pop() } else { None })
        }
        EndpointSays::Nothing => Ok(None),
    }
}

/// What an agent has proven, by what it shows. A certificate is an endpoint's: it proves a device only that has this endpoint, or that the
/// endpoint's id itself names.
fn proof(service: &Service, shown: &Shown, device: Option<&Device>, endpoint: &EndpointId) -> Proof {
    let is_its =
        |device: &Device| device.endpoint.as_ref() == Some(endpoint) || endpoint.says().choose([&device.key]).is_some();
    let login: &Login = match shown {
        // A broker that is believed proves which agent it is, not that it is to become one of ours.
        Shown::Vouched if device.is_none() => return Proof::Shared,
        Shown::Certificate | Shown::Vouched if device.is_none_or(is_its) => return Proof::Certificate,
        Shown::Certificate | Shown::Vouched => return Proof::Nothing,
        Shown::Nothing => return Proof::Nothing,
        Shown::Login(login) => login,
    };
    let access = device.map(|device| &device.access);
    let is = |own: Option<&Option<Login>>| own.and_then(Option::as_ref).is_some_and(|own| own == login);
    if is(access.map(|access| &access.from_device)) {
        Proof::Own { next: false }
    } else if is(access.map(|access| &access.from_device_next)) {
        Proof::Own { next: true }
    } else if service.live.load().credentials.of(&login.user).any(|shared| shared == login) {
        Proof::Shared
    } else {
        Proof::Nothing
    }
}

fn decide(service: &Service, device: Option<&Device>, proof: Proof) -> Result<Enrolment, LinkRefused> {
    let rules = service.live.load().enrol;
    match enrol::decide(&rules, device, proof, service.population.pending()) {
        Enrolment::Refuse(Refusal::Blocked) => Err(LinkRefused::Blocked),
        Enrolment::Refuse(Refusal::PendingFull) => Err(LinkRefused::PendingFull),
        Enrolment::Refuse(Refusal::NotProven | Refusal::NotShared) => Err(LinkRefused::NotProven),
        enrolment => Ok(enrolment),
    }
}

/// A subscription of an operator, as it is to be at the agent.
pub(super) fn wanted_of(row: &Subscription) -> Wanted {
    Wanted {
        id: row.id.to_string(),
        notif_type: notif_type(row.notify),
        references: row.paths.iter().map(|path| path.to_string()).collect(),
        persistent: row.persistent,
        retry: row.retry,
        expiration_secs: 0,
    }
}

fn notif_type(kind: NotifyKind) -> NotifType {
    match kind {
        NotifyKind::ValueChange => NotifType::ValueChange,
        NotifyKind::ObjectCreation => NotifType::ObjectCreation,
        NotifyKind::ObjectDeletion => NotifType::ObjectDeletion,
        NotifyKind::OperationComplete => NotifType::OperationComplete,
        NotifyKind::Event => NotifType::Event,
    }
}

pub(super) async fn commit(service: &Service, rows: Vec<Row>) -> Result<Outcome, NamesError> {
    let room = service.committer.admit(0).map_err(|_| NamesError::Overloaded)?;
    Ok(service.committer.commit(room, Change::from(rows)).await?)
}

fn unavailable(error: &NamesError) -> LinkRefused {
    tracing::warn!(error = sangam_storage::with_sources(error), "an agent could not be looked up");
    LinkRefused::Unavailable
}

/// Who an agent says that it is, as far as it is understood.
struct Claim {
    key: DeviceKey,
    endpoint: EndpointId,
}

impl Claim {
    /// # Errors
    /// It says nothing that can be, or not what its endpoint id says.
    fn of(endpoint: &sangam_usp_proto::EndpointId, identity: &Identity) -> Result<Self, LinkRefused> {
        let endpoint = EndpointId::new(endpoint.as_str()).map_err(|_| LinkRefused::BadIdentity)?;
        let told = DeviceKey::new(&identity.oui, &identity.product_class, &identity.serial_number);
        let key = match (endpoint.says(), told) {
            (EndpointSays::Key(key), Ok(told)) if key == told => key,
            (EndpointSays::Key(key), Err(_)) => key,
            (EndpointSays::Serial { oui, serial }, Ok(told)) if told.oui == oui && told.serial == serial => told,
            (EndpointSays::Nothing, Ok(told)) => told,
            _ => return Err(LinkRefused::BadIdentity),
        };
        Ok(Self { key, endpoint })
    }
}

impl Talk<'_> {
    /// The agent has said who it is and what it runs.
    pub(super) async fn identified(&mut self, identity: Identity) {
        match self.admit(&identity).await {
            Ok(Some(device)) => {
                let is_known = schema::is_known(&self.hub.service, &device).await.unwrap_or_else(|error| {
                    super::work::not_stored(&error);
                    // It is asked when the agent comes again.
                    true
                });
                self.desk.identity = None;
                self.desk.controller.continue_onboarding(self.now(), is_known);
            }
            // An operator has to say; until then nothing more is asked.
            Ok(None) => self.desk.identity = Some(Box::new(identity)),
            Err(refused) => self.turn_away(refused).await,
        }
    }

    /// Has it go.
    pub(super) async fn turn_away(&mut self, why: LinkRefused) {
        self.hub.service.metrics.usp.refused(why.label());
        tracing::debug!(agent = %self.agent.endpoint, reason = why.label(), "an agent is sent away");
        Box::pin(self.close(Some(Closing::Refused))).await;
    }

    /// Decides about who the agent says that it is, and makes it durable. `None`: it waits for an operator.
    pub(super) async fn admit(&mut self, identity: &Identity) -> Result<Option<Device>, LinkRefused> {
        let claim = Claim::of(&self.agent.endpoint, identity)?;
        let service = Arc::clone(&self.hub.service);
        for _ in 0..ATTEMPTS_MAX {
            let (key, endpoint) = (claim.key.clone(), claim.endpoint.clone());
            let found = read(&service.readers, move |snapshot| {
                Ok((snapshot.device_by_key(&key)?, snapshot.device_by_endpoint(&endpoint)?))
            });
            let (known, other) = found.await.map_err(|error| unavailable(&error.into()))?;
            let proof = proof(&service, &self.desk.shown, known.as_ref(), &claim.endpoint);
            let is_proven = matches!(proof, Proof::Own { .. } | Proof::Certificate);
            let bound = known.as_ref().and_then(|device| device.endpoint.as_ref());
            if other.is_some_and(|other| other.key != claim.key)
                || bound.is_some_and(|bound| *bound != claim.endpoint && !is_proven)
            {
                return Err(LinkRefused::OtherEndpoint);
            }
            let enrolment = decide(&service, known.as_ref(), proof)?;
            if known.is_none() && service.population.all() >= service.options.devices_max {
                return Err(LinkRefused::DevicesFull);
            }
            match self.store(&service, &claim, known.as_ref(), (enrolment, proof), identity).await {
                Ok(Some(device)) => return Ok(self.is_now(device)),
                Ok(None) => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
        Err(unavailable(&NamesError::Overtaken))
    }

    /// Makes durable what the agent says of its device. `None`: somebody else has changed it meanwhile.
    async fn store(
        &mut self,
        service: &Service,
        claim: &Claim,
        known: Option<&Device>,
        (enrolment, proof): (Enrolment, Proof),
        identity: &Identity,
    ) -> Result<Option<Device>, NamesError> {
        let state = if matches!(enrolment, Enrolment::Wait { .. }) { State::Pending } else { State::Enrolled };
        let now_ms = service.now_ms();
        let mut device =
            known.cloned().unwrap_or_else(|| Device::new(service.numbers.device(), claim.key.clone(), state, now_ms));
        device.state = state;
        device.endpoint = Some(claim.endpoint.clone());
        enrol::proven(&mut device, proof);
        learn(&mut device, identity);
        if let Some(versions) = &self.desk.versions {
            device.protocols.usp = Protocols::usp_of(versions);
        }
        let mut rows = Vec::new();
        if state == State::Enrolled && !identity.software_version.is_empty() {
            let (reported, _) = values::report(service, &mut device, &told(identity), now_ms).await?;
            rows = reported;
        }
        let is_changed = known.is_none_or(|known| {
            device.revision = known.revision;
            device != *known
        });
        if is_changed {
            device.revision = known.map_or(1, |known| known.revision.saturating_add(1));
            rows.insert(0, Row::Device(Box::new(device.clone())));
        }
        if !rows.is_empty() && commit(service, rows).await? != Outcome::Done {
            return Ok(None);
        }
        if known.is_none() {
            service.population.add(state);
        }
        if matches!(enrolment, Enrolment::Enrol { .. }) {
            service.metrics.enrolled();
        }
        Ok(Some(device))
    }

    /// The agent is that device from now on. `None`: it waits for an operator.
    fn is_now(&mut self, device: Device) -> Option<Device> {
        let agents = &self.hub.service.agents;
        if let Some(before) = agents.is_device(self.agent, device.id) {
            self.hub.replace(before);
        }
        self.desk.patience = None;
        if device.state == State::Pending {
            self.desk.standing = Standing::Waiting(device.id);
            return None;
        }
        if !matches!(self.desk.standing, Standing::Served(_)) {
            self.desk.seen = device.seen;
            self.desk.standing = Standing::Served(device.id);
        }
        self.heard();
        Some(device)
    }

    /// An operator may have changed whether the device is one of ours.
    pub(super) async fn look_at_device(&mut self) {
        let Some(id) = self.desk.standing.device() else { return };
        let found = read(&self.hub.service.readers, move |snapshot| snapshot.device(id)).await;
        let state = match found {
            Ok(found) => found.map(|device| device.state),
            Err(error) => return super::work::not_stored(&error.into()),
        };
        match (state, self.desk.standing) {
            (None, _) => self.turn_away(LinkRefused::BadIdentity).await,
            (Some(State::Blocked), _) => self.turn_away(LinkRefused::Blocked).await,
            (Some(State::Pending), Standing::Served(_)) => self.turn_away(LinkRefused::NotProven).await,
            (Some(State::Enrolled), Standing::Waiting(_)) => {
                // It is asked the rest now, if it has said who it is.
                if let Some(identity) = self.desk.identity.take() {
                    self.identified(*identity).await;
                }
            }
            (Some(State::Pending | State::Enrolled), _) => {}
        }
    }
}

/// Puts what an agent says of its device into the row. What it does not say stays.
fn learn(device: &mut Device, identity: &Identity) {
    let facts = &mut device.facts;
    for (place, told) in [
        (&mut facts.manufacturer, &identity.manufacturer),
        (&mut facts.model, &identity.model_name),
        (&mut facts.hardware_version, &identity.hardware_version),
        (&mut facts.software_version, &identity.software_version),
    ] {
        if !told.is_empty() {
            *place = Facts::bounded(told);
        }
    }
}

/// The same as values of parameters.
fn told(identity: &Identity) -> Vec<values::Told> {
    let values = [
        ("ManufacturerOUI", &identity.oui),
        ("ProductClass", &identity.product_class),
        ("SerialNumber", &identity.serial_number),
        ("SoftwareVersion", &identity.software_version),
        ("HardwareVersion", &identity.hardware_version),
        ("ModelName", &identity.model_name),
        ("Manufacturer", &identity.manufacturer),
    ];
    let said = values.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| (format!("Device.DeviceInfo.{name}"), value.clone())).collect()
}
