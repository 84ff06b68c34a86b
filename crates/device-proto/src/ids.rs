/// A number that a store gives once and never again, also not after the row is gone.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// A device, below 2^40.
    DeviceId
);
id!(
    /// A schema, below 2^32.
    SchemaId
);
id!(
    /// A task.
    TaskId
);
id!(
    /// An event; they count up in the order in which they were committed.
    EventId
);
id!(
    /// An alarm.
    AlarmId
);
id!(
    /// A profile.
    ProfileId
);
id!(
    /// A file.
    FileId
);
id!(
    /// A diagnostic.
    DiagnosticId
);
