//! Tests that a CPE runs for us (TR-143, TR-098, TR-181): inputs and `DiagnosticsState = Requested` are set together, the CPE
//! ends the session, runs the test, and begins a session with `8 DIAGNOSTICS COMPLETE`, in which the results are read.
//!
//! ```text
//! next_request: SetParameterValues --> handle_outcome --> the session must end
//!                                      handle_events (8 DIAGNOSTICS COMPLETE), or handle_overdue
//! next_request: GetParameterValues --> handle_outcome --> end_of_run
//! ```
//!
//! A [`DiagnosticRun`] outlives sessions, and by [`DiagnosticRun::resume`] a restart. A CPE has one test of each kind: whoever
//! requests another ends the first.
//!
//! Left out: `UDPEchoConfig`, a server on the CPE without a state, which is set and read like any parameters; NSLookup and
//! IPLayerCapacity.

mod diagnostic;
mod results;
mod run;
mod transfer_time;

pub use diagnostic::{
    DataModel, Diagnostic, DownloadTest, EchoTest, InputOffence, PingTest, ServerProtocol, ServerSelectionTest,
    TraceRouteTest, UploadTest,
};
pub use results::{EchoResult, Hop, PingResult, Results, ServerSelectionResult, TraceRouteResult, TransferResult};
pub use run::{DiagnosticEnd, DiagnosticRun};
pub use transfer_time::micros_between;
