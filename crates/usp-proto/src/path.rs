//! Path names (TR-369 §2, TR-106): read, and resolved against a data model.
//!
//! `Device.WiFi.AccessPoint.[SSIDReference+.SSID=="MyHome"].AssociatedDevice.*.SignalStrength` is a path of six steps and a
//! parameter. A step is a name, an instance by number, all instances, those that an expression finds, or a reference
//! that is followed.

mod expression;
mod parse;
mod resolve;

pub use expression::{Operator, Term, TermStep};
pub use resolve::{ResolveError, Resolved, resolve};

use crate::error_code::ErrorCode;

/// Bounds of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathLimits {
    /// Bytes. Default 2048.
    pub bytes_max: usize,
    /// Steps. Default 48.
    pub steps_max: usize,
    /// Terms of one expression. Default 16.
    pub terms_max: usize,
    /// Objects that a path may find. Default 10,000.
    pub found_max: usize,
}

impl Default for PathLimits {
    fn default() -> Self {
        Self { bytes_max: 2_048, steps_max: 48, terms_max: 16, found_max: 10_000 }
    }
}

/// A path name of the instantiated data model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// From the root to the object.
    pub steps: Vec<Step>,
    /// What of the object.
    pub target: Target,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An object by its name.
    Name(String),
    /// An instance by its number.
    Instance(u32),
    /// All instances: `*`.
    All,
    /// The instances for which every term holds.
    Search(Vec<Term>),
    /// The objects that a parameter refers to.
    Follow {
        /// The parameter.
        name: String,
        /// Which item of its list.
        item: Item,
    },
}

/// Which item of a list of references is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The one at this place, counted from 1; `+` alone is the first.
    Nth(u32),
    /// Each: `#*+`.
    All,
}

/// What of an object a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The object itself: the path ends with a dot.
    Object,
    /// A parameter.
    Parameter(String),
    /// A command, its name with `()`.
    Command(String),
    /// An event, its name with `!`.
    Event(String),
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Longer, deeper or with more terms than [`PathLimits`] allows.
    #[error("the path is too long")]
    TooLong,
    /// Not as the grammar of TR-369 §2 has it.
    #[error("the path is malformed")]
    Malformed,
    /// An expression that is empty or not as the grammar has it.
    #[error("the search expression is malformed")]
    BadExpression,
}

impl PathError {
    /// The code that says it.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLong => ErrorCode::ResourcesExceeded,
            Self::Malformed | Self::BadExpression => ErrorCode::InvalidPathSyntax,
        }
    }
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// If it is none, or too long.
    pub fn parse(text: &str, limits: &PathLimits) -> Result<Self, PathError> {
        parse::path(text, limits)
    }

    /// Whether it searches: it may find none, one or many, and none is no mistake.
    #[must_use]
    pub fn is_search(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::All | Step::Search(_)))
    }
}

/// The object of a concrete path and the name within it: `Device.WiFi.` and `Status`.
#[must_use]
pub fn split_parameter(path: &str) -> Option<(&str, &str)> {
    let at = path.rfind('.')? + 1;
    (at < path.len()).then(|| path.split_at(at))
}

/// A concrete path as the supported data model writes it: each instance number becomes `{i}`.
#[must_use]
pub fn to_supported(path: &str) -> String {
    let mut supported = String::with_capacity(path.len());
    for part in path.split_inclusive('.') {
        let name = part.strip_suffix('.').unwrap_or(part);
        let is_instance = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        supported.push_str(if is_instance { "{i}" } else { name });
        if part.ends_with('.') {
            supported.push('.');
        }
    }
    supported
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Path, PathError> {
        Path::parse(text, &PathLimits::default())
    }

    fn name(name: &str) -> Step {
        Step::Name(name.to_owned())
    }

    #[test]
    fn paths_of_every_kind_are_read() {
        let table = [
            ("Device.", vec![name("Device")], Target::Object),
            ("Device.X_1.2.", vec![name("Device"), name("X_1"), Step::Instance(2)], Target::Object),
            ("Device.Y.*.Z", vec![name("Device"), name("Y"), Step::All], Target::Parameter("Z".into())),
            ("Device.Reboot()", vec![name("Device")], Target::Command("Reboot()".into())),
            ("Device.Boot!", vec![name("Device")], Target::Event("Boot!".into())),
        ];
        for (text, steps, target) in table {
            assert_eq!(parse(text), Ok(Path { steps, target }), "{text}");
        }
        let followed = |item| Step::Follow { name: "R".into(), item };
        for (text, item) in [("R+", Item::Nth(1)), ("R#3+", Item::Nth(3)), ("R#*+", Item::All)] {
            let path = parse(&format!("Device.{text}.Name")).unwrap();
            assert_eq!(path.steps[1], followed(item), "{text}");
        }
    }

    #[test]
    fn expressions_are_read_with_dots_brackets_and_escapes_in_their_texts() {
        let path = parse("Device.A.[Name==\"a.b]&&c%22%25\"&&Stats.Errors>=0&&R+.X!=true].Y").unwrap();
        let Step::Search(terms) = &path.steps[2] else { panic!("{path:?}") };
        assert_eq!(terms.len(), 3);
        assert_eq!(
            (terms[0].operator, terms[0].value.as_str(), terms[0].is_text),
            (Operator::Equal, "a.b]&&c\"%", true)
        );
        assert_eq!((terms[1].path.len(), terms[1].operator, terms[1].value.as_str()), (2, Operator::AtLeast, "0"));
        assert_eq!(terms[2].path[0], TermStep { name: "R".into(), follow: Some(Item::Nth(1)) });
        // Blanks beside an operator are borne (R-ARC.9a).
        assert_eq!(parse("Device.A.[Type == \"x\"].").unwrap(), parse("Device.A.[Type==\"x\"].").unwrap());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let malformed = [
            "",
            ".",
            "Device",
            "Device..",
            "1.",
            "Device.0.",
            "Device.01.",
            "Device.1x.",
            "Device.a-b.",
            "Device.*",
            "Device.1",
            "Device.A.{i}.",
            "Device.A!.",
            "Device.R+",
            "Device.R#0+.X",
            "Device.R#+.X",
            "Device.99999999999.",
            "*.",
            "Device.\u{e9}.",
            "Device.A.[B==1]",
            "Device.A.[B==1]C.",
        ];
        for text in malformed {
            assert_eq!(parse(text), Err(PathError::Malformed), "{text}");
        }
        for text in [
            "[]",
            "[A]",
            "[A=1]",
            "[A==]",
            "[==1]",
            "[A==\"x]",
            "[A==1&&]",
            "[A==1||B==2]",
            "[A.1.B==1]",
            "[A==\"%2\"]",
        ] {
            assert_eq!(parse(&format!("Device.T.{text}.")), Err(PathError::BadExpression), "{text}");
        }
    }

    #[test]
    fn paths_are_bounded() {
        let limits = PathLimits { bytes_max: 30, steps_max: 3, terms_max: 2, ..PathLimits::default() };
        for text in ["Device.A.B.C.", "Device.A.[a==1&&b==1&&c==1].", "Device.Aaaaaaaaaaaaaaaaaaaaaaaa."] {
            assert_eq!(Path::parse(text, &limits), Err(PathError::TooLong), "{text}");
        }
    }

    #[test]
    fn concrete_paths_are_taken_apart() {
        assert_eq!(split_parameter("Device.A.1.B"), Some(("Device.A.1.", "B")));
        assert_eq!(split_parameter("Device.A.1."), None);
        assert_eq!(to_supported("Device.A.1.B.22.C"), "Device.A.{i}.B.{i}.C");
    }
}
