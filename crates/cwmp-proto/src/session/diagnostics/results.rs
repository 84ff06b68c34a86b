use std::collections::BTreeMap;

use super::{Diagnostic, micros_between};
use crate::ParameterValue;

/// What a test found. A number that a CPE does not give, or gives as no number, is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Results {
    /// Of a ping.
    Ping(PingResult),
    /// Of a trace.
    TraceRoute(TraceRouteResult),
    /// Of a download.
    Download(TransferResult),
    /// Of an upload.
    Upload(TransferResult),
    /// Of UDP echo.
    UdpEcho(EchoResult),
    /// Of a selection.
    ServerSelection(ServerSelectionResult),
}

/// What a ping found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PingResult {
    /// Packets that were answered in time.
    pub successes: Option<u32>,
    /// Those that were not.
    pub failures: Option<u32>,
    /// Microseconds, from milliseconds where the CPE gives no better.
    pub average_micros: Option<u64>,
    /// Likewise.
    pub minimum_micros: Option<u64>,
    /// Likewise.
    pub maximum_micros: Option<u64>,
    /// The address it left by.
    pub address_used: Option<String>,
}

/// What a trace found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceRouteResult {
    /// Milliseconds of the last hop.
    pub response_millis: Option<u32>,
    /// In their order, at most [`Self::HOPS_MAX`].
    pub hops: Vec<Hop>,
    /// The address it left by.
    pub address_used: Option<String>,
}

impl TraceRouteResult {
    /// No route is longer: an IP packet's hops are counted in a byte.
    pub const HOPS_MAX: usize = 255;
}

/// A hop of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Its name, or its address if it has none.
    pub host: String,
    /// Its address; empty if `host` is one.
    pub address: String,
    /// Of ICMP.
    pub error_code: Option<u32>,
    /// Milliseconds of each try that was answered.
    pub round_trips_millis: Vec<u32>,
}

/// What a transfer found (TR-143 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferResult {
    /// `ROMTime`: when the request was sent. As the CPE wrote it, like all times here.
    pub requested: Option<String>,
    /// `BOMTime`: when the transfer began.
    pub began: Option<String>,
    /// `EOMTime`: when it ended.
    pub ended: Option<String>,
    /// `TestBytesReceived` or, of an upload, `TestBytesSent` (`TestFileLength` where a CPE has no such parameter).
    pub test_bytes: Option<u64>,
    /// `TotalBytesReceived`, `TotalBytesSent`: what passed the interface meanwhile.
    pub total_bytes: Option<u64>,
    /// From the first packet of the TCP connection to its answer.
    pub connect_micros: Option<u64>,
    /// From the beginning of the transfer to its end.
    pub transfer_micros: Option<u64>,
    /// Test bytes over the time of the transfer; `None` if either is unknown or no time passed.
    pub bits_per_second: Option<u64>,
    /// The address it left by.
    pub address_used: Option<String>,
}

/// What UDP echo found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EchoResult {
    /// Packets that were answered in time.
    pub successes: Option<u32>,
    /// Those that were not.
    pub failures: Option<u32>,
    /// Microseconds.
    pub average_micros: Option<u64>,
    /// Likewise.
    pub minimum_micros: Option<u64>,
    /// Likewise.
    pub maximum_micros: Option<u64>,
    /// The address it left by.
    pub address_used: Option<String>,
}

/// What a selection found. Its times are given as they come: data models differ in their unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSelectionResult {
    /// The nearest.
    pub fastest_host: Option<String>,
    /// Of that host.
    pub average_response_time: Option<u64>,
    /// Likewise.
    pub minimum_response_time: Option<u64>,
    /// Likewise.
    pub maximum_response_time: Option<u64>,
    /// The address it left by.
    pub address_used: Option<String>,
}

