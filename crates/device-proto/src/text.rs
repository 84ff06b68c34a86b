/// Why a text cannot be what it was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// It must have at least one character.
    #[error("it is empty")]
    Empty,
    /// It has more characters than it may.
    #[error("it has {chars} characters, at most {max} are allowed")]
    TooLong {
        /// Of the text.
        chars: usize,
        /// Allowed.
        max: usize,
    },
    /// A control character is in it: no standard has one there, and logs and pages would break on it.
    #[error("a control character is in it")]
    Control,
}

/// Whether `text` has `min` to `max` characters and no control character.
pub(crate) fn check(text: &str, min: usize, max: usize) -> Result<(), TextError> {
    // Counting stops where the answer is known: a megabyte is not walked through.
    let chars = text.chars().take(max.saturating_mul(4)).count();
    if chars > max {
        return Err(TextError::TooLong { chars, max });
    }
    if chars < min {
        return Err(TextError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    Ok(())
}

/// As much of a text as may be kept, without control characters.
pub(crate) fn cut(text: &str, chars_max: usize) -> Box<str> {
    text.chars().filter(|c| !c.is_control()).take(chars_max).collect()
}

/// A newtype of text with bounds, compared character by character.
macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The most characters it may have.
            pub const CHARS_MAX: usize = $max;

            /// Takes a text as it is.
            ///
            /// # Errors
            ///
            /// It is too short or too long, or has a control character in it.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, $crate::TextError> {
                let text = text.into();
                $crate::text::check(&text, $min, $max)?;
                Ok(Self(text))
            }

            /// As it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(crate) use bounded_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_within_its_bounds_and_refused_outside_them() {
        let table = [
            ("", 0, 4, Ok(())),
            ("", 1, 4, Err(TextError::Empty)),
            ("abcd", 1, 4, Ok(())),
            ("äöü€", 1, 4, Ok(())),
            ("abcde", 1, 4, Err(TextError::TooLong { chars: 5, max: 4 })),
            ("a\nb", 1, 4, Err(TextError::Control)),
        ];
        for (text, min, max, expected) in table {
            assert_eq!(check(text, min, max), expected, "{text:?}");
        }
        assert_eq!(check(&"x".repeat(1 << 20), 0, 4), Err(TextError::TooLong { chars: 16, max: 4 }));
    }
}
