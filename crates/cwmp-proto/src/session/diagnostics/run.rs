use super::results::{Found, Results};
use super::{DataModel, Diagnostic, InputOffence};
use crate::message::{GetParameterValues, SetParameterValues};
use crate::session::Outcome;
use crate::session::plan::{WriteResult, write_result};
use crate::{EventCode, EventStruct, FaultCode, Message, ParameterValue, SetParameterValuesFault};

/// A test from its request to its end.
#[derive(Debug)]
pub struct DiagnosticRun {
    test: Diagnostic,
    object: &'static str,
    inputs: Vec<ParameterValue>,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The request is to be sent, or is under way.
    Requesting {
        is_asked: bool,
    },
    /// The CPE runs the test once the session is over.
    Running,
    /// The results are to be read, or are being read.
    Reading {
        is_asked: bool,
    },
    Ended(Box<DiagnosticEnd>),
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiagnosticEnd {
    /// It ran.
    Completed(Results),
    /// It could not: the CPE's own word, such as `Error_CannotResolveHostName`; at most 64 characters.
    Error(String),
    /// The CPE would not set its inputs, or not tell its results.
    Refused {
        /// Its fault; `None`: another answer than is due.
        code: Option<FaultCode>,
        /// Which inputs were wrong.
        parameters: Vec<SetParameterValuesFault>,
    },
    /// The CPE knows of no test any more: it restarted, or somebody else changed an input.
    Lost,
}

impl DiagnosticRun {
    /// A test that is to be requested.
    ///
    /// # Errors
    ///
    /// Its inputs cannot be set.
    pub fn new(test: Diagnostic, model: DataModel) -> Result<Self, InputOffence> {
        let object = test.object(model).ok_or(InputOffence::NotInDataModel)?;
        let inputs = test.inputs(model)?;
        Ok(Self { test, object, inputs, stage: Stage::Requesting { is_asked: false } })
    }

    /// A test that was requested already: [`is_running`](Self::is_running) was true when it was last seen.
    ///
    /// # Errors
    ///
    /// It could never have been requested.
    pub fn resume(test: Diagnostic, model: DataModel) -> Result<Self, InputOffence> {
        Ok(Self { stage: Stage::Running, ..Self::new(test, model)? })
    }

    /// The next request; `None`: there is none now. Requesting a test twice only restarts it, so that it may be repeated.
    pub fn next_request(&mut self) -> Option<Message> {
        match &mut self.stage {
            Stage::Requesting { is_asked: is_asked @ false } => {
                *is_asked = true;
                let parameters = self.inputs.clone();
                Some(SetParameterValues { parameters, parameter_key: String::new() }.into())
            }
            Stage::Reading { is_asked: is_asked @ false } => {
                *is_asked = true;
                Some(GetParameterValues { names: vec![self.object.to_owned()] }.into())
            }
            Stage::Requesting { .. } | Stage::Running | Stage::Reading { .. } | Stage::Ended(_) => None,
        }
    }

    /// What came of the last request.
    pub fn handle_outcome(&mut self, outcome: Outcome) {
        match &self.stage {
            Stage::Requesting { is_asked: true } => match write_result(outcome) {
                WriteResult::Set(_) => self.stage = Stage::Running,
                WriteResult::Refused { code, parameters } => self.end(DiagnosticEnd::Refused { code, parameters }),
            },
            Stage::Reading { is_asked: true } => self.handle_results(outcome),
            Stage::Requesting { .. } | Stage::Running | Stage::Reading { .. } | Stage::Ended(_) => {}
        }
    }

    /// The last request was not answered; it may be asked again, in another session.
    pub fn handle_unanswered(&mut self) {
        match &mut self.stage {
            Stage::Requesting { is_asked } | Stage::Reading { is_asked } => *is_asked = false,
            Stage::Running | Stage::Ended(_) => {}
        }
    }

    /// A session of the CPE began with these events.
    pub fn handle_events(&mut self, events: &[EventStruct]) {
        let is_complete = events.iter().any(|event| event.code == EventCode::DiagnosticsComplete);
        if is_complete && self.stage == Stage::Running {
            self.stage = Stage::Reading { is_asked: false };
        }
    }

    /// It takes longer than it may, and the CPE is here: what does it say? Some never say that they are done.
    pub fn handle_overdue(&mut self) {
        if self.stage == Stage::Running {
            self.stage = Stage::Reading { is_asked: false };
        }
    }

    /// Whether the CPE was asked to run it, and not heard since. It begins when the session is over: end it soon.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.stage == Stage::Running
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn end_of_run(&self) -> Option<&DiagnosticEnd> {
        match &self.stage {
            Stage::Ended(end) => Some(end),
            Stage::Requesting { .. } | Stage::Running | Stage::Reading { .. } => None,
        }
    }

    fn handle_results(&mut self, outcome: Outcome) {
        let values = match outcome {
            Outcome::Response(message) => match *message {
                Message::GetParameterValuesResponse(response) => response.parameters,
                _ => return self.end(DiagnosticEnd::Refused { code: None, parameters: Vec::new() }),
            },
            Outcome::Fault(fault) => {
                return self.end(DiagnosticEnd::Refused { code: fault.code(), parameters: Vec::new() });
            }
            Outcome::TooLarge | Outcome::NotSent(_) => {
                return self.end(DiagnosticEnd::Refused { code: None, parameters: Vec::new() });
            }
        };
        let found = Found::new(self.object, &values);
        match found.text("DiagnosticsState").map(str::trim) {
            // TR-098 says `Complete`, TR-143 `Completed`, TR-181 both.
            Some("Complete" | "Completed") => {
                let results = found.results(&self.test);
                self.end(DiagnosticEnd::Completed(results));
            }
            // The event was that of another test.
            Some("Requested") => self.stage = Stage::Running,
            Some(state) if state.starts_with("Error") => {
                let word = state.chars().take(64).collect();
                self.end(DiagnosticEnd::Error(word));
            }
            Some(_) => self.end(DiagnosticEnd::Lost),
            None => self.end(DiagnosticEnd::Refused { code: None, parameters: Vec::new() }),
        }
    }

