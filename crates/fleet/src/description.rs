//! Session descriptions and candidates as a browser's, in size and form, that nothing connects by. Each holds a serial
//! number where servers that relay leave it alone: the session id of `o=`, the foundation of a candidate.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::message::Kind;

/// What a message of this kind carries.
pub(crate) fn payload(kind: Kind, serial: u64) -> Value {
    match kind {
        Kind::Offer | Kind::Answer => json!({"type": kind.name(), "sdp": sdp(serial)}),
        Kind::Candidate => {
            json!({"candidate": candidate(serial), "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "fLeE"})
        }
        Kind::Verse => json!({"chapter": 2, "number": serial, "text": VERSE}),
        Kind::Queue => json!([serial.to_string(), "reader-1", "reader-2", "reader-3"]),
        Kind::Timer => json!(serial),
    }
}

/// The serial number of what a message carries.
pub(crate) fn serial(kind: Kind, payload: &Value) -> Option<u64> {
    match kind {
        Kind::Offer | Kind::Answer => {
            let sdp = payload["sdp"].as_str()?;
            let origin = sdp.lines().find_map(|line| line.strip_prefix("o=- "))?;
            origin.split(' ').next()?.parse().ok()
        }
        Kind::Candidate => {
            let foundation = payload["candidate"].as_str()?.strip_prefix("candidate:")?;
            foundation.split(' ').next()?.parse().ok()
        }
        Kind::Verse => payload["number"].as_u64(),
        Kind::Queue => payload[0].as_str()?.parse().ok(),
        Kind::Timer => payload.as_u64(),
    }
}

fn candidate(serial: u64) -> String {
    // RFC 5737's documentation addresses.
    format!(
        "candidate:{serial} 1 udp 2122260223 192.0.2.{} {} typ host generation 0 ufrag fLeE network-id 1",
        1 + serial % 254,
        1_024 + serial % 60_000
    )
}

/// An offer of one voice and one picture, with as many codecs as browsers name.
fn sdp(serial: u64) -> String {
    let mut sdp = format!(
        "v=0\r\no=- {serial} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n"
    );
    media(
        &mut sdp,
        "audio",
        0,
        &[
            (111, "opus/48000/2"),
            (63, "red/48000/2"),
            (9, "G722/8000"),
            (0, "PCMU/8000"),
            (8, "PCMA/8000"),
            (13, "CN/8000"),
            (110, "telephone-event/48000"),
        ],
    );
    media(
        &mut sdp,
        "video",
        1,
        &[
            (96, "VP8/90000"),
            (97, "rtx/90000"),
            (98, "VP9/90000"),
            (99, "rtx/90000"),
            (102, "H264/90000"),
            (103, "rtx/90000"),
            (104, "H264/90000"),
            (105, "rtx/90000"),
            (45, "AV1/90000"),
            (46, "rtx/90000"),
            (112, "red/90000"),
            (113, "ulpfec/90000"),
        ],
    );
    sdp
}

fn media(sdp: &mut String, what: &str, mid: u32, codecs: &[(u32, &str)]) {
    let mut line = |text: std::fmt::Arguments<'_>| {
        sdp.write_fmt(text).expect("a String takes everything");
        sdp.push_str("\r\n");
    };
    let payloads: Vec<String> = codecs.iter().map(|(number, _)| number.to_string()).collect();
    line(format_args!("m={what} 9 UDP/TLS/RTP/SAVPF {}", payloads.join(" ")));
    line(format_args!("c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:fLeE\r\na=ice-pwd:{PASSWORD}"));
    line(format_args!(
        "a=ice-options:trickle\r\na=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\na=mid:{mid}"
    ));
    for (at, extension) in EXTENSIONS.iter().enumerate() {
        line(format_args!("a=extmap:{} {extension}", at + 1));
    }
    line(format_args!("a=sendrecv\r\na=msid:fleet fleet-{what}\r\na=rtcp-mux\r\na=rtcp-rsize"));
    for (number, codec) in codecs {
        line(format_args!("a=rtpmap:{number} {codec}"));
        if what == "video" {
            line(format_args!("a=rtcp-fb:{number} transport-cc\r\na=rtcp-fb:{number} nack pli"));
        }
    }
    line(format_args!("a=ssrc:{} cname:fleet", 1_000_000 + mid));
}

const PASSWORD: &str = "asd88fgpdd777uzjYhagZg12";
const FINGERPRINT: &str =
    "4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF";
/// RFC 6464, RFC 8843 and others that browsers offer.
const EXTENSIONS: [&str; 4] = [
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:toffset",
];
/// As long as a verse with its translation.
const VERSE: &str = "Where rivers meet the water keeps no name of its own: it came from many valleys and goes one way. \
                     So a company that reads together hears one voice, and each of them may be the one that reads.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_keeps_its_serial_number() {
        for kind in Kind::ALL {
            assert_eq!(serial(kind, &payload(kind, 40_321)), Some(40_321), "{}", kind.name());
            assert_eq!(serial(kind, &Value::Null), None);
        }
    }

    #[test]
    fn a_description_is_as_long_as_a_browsers() {
        let length = sdp(1).len();
        assert!((2_000..6_000).contains(&length), "{length}");
        assert!(sdp(1).ends_with("\r\n") && !sdp(1).contains("\r\n\r\n"));
    }
}