/// The parameters of a test's object, by their names within it.
pub(super) struct Found<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Found<'a> {
    pub(super) fn new(object: &str, values: &'a [ParameterValue]) -> Self {
        let named = values.iter().filter_map(|it| Some((it.path.strip_prefix(object)?, it.value.as_str())));
        Self(named.collect())
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.trim().parse().ok()
    }

    /// The time by its parameter in microseconds, or by that in milliseconds.
    fn micros(&self, name: &str) -> Option<u64> {
        let detailed: Option<u64> = self.number(&format!("{name}Detailed"));
        // A CPE without the better clock leaves it at 0.
        detailed.filter(|micros| *micros > 0).or_else(|| self.number::<u64>(name)?.checked_mul(1_000))
    }

    /// Reads what a test of that kind leaves.
    pub(super) fn results(&self, test: &Diagnostic) -> Results {
        match test {
            Diagnostic::Ping(_) => Results::Ping(self.ping()),
            Diagnostic::TraceRoute(_) => Results::TraceRoute(self.trace_route()),
            Diagnostic::Download(_) => {
                Results::Download(self.transfer("TestBytesReceived", "TotalBytesReceived", None))
            }
            Diagnostic::Upload(_) => {
                Results::Upload(self.transfer("TestBytesSent", "TotalBytesSent", Some("TestFileLength")))
            }
            Diagnostic::UdpEcho(_) => Results::UdpEcho(self.echo()),
            Diagnostic::ServerSelection(_) => Results::ServerSelection(self.server_selection()),
        }
    }

    fn ping(&self) -> PingResult {
        PingResult {
            successes: self.number("SuccessCount"),
            failures: self.number("FailureCount"),
            average_micros: self.micros("AverageResponseTime"),
            minimum_micros: self.micros("MinimumResponseTime"),
            maximum_micros: self.micros("MaximumResponseTime"),
            address_used: self.owned("IPAddressUsed"),
        }
    }

    fn echo(&self) -> EchoResult {
        EchoResult {
            successes: self.number("SuccessCount"),
            failures: self.number("FailureCount"),
            average_micros: self.number("AverageResponseTime"),
            minimum_micros: self.number("MinimumResponseTime"),
            maximum_micros: self.number("MaximumResponseTime"),
            address_used: self.owned("IPAddressUsed"),
        }
    }

    fn server_selection(&self) -> ServerSelectionResult {
        ServerSelectionResult {
            fastest_host: self.owned("FastestHost"),
            average_response_time: self.number("AverageResponseTime"),
            minimum_response_time: self.number("MinimumResponseTime"),
            maximum_response_time: self.number("MaximumResponseTime"),
            address_used: self.owned("IPAddressUsed"),
        }
    }

    fn transfer(&self, test_bytes: &str, total_bytes: &str, or_else: Option<&str>) -> TransferResult {
        let between = |from, to| micros_between(self.text(from)?, self.text(to)?);
        let test_bytes: Option<u64> = self.number(test_bytes).or_else(|| self.number(or_else?));
        let transfer_micros = between("BOMTime", "EOMTime");
        TransferResult {
            requested: self.owned("ROMTime"),
            began: self.owned("BOMTime"),
            ended: self.owned("EOMTime"),
            test_bytes,
            total_bytes: self.number(total_bytes),
            connect_micros: between("TCPOpenRequestTime", "TCPOpenResponseTime"),
            transfer_micros,
            bits_per_second: test_bytes.zip(transfer_micros).and_then(|(bytes, micros)| bits_per_second(bytes, micros)),
            address_used: self.owned("IPAddressUsed"),
        }
    }

    fn trace_route(&self) -> TraceRouteResult {
        let mut hops: BTreeMap<u32, Hop> = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some((number, field)) = name.strip_prefix("RouteHops.").and_then(|rest| rest.split_once('.')) else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            if hops.len() >= TraceRouteResult::HOPS_MAX && !hops.contains_key(&number) {
                continue;
            }
            let hop = hops.entry(number).or_default();
            // TR-098 puts `Hop` before each name.
            match field.strip_prefix("Hop").unwrap_or(field) {
                "Host" => hop.host = (*value).to_owned(),
                "HostAddress" => hop.address = (*value).to_owned(),
                "ErrorCode" => hop.error_code = value.trim().parse().ok(),
                "RTTimes" => {
                    hop.round_trips_millis = value.split(',').filter_map(|it| it.trim().parse().ok()).collect();
                }
                _ => {}
            }
        }
        TraceRouteResult {
            response_millis: self.number("ResponseTime"),
            hops: hops.into_values().collect(),
            address_used: self.owned("IPAddressUsed"),
        }
    }
}

fn bits_per_second(bytes: u64, micros: u64) -> Option<u64> {
    let bits = u128::from(bytes) * 8 * 1_000_000;
    bits.checked_div(micros.into()).and_then(|rate| u64::try_from(rate).ok())
}

#[cfg(test)]
mod tests {
    use super::super::{DownloadTest, PingTest, TraceRouteTest, UploadTest};
    use super::*;
    use crate::ValueKind;

