use std::collections::{BTreeMap, VecDeque};

use super::ControllerOptions;
use super::event::ControllerEvent;
use crate::endpoint_id::EndpointId;
use crate::message::{Get, GetResp, GetSupportedDm, GetSupportedProtocol, OnBoardRequest, Request, Response};
use crate::record::SUPPORTED_VERSIONS;
use crate::subscriptions::{self, Plan};

const DEVICE_INFO: &str = "Device.DeviceInfo.";

/// What is read to know a device and its model.
const IDENTITY: [&str; 7] = [
    "ManufacturerOUI",
    "ProductClass",
    "SerialNumber",
    "SoftwareVersion",
    "HardwareVersion",
    "ModelName",
    "Manufacturer",
];

/// What the store knows of an agent already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its versions of USP.
    pub protocol: bool,
    /// Who it is and what it runs.
    pub identity: bool,
    /// The supported data model of what it runs.
    pub schema: bool,
}

/// A step of taking an agent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnboardingStep {
    /// GetSupportedProtocol.
    Protocol,
    /// Get of who it is and what it runs.
    Identity,
    /// GetSupportedDM.
    Schema,
    /// Get of its subscriptions.
    Subscriptions,
    /// Adding, changing and removing them.
    Subscribe,
}

/// Who an agent says it is. Each is empty if it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// 6 hexadecimal digits.
    pub oui: String,
    /// Product class.
    pub product_class: String,
    /// Serial number.
    pub serial_number: String,
    /// The version of its software.
    pub software_version: String,
    /// The version of its hardware.
    pub hardware_version: String,
    /// The name of its model.
    pub model_name: String,
    /// Its manufacturer.
    pub manufacturer: String,
}

/// Takes an agent on, one question after the other.
#[derive(Debug)]
pub(super) struct Onboarding {
    known: Known,
    /// What is still to be done.
    steps: VecDeque<OnboardingStep>,
    /// Requests that make the subscriptions as they are wanted.
    changes: VecDeque<Request>,
    /// A question is out, or the driver is to say whether the schema is known.
    waits: bool,
    finished: bool,
}

impl Onboarding {
    pub(super) fn new(known: Known) -> Self {
        Self { known, steps: VecDeque::new(), changes: VecDeque::new(), waits: false, finished: false }
    }

    /// The agent is here: what is not known is asked, and its subscriptions are looked at.
    pub(super) fn begin(&mut self) {
        self.stop();
        self.steps.extend((!self.known.protocol).then_some(OnboardingStep::Protocol));
        self.steps.extend((!self.known.identity).then_some(OnboardingStep::Identity));
        self.steps.push_back(OnboardingStep::Subscriptions);
    }

    /// The agent asks to be taken on: all is asked anew, once what is being asked is answered.
    pub(super) fn asked(&mut self, request: &OnBoardRequest) {
        self.known = Known { protocol: !request.agent_supported_protocol_versions.is_empty(), ..Known::default() };
        self.steps.clear();
        self.steps.extend((!self.known.protocol).then_some(OnboardingStep::Protocol));
        self.steps.extend([OnboardingStep::Identity, OnboardingStep::Subscriptions]);
        self.changes.clear();
        self.finished = false;
    }

    pub(super) fn identify(&mut self) {
        if !self.steps.contains(&OnboardingStep::Identity) {
            self.steps.push_front(OnboardingStep::Identity);
        }
    }

    pub(super) fn reconcile(&mut self) {
        if !self.steps.contains(&OnboardingStep::Subscriptions) {
            self.steps.push_back(OnboardingStep::Subscriptions);
        }
    }

    /// Whether the schema of what the agent runs is known.
    pub(super) fn schema(&mut self, is_known: bool) {
        self.known.schema = is_known;
        self.waits = false;
        if !is_known {
            self.steps.push_front(OnboardingStep::Schema);
        }
    }

    pub(super) fn stop(&mut self) {
        self.steps.clear();
        self.changes.clear();
        self.waits = false;
        self.finished = false;
    }

