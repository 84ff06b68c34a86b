use crate::wire::structure;
use crate::{DateTime, DeviceId, EventStruct, ParameterValue};

/// A CPE begins a session (TR-069 Amendment 6 Annex A.3.3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inform {
    /// Who it is.
    pub device_id: DeviceId,
    /// Why, at most 64 causes.
    pub events: Vec<EventStruct>,
    /// Always 1.
    pub max_envelopes: u32,
    /// The CPE's clock.
    pub current_time: DateTime,
    /// How often this session was tried before and failed.
    pub retry_count: u32,
    /// Forced parameters, and changed ones with notification.
    pub parameters: Vec<ParameterValue>,
}

impl Default for Inform {
    fn default() -> Self {
        Self {
            device_id: DeviceId::default(),
            events: Vec::new(),
            max_envelopes: 1,
            current_time: DateTime::unknown(),
            retry_count: 0,
            parameters: Vec::new(),
        }
    }
}

/// The direct answer to an [`Inform`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformResponse {
    /// Always 1.
    pub max_envelopes: u32,
}

impl Default for InformResponse {
    fn default() -> Self {
        Self { max_envelopes: 1 }
    }
}

structure!(Inform {
    "DeviceId" => device_id,
    "Event" => events,
    "MaxEnvelopes" => max_envelopes,
    "CurrentTime" => current_time,
    "RetryCount" => retry_count,
    "ParameterList" => parameters,
});
structure!(InformResponse { "MaxEnvelopes" => max_envelopes, });
