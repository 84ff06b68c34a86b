use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::device_admin::DeviceAdminError;

/// What happens with devices, as it happens.
pub trait DeviceNews: Send + Sync {
    /// Listens from now on, or from behind an event that was heard before.
    fn follow(&self, wanted: NewsWanted) -> BoxFuture<'_, Result<BoxStream<'static, News>, DeviceAdminError>>;
}

/// What somebody wants to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewsWanted {
    /// Of this device alone.
    pub device: Option<String>,
    /// Of these kinds, words of [`NewsKind`]; empty: of all.
    pub kinds: Vec<NewsKind>,
    /// The number of the last event that was heard.
    pub after: Option<u64>,
}

/// What something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewsKind {
    /// A device told something, or something was seen of it: has a number, and is told again to who missed it.
    Event,
    /// An alarm was raised, seen or cleared: the same.
    Alarm,
    /// A task came to another state.
    Task,
    /// A value is another.
    Value,
}

impl NewsKind {
    /// All.
    pub const ALL: [Self; 4] = [Self::Event, Self::Alarm, Self::Task, Self::Value];

    /// As a stream calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Alarm => "alarm",
            Self::Task => "task",
            Self::Value => "value",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// This.
    Told {
        /// The number of the event, behind which one may go on; `None`: it has none.
        number: Option<u64>,
        /// What it is about.
        kind: NewsKind,
        /// What.
        data: Value,
    },
    /// What came before the first event that is told again is kept no longer.
    Forgotten,
    /// So much came while nobody listened, and the stream ends: begin again behind the last event.
    Missed(u64),
}
