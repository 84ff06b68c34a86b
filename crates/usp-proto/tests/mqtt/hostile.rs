use proptest::prelude::*;
use sangam_types::Mono;
use sangam_usp_proto::mtp::mqtt::{MqttClient, MqttEvent, MqttFailure, MqttFault, MqttLimits, MqttOptions, MqttOutput};
use sangam_usp_proto::record::MqttVersion::{V5, V311};

use crate::client::{connected, drain, options};

fn fault(bytes: &[u8]) -> Option<MqttFault> {
    let mut client = connected(V5);
    client.handle_bytes(Mono::ZERO, bytes);
    drain(&mut client).0.into_iter().find_map(|output| match output {
        MqttOutput::Event(MqttEvent::Failed(MqttFailure::Malformed(fault))) => Some(fault),
        _ => None,
    })
}

#[test]
fn what_is_no_mqtt_ends_the_connection() {
    let table: [(&[u8], MqttFault); 12] = [
        (b"\x30\xff\xff\xff\xff\x7f", MqttFault::BadLength),
        (b"\x30\xff\xff\xff\x7f", MqttFault::TooLarge),
        (b"\x34\x06\x00\x01a\x00\x01\x00", MqttFault::Unexpected),
        (b"\x30\x03\x00\x09a", MqttFault::Malformed),
        (b"\x30\x04\x00\x01\xff\x00", MqttFault::NotUtf8),
        (b"\x30\x04\x00\x01#\x00", MqttFault::Malformed),
        // A topic alias, which nobody allowed.
        (b"\x30\x06\x00\x00\x03\x23\x00\x01", MqttFault::Malformed),
        (b"\x32\x06\x00\x01a\x00\x00\x00", MqttFault::Malformed),
        (b"\x30\x05\x00\x01a\x01\x7e", MqttFault::BadProperty),
        (b"\x40\x01\x00", MqttFault::Malformed),
        (b"\xd0\x01\x00", MqttFault::Malformed),
        (b"\x10\x00", MqttFault::Unexpected),
    ];
    for (bytes, expected) in table {
        assert_eq!(fault(bytes), Some(expected), "{}", bytes.escape_ascii());
    }
    assert_eq!(fault(b"\x20\x03\x00\x00\x00"), Some(MqttFault::Unexpected), "it is connected already");
}

#[test]
fn properties_are_bounded() {
    let user = |count: usize| {
        let properties = b"\x26\x00\x01a\x00\x01b".repeat(count);
        let body = [b"\x00\x01a".as_slice(), &[properties.len() as u8], &properties].concat();
        [&[0x30, body.len() as u8], body.as_slice()].concat()
    };
    let client = |most: usize| {
        let limits = MqttLimits { user_properties_max: most, ..MqttLimits::default() };
        let mut client = MqttClient::new(Mono::ZERO, MqttOptions { limits, ..options(V5) });
        client.handle_bytes(Mono::ZERO, b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x01");
        client.handle_bytes(Mono::ZERO, &user(4));
        drain(&mut client).0.contains(&MqttOutput::Close)
    };
    assert!(!client(4));
    assert!(client(3));
}

proptest! {
    #[test]
    fn nothing_that_a_broker_sends_breaks_it(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        is_5 in any::<bool>(),
        is_connected in any::<bool>(),
        piece in 1_usize..40,
    ) {
        let version = if is_5 { V5 } else { V311 };
        let mut client =
            if is_connected { connected(version) } else { MqttClient::new(Mono::ZERO, options(version)) };
        let mut is_closed = false;
        for piece in bytes.chunks(piece) {
            client.handle_bytes(Mono::ZERO, piece);
            client.publish(Mono::ZERO, "a", None, b"record");
            for output in drain(&mut client).0 {
                prop_assert!(!is_closed, "after its end it says {:?}", output);
                is_closed = output == MqttOutput::Close;
            }
        }
    }

    #[test]
    fn however_a_packet_is_cut_up_it_is_the_same(piece in 1_usize..50) {
        let publish = b"\x32\x22\x00\x07usp/ctl\x01\x02\x10\x03\x00\x07usp.msg\x08\x00\x03a/brecord\x30\x00";
        let mut whole = connected(V5);
        whole.handle_bytes(Mono::ZERO, publish);
        let mut cut = connected(V5);
        for piece in publish.chunks(piece) {
            cut.handle_bytes(Mono::ZERO, piece);
        }
        prop_assert_eq!(drain(&mut whole).0, drain(&mut cut).0);
    }
}
