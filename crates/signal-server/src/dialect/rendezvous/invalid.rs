use serde::Serialize;
use serde_json::value::RawValue;

/// One thing that is wrong with a request, as clients of the original read it: an entry of `detail` in a 422 answer
/// (<https://fastapi.tiangolo.com/tutorial/handling-errors/>).
#[derive(Clone, Debug)]
pub struct Invalid {
    kind: Kind,
    at: Vec<&'static str>,
    input: Option<Box<RawValue>>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not there.
    Missing,
    /// It is no text.
    NotText,
    /// It is no object.
    NotObject,
    /// The body as a whole is no object.
    BodyNotObject,
    /// The body is no JSON.
    NotJson,
    /// It is no whole number.
    NotNumber,
    /// It is less than nothing.
    Negative,
    /// It is longer than an id may be.
    TooLong,
    /// It is nothing that can be an id or a URL.
    Unusable,
}

/// Of what was sent no more is said back.
const INPUT_BYTES_MAX: usize = 1_024;

impl Invalid {
    pub(crate) fn new(kind: Kind, at: &[&'static str], input: Option<&RawValue>) -> Self {
        let input = input.filter(|it| it.get().len() <= INPUT_BYTES_MAX).map(ToOwned::to_owned);
        Self { kind, at: at.to_vec(), input }
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The body of the answer.
    #[must_use]
    pub fn encode(all: &[Self]) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            detail: Vec<Detail<'a>>,
        }
        #[derive(Serialize)]
        struct Detail<'a> {
            r#type: &'static str,
            loc: &'a [&'static str],
            msg: &'static str,
            input: Option<&'a RawValue>,
        }
        let detail = all.iter().map(|it| {
            let (r#type, msg) = it.kind.words();
            Detail { r#type, loc: &it.at, msg, input: it.input.as_deref() }
        });
        serde_json::to_string(&Body { detail: detail.collect() }).expect("texts and values that were JSON are JSON")
    }
}

impl Kind {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Missing => ("missing", "Field required"),
            Self::NotText => ("string_type", "Input should be a valid string"),
            Self::NotObject => ("dict_type", "Input should be a valid dictionary"),
            Self::BodyNotObject => {
                ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
            }
            Self::NotJson => ("json_invalid", "JSON decode error"),
            Self::NotNumber => ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
            Self::Negative => ("greater_than_equal", "Input should be greater than or equal to 0"),
            Self::TooLong => ("string_too_long", "String should have at most 128 characters"),
            Self::Unusable => ("value_error", "Value error, an id or URL is text without control characters"),
        }
    }
}
