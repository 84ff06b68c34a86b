//! What a body can make the reader hold: no more than its own size a few times over, whatever it says of itself. Counted
//! over the whole process, so this file holds one test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends that way")]

use std::alloc::System;

use sangam_cwmp_proto::{SoapLimits, decode, peek_events};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that an action allocates in all, also those given back in between. The test harness has a thread of its own that
/// may allocate meanwhile, but not in each of five rounds.
fn bytes_of(action: impl Fn()) -> usize {
    let round = || {
        let region = Region::new(HEAP);
        action();
        region.change().bytes_allocated
    };
    (0..5).map(|_| round()).min().unwrap()
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:c=\"urn:dslforum-org:cwmp-1-0\">\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[test]
fn no_body_costs_more_than_a_few_times_its_size() {
    let limits = SoapLimits::default();
    let half = limits.body_bytes / 2;
    let device = "<DeviceId><OUI>00D09E</OUI><SerialNumber>1</SerialNumber></DeviceId>";
    let bodies = [
        envelope("<c:Inform><Event a:arrayType=\"c:EventStruct[4294967295]\"></Event></c:Inform>"),
        envelope(&format!("<c:Inform>{device}<ParameterList>{}</ParameterList></c:Inform>", "<a/>".repeat(4_999))),
        envelope(&format!("<c:Kicked><Command>{}</Command></c:Kicked>", "&lt;".repeat(half / 4))),
        envelope(&format!("<c:Kicked><Command>{}</Command></c:Kicked>", "x".repeat(half))),
        envelope(&format!("<c:Kicked>{}</c:Kicked>", "<a/>".repeat(half / 4))),
        envelope(&format!("<c:Kicked>{}</c:Kicked>", "<a xmlns:b=\"c\"/>".repeat(half / 16))),
        envelope(&"<a>".repeat(half / 3)),
        envelope(&format!("<c:Kicked{}/>", " xmlns:a=\"b\"".repeat(half / 12))),
        format!("<s:Envelope xmlns:a=\"{}\">", "b".repeat(half)),
        "<".repeat(half),
        "&".repeat(half),
    ];
    for body in bodies {
        let spent = bytes_of(|| drop(decode(body.as_bytes(), &limits)));
        let most = 6 * body.len() + 64 * 1_024;
        assert!(spent <= most, "{spent} bytes for {} of {}", body.len(), &body[..100.min(body.len())]);
        assert_eq!(bytes_of(|| assert!(!peek_events(body.as_bytes(), usize::MAX).has_method)), 0);
    }
    let large = vec![b'x'; 16 * limits.body_bytes];
    assert_eq!(bytes_of(|| assert!(decode(&large, &limits).is_err())), 0);
}
