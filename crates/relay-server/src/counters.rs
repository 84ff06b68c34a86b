use sangam_turn_proto::{KeyRefusal, OpenError};

/// What the driver counts besides the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    HairpinSameThread,
    HairpinOtherThread,
    DropUnroutable,
    DropSendQueueFull,
    DropTooLong,
    DropSendError,
    DropOversized,
    DropHandoverFull,
    DropHandoverGone,
    DropOwnGone,
    DropStreamQueueFull,
    DropNoConnection,
    OpenNoPort,
    OpenNoDescriptor,
    OpenRefused,
    OpenNotReserved,
    KeyUnknownUser,
    KeyUnknownHash,
    KeyExpired,
    KeyTooFarAhead,
    KeyRevoked,
    KeyBusy,
    SocketErrors,
    LogLinesSuppressed,
    PortsInUse,
    Connections,
    ClosedByClient,
    ClosedBroken,
    ClosedGarbage,
    ClosedTooLong,
    ClosedIdle,
    ClosedUnread,
    ClosedReplaced,
    ProbeAllocations,
    RefusedDatagrams,
    RefusedConnections,
    ClientMessagesIn,
    ClientBytesIn,
    ClientMessagesOut,
    ClientBytesOut,
    OutwardDatagrams,
    BindingsTold,
    BindingsMissed,
}

impl Counter {
    pub(crate) const COUNT: usize = Self::BindingsMissed as usize + 1;

    /// What counts a relay socket that was not opened. Quotas are the core's to count.
    pub(crate) const fn of_open_error(error: OpenError) -> Option<Self> {
        match error {
            OpenError::NoPortLeft => Some(Self::OpenNoPort),
            OpenError::NoDescriptorLeft => Some(Self::OpenNoDescriptor),
            OpenError::Refused => Some(Self::OpenRefused),
            OpenError::NotReserved => Some(Self::OpenNotReserved),
            OpenError::UserQuota | OpenError::ServerQuota | OpenError::BandwidthQuota => None,
        }
    }
}

impl From<KeyRefusal> for Counter {
    fn from(refusal: KeyRefusal) -> Self {
        match refusal {
            KeyRefusal::UnknownUser => Self::KeyUnknownUser,
            KeyRefusal::UnknownHash => Self::KeyUnknownHash,
            KeyRefusal::Expired => Self::KeyExpired,
            KeyRefusal::TooFarAhead => Self::KeyTooFarAhead,
            KeyRefusal::Revoked => Self::KeyRevoked,
            KeyRefusal::Busy => Self::KeyBusy,
        }
    }
}

/// One thread's own counters: plain numbers, published once per wake.
#[derive(Clone, Debug)]
pub(crate) struct Counters([u64; Counter::COUNT]);

impl Counters {
    pub(crate) fn new() -> Self {
        Self([0; Counter::COUNT])
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }

    pub(crate) fn add(&mut self, counter: Counter, number: u64) {
        self.0[counter as usize] += number;
    }

    pub(crate) fn set(&mut self, counter: Counter, value: u64) {
        self.0[counter as usize] = value;
    }

    pub(crate) fn values(&self) -> &[u64; Counter::COUNT] {
        &self.0
    }
}
