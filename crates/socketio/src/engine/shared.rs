use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sangam_net::{Admission, OpeningRate};
use sangam_types::Text;

use super::clock::Clock;
use super::options::EngineOptions;
use super::stats::{EngineSnapshot, EngineStats};
use super::table::Table;
use crate::upper::UpperFactory;

/// What all sessions of a server share.
pub(crate) struct Shared<F> {
    pub(crate) options: EngineOptions,
    pub(crate) factory: F,
    pub(crate) clock: Clock,
    pub(crate) table: Table,
    pub(crate) admission: Arc<Admission>,
    pub(crate) openings: OpeningRate,
    pub(crate) stats: EngineStats,
    draining: AtomicBool,
    hint: OnceLock<Text>,
}

impl<F: UpperFactory> Shared<F> {
    pub(crate) fn new(options: EngineOptions, factory: F, clock: Clock) -> Self {
        Self {
            admission: Arc::new(Admission::new(options.sessions_max, options.sessions_per_address_max)),
            openings: OpeningRate::new(options.openings_per_sec, options.openings_burst),
            options,
            factory,
            clock,
            table: Table::new(),
            stats: EngineStats::default(),
            draining: AtomicBool::new(false),
            hint: OnceLock::new(),
        }
    }

    pub(crate) fn begin_drain(&self, hint: &str) {
        self.admission.begin_drain();
        self.hint.get_or_init(|| Text::from(&hint[..hint.floor_char_boundary(CLOSE_REASON_BYTES_MAX)]));
        // A session that enters the table after it was gone through looks here before its first wait.
        self.draining.store(true, Ordering::SeqCst);
        self.table.wake_all();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// What a client whose WebSocket is closed by a drain is told.
    pub(crate) fn hint(&self) -> Text {
        self.hint.get().cloned().unwrap_or_default()
    }

    pub(crate) fn snapshot(&self) -> EngineSnapshot {
        self.stats.snapshot(self.admission.open())
    }
}

/// RFC 6455 §5.5: a control frame carries at most 125 bytes, two of which are the close code.
const CLOSE_REASON_BYTES_MAX: usize = 123;
