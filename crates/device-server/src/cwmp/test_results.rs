//! What a test found, as the API shows it. Times are microseconds unless their names say otherwise; `null`: the device did not say.

use sangam_cwmp_proto::session::diagnostics::{
    DiagnosticEnd, EchoResult, Hop, PingResult, Results, ServerSelectionResult, TraceRouteResult, TransferResult,
};
use sangam_device_proto::task::{Happened, Report};
use serde_json::{Value as Json, json};

use super::answered::json as payload;

/// How a test ended, as its task has it.
pub(super) fn ended(end: &DiagnosticEnd) -> Happened {
    Happened::Completed(match end {
        DiagnosticEnd::Completed(results) => Ok(payload(&shown(results))),
        DiagnosticEnd::Error(word) => Err(Report::of(0, word)),
        DiagnosticEnd::Refused { code, .. } => {
            let code = code.map_or(0, |code| u32::from(code.number()));
            Err(Report::of(code, "the device does not tell what its test has found"))
        }
        DiagnosticEnd::Lost => {
            Err(Report::of(0, "the device knows of no test any more: it restarted, or another input was set"))
        }
    })
}

fn shown(results: &Results) -> Json {
    match results {
        Results::Ping(it) => ping(it),
        Results::TraceRoute(it) => trace(it),
        Results::Download(it) | Results::Upload(it) => transfer(it),
        Results::UdpEcho(it) => echo(it),
        Results::ServerSelection(it) => selection(it),
    }
}

fn ping(it: &PingResult) -> Json {
    json!({
        "successes": it.successes, "failures": it.failures, "average_micros": it.average_micros,
        "minimum_micros": it.minimum_micros, "maximum_micros": it.maximum_micros, "address_used": it.address_used,
    })
}

fn echo(it: &EchoResult) -> Json {
    json!({
        "successes": it.successes, "failures": it.failures, "average_micros": it.average_micros,
        "minimum_micros": it.minimum_micros, "maximum_micros": it.maximum_micros, "address_used": it.address_used,
    })
}

fn trace(it: &TraceRouteResult) -> Json {
    let hop = |hop: &Hop| {
        json!({
            "host": hop.host, "address": hop.address, "error_code": hop.error_code,
            "round_trips_millis": hop.round_trips_millis,
        })
    };
    json!({
        "response_millis": it.response_millis, "hops": it.hops.iter().map(hop).collect::<Vec<_>>(),
        "address_used": it.address_used,
    })
}

fn transfer(it: &TransferResult) -> Json {
    json!({
        "requested": it.requested, "began": it.began, "ended": it.ended, "test_bytes": it.test_bytes,
        "total_bytes": it.total_bytes, "connect_micros": it.connect_micros, "transfer_micros": it.transfer_micros,
        "bits_per_second": it.bits_per_second, "address_used": it.address_used,
    })
}

fn selection(it: &ServerSelectionResult) -> Json {
    json!({
        "fastest_host": it.fastest_host, "average_response_time": it.average_response_time,
        "minimum_response_time": it.minimum_response_time, "maximum_response_time": it.maximum_response_time,
        "address_used": it.address_used,
    })
}
