//! `turnserver.conf`, coturn's own configuration file, as coturn reads it.
//!
//! [`translate`] is pure: text in, our keys with the lines they come from out, and a remark for every option that is
//! not honoured, unknown, or read by many as something else than it means. Nothing is dropped without a word.

mod gathered;
mod line;
mod meaning;
mod peer_range;
mod translation;

pub use meaning::option_table;
pub(crate) use translation::{Mistake, TranslatedSetting};
pub use translation::{Remark, Translation, Verdict, translate};
