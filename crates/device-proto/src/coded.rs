/// How an enum is stored: each of its values by its place in `ALL`, which never changes.
macro_rules! coded {
    ($name:ident) => {
        impl $name {
            /// As it is stored.
            #[must_use]
            pub fn code(self) -> u8 {
                self as u8
            }

            /// Of a code that was stored; `None`: nothing has it.
            #[must_use]
            pub fn of_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }
        }
    };
}

pub(crate) use coded;
