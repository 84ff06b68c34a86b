use std::time::Duration;

use bytes::Bytes;
use sangam_types::Mono;
use sangam_usp_proto::mtp::mqtt::{MqttClient, MqttEvent, MqttOptions, MqttOutput};
use sangam_usp_proto::record::MqttVersion;

/// What a broker sends; the first byte says in which version and in pieces of how many bytes.
///
/// However it is cut up the same is told; nothing is said once the client has closed, and no more is in flight than may be.
pub fn mqtt(input: &[u8]) {
    let Some((how, bytes)) = input.split_first() else { return };
    let version = if how & 0x80 == 0 { MqttVersion::V5 } else { MqttVersion::V311 };
    let piece = usize::from(how & 0x7f).max(1);
    assert_eq!(told(version, bytes, piece, false), told(version, bytes, bytes.len().max(1), false));
    // What is confirmed depends on what had left by then.
    let _: Vec<MqttEvent> = told(version, bytes, piece, true);
}

/// What the client tells when the broker says this; whether it has records to send.
fn told(version: MqttVersion, bytes: &[u8], piece: usize, sends: bool) -> Vec<MqttEvent> {
    let mut options = MqttOptions::new(version, "self::ctl".parse().expect("an endpoint id"));
    options.response_topic = Some("usp/own".to_owned());
    options.in_flight_max = 2;
    let now = Mono::ZERO + Duration::from_millis(200);
    let mut client = MqttClient::new(now, options);
    let (mut told, mut is_closed, mut in_flight) = (Vec::new(), false, 0_usize);
    for piece in bytes.chunks(piece) {
        client.handle_bytes(now, piece);
        loop {
            match client.poll_output() {
                MqttOutput::Transmit(_) => assert!(!is_closed, "it speaks after its end"),
                MqttOutput::Event(event) => {
                    match &event {
                        MqttEvent::Connected { .. } if sends => {
                            let record = Bytes::from_static(b"record");
                            while client.publish(now, "usp/agent", Some("usp/own"), &record).is_some() {
                                in_flight += 1;
                                assert!(in_flight <= 2);
                            }
                        }
                        MqttEvent::Record { receipt: Some(receipt), .. } => client.taken(now, *receipt),
                        MqttEvent::Confirmed(_) | MqttEvent::Rejected(..) => in_flight = in_flight.saturating_sub(1),
                        _ => {}
                    }
                    told.push(event);
                }
                MqttOutput::Close => is_closed = true,
                MqttOutput::Wait(_) => break,
            }
        }
    }
    told
}