    fn end(&mut self, end: DiagnosticEnd) {
        self.stage = Stage::Ended(Box::new(end));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PingResult, PingTest};
    use super::*;
    use crate::message::{GetParameterValuesResponse, SetParameterValuesResponse, Status};
    use crate::{Fault, ValueKind};

    const OBJECT: &str = "Device.IP.Diagnostics.IPPing.";

    fn test() -> Diagnostic {
        Diagnostic::Ping(PingTest { host: "192.0.2.1".into(), ..PingTest::default() })
    }

    fn set() -> Outcome {
        Outcome::Response(Box::new(SetParameterValuesResponse { status: Status::Done }.into()))
    }

    fn values(state: &str) -> Outcome {
        let value = |name, value| ParameterValue::new(format!("{OBJECT}{name}"), value, ValueKind::String);
        let parameters = vec![value("DiagnosticsState", state), value("SuccessCount", "3")];
        Outcome::Response(Box::new(GetParameterValuesResponse { parameters }.into()))
    }

    fn events(codes: &[EventCode]) -> Vec<EventStruct> {
        codes.iter().map(|code| EventStruct { code: code.clone(), command_key: String::new() }).collect()
    }

    /// A run whose results are being read.
    fn reading() -> DiagnosticRun {
        let mut run = DiagnosticRun::resume(test(), DataModel::Tr181).unwrap();
        run.handle_events(&events(&[EventCode::DiagnosticsComplete]));
        let read = run.next_request();
        assert_eq!(read, Some(GetParameterValues { names: vec![OBJECT.to_owned()] }.into()));
        run
    }

    #[test]
    fn a_test_is_requested_waited_for_and_read() {
        let mut run = DiagnosticRun::new(test(), DataModel::Tr181).unwrap();
        let Some(Message::SetParameterValues(request)) = run.next_request() else { panic!("no request") };
        assert_eq!(request.parameters.last().unwrap().value, "Requested");
        assert_eq!(run.next_request(), None, "one at a time");
        run.handle_outcome(set());
        assert!(run.is_running());
        assert_eq!(run.next_request(), None, "the session has to end first");
        run.handle_events(&events(&[EventCode::Periodic]));
        assert_eq!(run.next_request(), None, "it is not done yet");
        run.handle_events(&events(&[EventCode::Periodic, EventCode::DiagnosticsComplete]));
        assert!(run.next_request().is_some());
        run.handle_outcome(values("Complete"));
        let expected = PingResult { successes: Some(3), ..PingResult::default() };
        assert_eq!(run.end_of_run(), Some(&DiagnosticEnd::Completed(Results::Ping(expected))));
    }

    #[test]
    fn each_state_has_its_meaning() {
        for (state, expected) in [
            ("Error_CannotResolveHostName", Some(DiagnosticEnd::Error("Error_CannotResolveHostName".into()))),
            ("None", Some(DiagnosticEnd::Lost)),
            ("Canceled", Some(DiagnosticEnd::Lost)),
            ("Requested", None),
        ] {
            let mut run = reading();
            run.handle_outcome(values(state));
            assert_eq!(run.end_of_run(), expected.as_ref(), "{state}");
            assert_eq!(run.is_running(), expected.is_none());
        }
        let mut run = reading();
        run.handle_outcome(values(&format!("Error_{}", "x".repeat(500))));
        assert!(matches!(run.end_of_run(), Some(DiagnosticEnd::Error(word)) if word.len() == 64));
        let mut run = reading();
        run.handle_outcome(values("completed?"));
        assert_eq!(run.end_of_run(), Some(&DiagnosticEnd::Lost));
    }

    #[test]
    fn a_cpe_that_will_not_ends_the_test() {
        let mut run = DiagnosticRun::new(test(), DataModel::Tr098).unwrap();
        run.next_request();
        run.handle_outcome(Outcome::Fault(Box::new(Fault::new(FaultCode::InvalidArguments))));
        let refused = |code| DiagnosticEnd::Refused { code, parameters: vec![] };
        assert_eq!(run.end_of_run(), Some(&refused(Some(FaultCode::InvalidArguments))));
        let mut run = reading();
        run.handle_outcome(Outcome::Fault(Box::new(Fault::new(FaultCode::InvalidParameterName))));
        assert_eq!(run.end_of_run(), Some(&refused(Some(FaultCode::InvalidParameterName))));
        let mut run = reading();
        run.handle_outcome(set());
        assert_eq!(run.end_of_run(), Some(&refused(None)));
    }

    #[test]
    fn what_was_not_answered_is_asked_again_and_an_overdue_test_is_looked_at() {
        let mut run = DiagnosticRun::new(test(), DataModel::Tr181).unwrap();
        let first = run.next_request();
        run.handle_unanswered();
        assert_eq!(run.next_request(), first);
        run.handle_outcome(set());
        run.handle_overdue();
        assert!(run.next_request().is_some());
        run.handle_unanswered();
        assert!(run.next_request().is_some());
    }
}
