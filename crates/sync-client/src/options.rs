use std::time::Duration;

use crate::Trust;

/// How a [`Client`](crate::Client) asks.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long one attempt may take, from connecting to the last byte of the answer. Of an event stream: until it stands.
    pub timeout: Duration,
    /// How often a request is tried in all; at least once.
    pub attempts_max: u32,
    /// What is waited before the second attempt; each further wait is twice as long, give or take a quarter.
    pub wait_first: Duration,
    /// The longest wait between two attempts. A server that wants a longer one (`Retry-After`) is not tried again.
    pub wait_max: Duration,
    /// Longest answer that is taken, in bytes.
    pub answer_bytes_max: usize,
    /// Operations of one page that are asked for.
    pub page_ops: u64,
    /// Operations of one push.
    pub push_ops: usize,
    /// Whose certificates are believed.
    pub trust: Trust,
}

impl Default for ClientOptions {
    /// 30 s, four attempts, waits from 500 ms to 60 s, 64 MiB, pages of 1,000, pushes of 500, the system's authorities.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            attempts_max: 4,
            wait_first: Duration::from_millis(500),
            wait_max: Duration::from_secs(60),
            answer_bytes_max: 64 << 20,
            page_ops: 1_000,
            push_ops: 500,
            trust: Trust::System,
        }
    }
}
