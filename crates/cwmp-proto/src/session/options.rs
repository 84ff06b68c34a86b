use std::time::Duration;

use crate::Url;

/// What a session may last and hold. All of it is a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// How long a CPE may be silent between our reply and its next request. A CPE that says a longer `SessionTimeout`
    /// (CWMP 1.3) gets that, up to [`Self::total`]. TR-069 Amendment 6 §3.7.1.3: 30 seconds.
    pub idle: Duration,
    /// How long a session may last in all.
    pub total: Duration,
    /// How many requests of its own a CPE may make in a session, Inform aside.
    pub cpe_requests_max: u32,
    /// How many requests we make in a session; what is left waits for the next.
    pub acs_requests_max: u32,
    /// How often in a session a CPE is told to repeat itself (fault 8005) since we could not make durable what it said;
    /// after that it gets a 503.
    pub retries_max: u32,
    /// How often a request is repeated to a CPE that answers it with fault 8005.
    pub resends_max: u32,
    /// Whether the CPE has to hold its own requests until ours are done (`HoldRequests`). Only for CPEs up to CWMP 1.2:
    /// later schemas have it no more.
    pub hold_requests: bool,
    /// Whether a response without any `ID` is taken for the answer to the one request that is under way.
    pub allow_missing_ids: bool,
    /// Where a browser is sent that was kicked here. `None`: Kicked is not offered.
    pub kicked_url: Option<Url>,
}

impl Default for SessionOptions {
    /// Idle 30 s, total 300 s, 256 requests of the CPE, 4,096 of ours, nothing held.
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(30),
            total: Duration::from_secs(300),
            cpe_requests_max: 256,
            acs_requests_max: 4_096,
            retries_max: 3,
            resends_max: 1,
            hold_requests: false,
            allow_missing_ids: true,
            kicked_url: None,
        }
    }
}