    fn check(test: &Diagnostic, values: &[(&str, &str)], expected: &Results) {
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| ParameterValue::new(format!("O.{name}"), *value, ValueKind::String))
            .collect();
        assert_eq!(Found::new("O.", &values).results(test), *expected);
    }

    #[test]
    fn a_download_has_its_rate_between_beginning_and_end() {
        let result = TransferResult {
            requested: Some("2026-01-02T03:04:04.9Z".into()),
            began: Some("2026-01-02T03:04:05.000000Z".into()),
            ended: Some("2026-01-02T03:04:07.500000Z".into()),
            test_bytes: Some(31_250_000),
            total_bytes: Some(31_900_000),
            connect_micros: Some(12_345),
            transfer_micros: Some(2_500_000),
            bits_per_second: Some(100_000_000),
            address_used: None,
        };
        let values = [
            ("DiagnosticsState", "Completed"),
            ("ROMTime", "2026-01-02T03:04:04.9Z"),
            ("BOMTime", "2026-01-02T03:04:05.000000Z"),
            ("EOMTime", "2026-01-02T03:04:07.500000Z"),
            ("TestBytesReceived", "31250000"),
            ("TotalBytesReceived", "31900000"),
            ("TCPOpenRequestTime", "2026-01-02T03:04:04.000000Z"),
            ("TCPOpenResponseTime", "2026-01-02T03:04:04.012345Z"),
        ];
        check(&Diagnostic::Download(DownloadTest::default()), &values, &Results::Download(result));
    }

    #[test]
    fn an_upload_without_a_count_of_its_own_sent_its_file() {
        let times =
            [("BOMTime", "2026-01-02T03:04:05"), ("EOMTime", "2026-01-02T03:04:06"), ("TestFileLength", "1000")];
        let result = TransferResult {
            began: Some("2026-01-02T03:04:05".into()),
            ended: Some("2026-01-02T03:04:06".into()),
            test_bytes: Some(1_000),
            transfer_micros: Some(1_000_000),
            bits_per_second: Some(8_000),
            ..TransferResult::default()
        };
        check(&Diagnostic::Upload(UploadTest::default()), &times, &Results::Upload(result));
    }

    #[test]
    fn a_rate_that_nobody_can_know_is_none() {
        assert_eq!(bits_per_second(10, 0), None);
        assert_eq!(bits_per_second(u64::MAX, 1), None);
        assert_eq!(bits_per_second(0, 5), Some(0));
        let unknown = [("BOMTime", "0001-01-01T00:00:00Z"), ("TestBytesReceived", "many")];
        let result = TransferResult { began: Some("0001-01-01T00:00:00Z".into()), ..TransferResult::default() };
        check(&Diagnostic::Download(DownloadTest::default()), &unknown, &Results::Download(result));
    }

    #[test]
    fn a_ping_is_told_in_microseconds() {
        let test = Diagnostic::Ping(PingTest::default());
        let values = [
            ("SuccessCount", "4"),
            ("FailureCount", "1"),
            ("AverageResponseTime", "22"),
            ("AverageResponseTimeDetailed", "22247"),
            ("MinimumResponseTime", "20"),
            ("MinimumResponseTimeDetailed", "0"),
            ("MaximumResponseTime", "-1"),
            ("IPAddressUsed", "192.0.2.9"),
        ];
        let result = PingResult {
            successes: Some(4),
            failures: Some(1),
            average_micros: Some(22_247),
            minimum_micros: Some(20_000),
            maximum_micros: None,
            address_used: Some("192.0.2.9".into()),
        };
        check(&test, &values, &Results::Ping(result));
    }

    #[test]
    fn hops_of_both_data_models_are_read_in_the_order_of_their_numbers() {
        let test = Diagnostic::TraceRoute(TraceRouteTest::default());
        let hop = |host: &str, address: &str, times: &[u32]| Hop {
            host: host.into(),
            address: address.into(),
            error_code: Some(0),
            round_trips_millis: times.to_vec(),
        };
        let result = Results::TraceRoute(TraceRouteResult {
            response_millis: Some(9),
            hops: vec![hop("gw", "192.0.2.1", &[1, 2]), hop("198.51.100.1", "", &[9])],
            address_used: None,
        });
        let new = [
            ("ResponseTime", "9"),
            ("RouteHops.10.Host", "198.51.100.1"),
            ("RouteHops.10.HostAddress", ""),
            ("RouteHops.10.ErrorCode", "0"),
            ("RouteHops.10.RTTimes", "9"),
            ("RouteHops.2.Host", "gw"),
            ("RouteHops.2.HostAddress", "192.0.2.1"),
            ("RouteHops.2.ErrorCode", "0"),
            ("RouteHops.2.RTTimes", "1, 2"),
            ("RouteHops.x.Host", "no number"),
        ];
        check(&test, &new, &result);
        let old: Vec<(String, &str)> = new
            .iter()
            .map(|(name, value)| match name.rsplit_once('.') {
                Some((path, field)) => (format!("{path}.Hop{field}"), *value),
                None => ((*name).to_owned(), *value),
            })
            .collect();
        let old: Vec<(&str, &str)> = old.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        check(&test, &old, &result);
    }
}
