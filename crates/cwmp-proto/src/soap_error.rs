use thiserror::Error;

/// Why a body is no message. All of it is the peer's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SoapError {
    /// Nothing but white space. An empty HTTP body is no SOAP at all: look before decoding.
    #[error("an empty body")]
    Empty,
    /// More bytes than [`SoapLimits::body_bytes`](crate::SoapLimits::body_bytes).
    #[error("the body has {actual} bytes, more than {max}")]
    BodyBytes {
        /// Bytes that came.
        actual: usize,
        /// Bytes that may.
        max: usize,
    },
    /// An encoding other than UTF-8, US-ASCII and ISO-8859-1.
    #[error("an encoding that is not read here")]
    Encoding,
    /// Not well-formed.
    #[error("not well-formed XML, at byte {at}")]
    Syntax {
        /// Where the reader stood, bytes from the start of the decoded text.
        at: u64,
    },
    /// A document type declaration. SOAP 1.1 §3 forbids it.
    #[error("a document type declaration")]
    DocType,
    /// An entity that XML does not define by itself.
    #[error("an entity that nobody declared")]
    Entity,
    /// Not an envelope of SOAP 1.1.
    #[error("not an envelope of SOAP 1.1")]
    NotSoap,
    /// An envelope without a body.
    #[error("an envelope without a body")]
    NoBody,
    /// More than one envelope, or more than one message in it.
    #[error("more than one envelope or message")]
    MoreThanOne,
    /// The name of a method is none.
    #[error("a method whose name is none")]
    Name,
    /// An element is missing without which the message means nothing.
    #[error("{element} is missing")]
    Missing {
        /// Its name.
        element: &'static str,
    },
    /// An element holds something else than its type.
    #[error("{element} is not {wanted}")]
    Value {
        /// Its name.
        element: &'static str,
        /// `a number`, `a boolean`.
        wanted: &'static str,
    },
    /// A bound of [`SoapLimits`](crate::SoapLimits) is passed.
    #[error("too much: {bound}")]
    Limit {
        /// Its name: that of the field.
        bound: &'static str,
    },
}

impl SoapError {
    /// One of a fixed set of words: a label for metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BodyBytes { .. } => "body_bytes",
            Self::Encoding => "encoding",
            Self::Syntax { .. } => "syntax",
            Self::DocType => "doctype",
            Self::Entity => "entity",
            Self::NotSoap => "not_soap",
            Self::NoBody => "no_body",
            Self::MoreThanOne => "more_than_one",
            Self::Name => "name",
            Self::Missing { .. } => "missing",
            Self::Value { .. } => "value",
            Self::Limit { bound } => bound,
        }
    }
}

/// Why a message cannot be written. It is its author's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A text holds a character that XML 1.0 forbids and cannot escape. To send something else in its place would set
    /// another value than was asked for.
    #[error("U+{character:04X} cannot be written in XML")]
    Forbidden {
        /// The character's number.
        character: u32,
    },
    /// The name of a method or of a type is none.
    #[error("a name that is none")]
    Name,
}