    /// The next question, if none is out.
    pub(super) fn next(&mut self, us: &EndpointId) -> Option<(OnboardingStep, Request)> {
        if self.waits {
            return None;
        }
        let (step, request) = match self.changes.pop_front() {
            Some(change) => (OnboardingStep::Subscribe, change),
            None => {
                let step = self.steps.pop_front()?;
                (step, question(step, us)?)
            }
        };
        self.waits = true;
        self.finished = self.steps.is_empty() && self.changes.is_empty();
        Some((step, request))
    }

    pub(super) fn answered(
        &mut self,
        step: OnboardingStep,
        response: Response,
        options: &ControllerOptions,
    ) -> Option<ControllerEvent> {
        self.waits = false;
        match (step, response) {
            (OnboardingStep::Protocol, Response::GetSupportedProtocol(it)) => {
                self.known.protocol = true;
                Some(ControllerEvent::Protocol(it.agent_supported_protocol_versions))
            }
            (OnboardingStep::Identity, Response::Get(it)) => {
                self.known.identity = true;
                // The driver looks the model and version up.
                self.waits = true;
                Some(ControllerEvent::Identified(Identity::read(&it)))
            }
            (OnboardingStep::Schema, Response::GetSupportedDm(it)) => {
                self.known.schema = true;
                Some(ControllerEvent::Schema(it))
            }
            (OnboardingStep::Subscriptions, Response::Get(it)) => self.plan(&it, options),
            _ => None,
        }
    }

    /// A step that failed is not tried again before the next contact.
    pub(super) fn failed(&mut self) {
        self.waits = false;
    }

    /// Whether the last question has been answered, told once.
    pub(super) fn take_finished(&mut self) -> bool {
        let is_done = !self.waits && self.steps.is_empty() && self.changes.is_empty();
        is_done && std::mem::replace(&mut self.finished, false)
    }

    fn plan(&mut self, response: &GetResp, options: &ControllerOptions) -> Option<ControllerEvent> {
        let (present, instance) = subscriptions::answer(response);
        let plan = Plan::new(&options.subscriptions, &present, &options.subscription_prefix, instance.as_deref());
        if plan.is_empty() {
            return None;
        }
        let event =
            ControllerEvent::Subscribing { added: plan.add.len(), changed: plan.set.len(), removed: plan.delete.len() };
        self.changes.extend(plan.requests());
        Some(event)
    }
}

fn question(step: OnboardingStep, us: &EndpointId) -> Option<Request> {
    Some(match step {
        OnboardingStep::Protocol => Request::GetSupportedProtocol(GetSupportedProtocol {
            controller_supported_protocol_versions: SUPPORTED_VERSIONS.to_owned(),
        }),
        OnboardingStep::Identity => Request::Get(Get {
            param_paths: IDENTITY.iter().map(|name| format!("{DEVICE_INFO}{name}")).collect(),
            max_depth: 0,
        }),
        OnboardingStep::Schema => Request::GetSupportedDm(GetSupportedDm {
            obj_paths: vec!["Device.".to_owned()],
            first_level_only: false,
            return_commands: true,
            return_events: true,
            return_params: true,
            return_unique_key_sets: true,
        }),
        OnboardingStep::Subscriptions => subscriptions::question(us.as_str()),
        OnboardingStep::Subscribe => return None,
    })
}

impl Identity {
    fn read(response: &GetResp) -> Self {
        let results = response.req_path_results.iter().flat_map(|path| &path.resolved_path_results);
        let values: BTreeMap<&str, &str> = results
            .filter(|result| result.resolved_path == DEVICE_INFO)
            .flat_map(|result| &result.result_params)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let value = |name: &str| values.get(name).map_or_else(String::new, |value| (*value).to_owned());
        Self {
            oui: value("ManufacturerOUI"),
            product_class: value("ProductClass"),
            serial_number: value("SerialNumber"),
            software_version: value("SoftwareVersion"),
            hardware_version: value("HardwareVersion"),
            model_name: value("ModelName"),
            manufacturer: value("Manufacturer"),
        }
    }
}
