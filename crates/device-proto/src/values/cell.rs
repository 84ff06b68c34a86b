use crate::ValueKind;

/// A value as it was last reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// As the device wrote it.
    pub value: Box<str>,
    /// What it is.
    pub kind: ValueKind,
    /// Since when it is this, milliseconds since 1970: when it was first reported.
    pub changed_ms: u64,
}
