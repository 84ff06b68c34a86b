//! Port for what is live and has to outlast a process: recovery sessions, rooms, timers.
//!
//! [`Journal`] is the port. Two adapters are local and stand here: [`MemoryJournal`] lasts as long as the process,
//! [`FileJournal`] outlasts it. A suite that any adapter must pass is `sangam_testkit::journal`.

mod file_journal;
mod frame;
mod journal;
mod memory_journal;
mod options;
mod queue;
mod segment;
mod stats;
mod table;
mod writer;

pub use file_journal::FileJournal;
pub use journal::{Journal, JournalError, Record};
pub use memory_journal::MemoryJournal;
pub use options::{JournalOptions, WallClock};
pub use stats::JournalStats;
