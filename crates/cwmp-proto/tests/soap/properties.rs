//! What holds for any message and any bytes.

use proptest::prelude::*;
use sangam_cwmp_proto::{EventCode, Message, SoapLimits, decode, decode_noting, encode, peek_events};

use crate::any_message::any_envelope;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_it_was(envelope in any_envelope()) {
        let mut out = Vec::new();
        encode(&envelope, &mut out).unwrap();
        let (read, departures) = decode_noting(&out, &SoapLimits::default()).unwrap();
        prop_assert_eq!(&read, &envelope);
        // Values without a type are among them.
        let mut departures = departures;
        departures.untyped_values = 0;
        prop_assert!(departures.is_none(), "{:?}", departures);
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _: Result<_, _> = decode(&bytes, &SoapLimits::default());
        let _: sangam_cwmp_proto::Events = peek_events(&bytes, 150);
    }

    #[test]
    fn a_look_at_an_inform_claims_no_event_that_it_has_not(
        envelope in any_envelope(),
        at in any::<prop::sample::Index>(),
        piece in "(</?(Event|EventCode|EventStruct|Inform|Body)/?>|<!--|-->|<!\\[CDATA\\[|\\]\\]>|6 X|<|>|\"){1,4}",
    ) {
        let mut out = Vec::new();
        encode(&envelope, &mut out).unwrap();
        let at = at.index(out.len());
        out.splice(at..at, piece.bytes());
        let seen = peek_events(&out, usize::MAX);
        if let Ok(read) = decode(&out, &SoapLimits::default()) {
            let events = match read.message() {
                Some(Message::Inform(inform)) => &inform.events[..],
                _ => &[],
            };
            for code in (0..14).filter_map(EventCode::from_number).filter(|it| seen.has(it)) {
                prop_assert!(events.iter().any(|it| it.code == code), "{:?}", code);
            }
        }
    }
}
