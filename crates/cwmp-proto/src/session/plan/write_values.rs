use std::collections::BTreeSet;

use crate::message::{SetParameterValues, Status};
use crate::session::Outcome;
use crate::{FaultCode, Message, ParameterValue, SetParameterValuesFault};

/// The schemas: `ParameterKey` is a string of at most 32 characters.
pub const PARAMETER_KEY_CHARS_MAX: usize = 32;

/// Why parameters cannot be set so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteOffence {
    /// Nothing to set.
    #[error("no parameter is given")]
    Empty,
    /// One is given twice: a CPE must refuse that (TR-069 Amendment 6 Annex A.3.2.1).
    #[error("{path} is given twice")]
    Twice {
        /// Which.
        path: String,
    },
    /// Ends in a dot, or is empty: values are those of parameters.
    #[error("{path:?} is no parameter")]
    NoParameter {
        /// What.
        path: String,
    },
    /// Too long.
    #[error("a parameter key has at most 32 characters")]
    ParameterKey,
}

/// One request that sets all of these or none, and leaves `parameter_key` in the CPE's ParameterKey.
///
/// # Errors
///
/// What a CPE would have to refuse.
pub fn write_values(parameters: Vec<ParameterValue>, parameter_key: &str) -> Result<SetParameterValues, WriteOffence> {
    if parameters.is_empty() {
        return Err(WriteOffence::Empty);
    }
    if parameter_key.chars().count() > PARAMETER_KEY_CHARS_MAX {
        return Err(WriteOffence::ParameterKey);
    }
    let mut seen = BTreeSet::new();
    for ParameterValue { path, .. } in &parameters {
        if path.is_empty() || path.ends_with('.') {
            return Err(WriteOffence::NoParameter { path: path.clone() });
        }
        if !seen.insert(path) {
            return Err(WriteOffence::Twice { path: path.clone() });
        }
    }
    Ok(SetParameterValues { parameters, parameter_key: parameter_key.to_owned() })
}

/// What came of setting parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// All are set; [`Status::Later`] once the CPE has restarted.
    Set(Status),
    /// None is set.
    Refused {
        /// The fault; `None`: one of SOAP alone, or another answer.
        code: Option<FaultCode>,
        /// Which were wrong, if the CPE said it.
        parameters: Vec<SetParameterValuesFault>,
    },
}

/// Reads the outcome of such a request.
#[must_use]
pub fn write_result(outcome: Outcome) -> WriteResult {
    match outcome {
        Outcome::Response(message) => match *message {
            Message::SetParameterValuesResponse(response) => WriteResult::Set(response.status),
            _ => WriteResult::Refused { code: None, parameters: Vec::new() },
        },
        Outcome::Fault(fault) => {
            let code = fault.code();
            let parameters = fault.detail.map(|it| it.parameters).unwrap_or_default();
            WriteResult::Refused { code, parameters }
        }
        Outcome::TooLarge | Outcome::NotSent(_) => WriteResult::Refused { code: None, parameters: Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SetParameterValuesResponse;
    use crate::{Fault, ValueKind};

    fn value(path: &str) -> ParameterValue {
        ParameterValue::new(path, "1", ValueKind::Boolean)
    }

    #[test]
    fn all_parameters_go_in_one_request_with_their_key() {
        let many: Vec<_> = (0..500).map(|at| value(&format!("Device.X.{at}"))).collect();
        let request = write_values(many.clone(), "key").unwrap();
        assert_eq!((request.parameters, request.parameter_key.as_str()), (many, "key"));
    }

    #[test]
    fn what_a_cpe_would_have_to_refuse_is_not_sent() {
        assert_eq!(write_values(vec![], ""), Err(WriteOffence::Empty));
        let twice = write_values(vec![value("A.B"), value("A.C"), value("A.B")], "");
        assert_eq!(twice, Err(WriteOffence::Twice { path: "A.B".into() }));
        assert_eq!(write_values(vec![value("A.")], ""), Err(WriteOffence::NoParameter { path: "A.".into() }));
        assert_eq!(write_values(vec![value("A.B")], &"k".repeat(33)), Err(WriteOffence::ParameterKey));
        assert!(write_values(vec![value("A.B")], &"é".repeat(32)).is_ok());
    }

    #[test]
    fn the_fault_names_the_parameters_that_were_wrong() {
        let response = Message::from(SetParameterValuesResponse { status: Status::Later });
        assert_eq!(write_result(Outcome::Response(Box::new(response))), WriteResult::Set(Status::Later));
        let mut fault = Fault::new(FaultCode::InvalidArguments);
        let wrong =
            SetParameterValuesFault { path: "A.B".into(), code: FaultCode::InvalidParameterValue, text: String::new() };
        fault.detail.as_mut().unwrap().parameters.push(wrong.clone());
        let expected = WriteResult::Refused { code: Some(FaultCode::InvalidArguments), parameters: vec![wrong] };
        assert_eq!(write_result(Outcome::Fault(Box::new(fault))), expected);
    }
}
