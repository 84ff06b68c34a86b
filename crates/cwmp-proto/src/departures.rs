/// What a message had that its standard does not, and was read all the same. Counts, for metrics and for whoever has to
/// find out why a device behaves as it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Departures {
    /// Arrays whose `arrayType` says another count than there are items. The items count.
    pub array_counts: u32,
    /// Arrays without `arrayType`.
    pub untyped_arrays: u32,
    /// Parameter values without `xsi:type`, or with one that is no name.
    pub untyped_values: u32,
    /// Elements that no schema has there. They are skipped with all they hold.
    pub unknown_elements: u32,
    /// Header elements that must be understood (`mustUnderstand="1"`), and are not.
    pub not_understood: u32,
    /// Booleans and codes that hold nothing, and other numbers that are none: they count as false and 0.
    pub wrong_values: u32,
    /// Characters that XML 1.0 forbids; read as U+FFFD.
    pub forbidden_characters: u32,
    /// A body that says, or does not deny, that it is UTF-8 and is not; read as ISO-8859-1.
    pub wrong_encodings: u32,
    /// Elements whose prefix is not declared. They are known by their local names.
    pub unbound_prefixes: u32,
}

impl Departures {
    /// Whether the message was as the standard wants it.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Each kind with its number, for counters.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u32); 9] {
        [
            ("array_counts", self.array_counts),
            ("untyped_arrays", self.untyped_arrays),
            ("untyped_values", self.untyped_values),
            ("unknown_elements", self.unknown_elements),
            ("not_understood", self.not_understood),
            ("wrong_values", self.wrong_values),
            ("forbidden_characters", self.forbidden_characters),
            ("wrong_encodings", self.wrong_encodings),
            ("unbound_prefixes", self.unbound_prefixes),
        ]
    }
}
