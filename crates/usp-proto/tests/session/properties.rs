use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sangam_usp_proto::session::SessionOptions;

use crate::network::{Pair, Weather};

fn patient() -> SessionOptions {
    // What is shown is order and completeness; how soon it is given up is shown in `rules`.
    SessionOptions { segment_bytes: 7, retransmits_max: 1_000, resends_max: 1_000, ..SessionOptions::default() }
}

fn message(from: usize, index: usize, len: usize) -> Bytes {
    Bytes::from(format!("{from}/{index}:{}", "x".repeat(len)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost, doubled or overtaken on the way: each message comes once, in the order in which it was sent.
    #[test]
    fn each_message_comes_once_and_in_order(
        seed in any::<u64>(),
        loss in 0_u64..25,
        doubling in 0_u64..50,
        delay_ms in 1_u64..3_000,
        lens in proptest::collection::vec((0_usize..2, 0_usize..60, 0_u64..4_000), 1..40),
    ) {
        let mut pair = Pair::new(&patient(), Weather { loss, doubling, delay_ms }, seed);
        // Both beginning at once is a rule of its own: here the first message of one end begins the session.
        let first = lens[0].0;
        let mut sent = [Vec::new(), Vec::new()];
        for (index, (from, len, pause_ms)) in lens.iter().enumerate() {
            let from = if index == 0 { first } else { *from };
            sent[from].push(message(from, index, *len));
            pair.send(from, message(from, index, *len));
            if index == 0 {
                pair.run(Duration::from_secs(36_000));
            }
            pair.run(Duration::from_millis(*pause_ms));
        }
        pair.run(Duration::from_secs(360_000));
        prop_assert_eq!(&pair.came[1], &sent[0]);
        prop_assert_eq!(&pair.came[0], &sent[1]);
        prop_assert_eq!(pair.restarts, 0);
        prop_assert_eq!(&pair.disconnects, &vec![]);
    }

    /// Nothing that a peer says breaks a session or makes it keep without end.
    #[test]
    fn any_record_is_borne(records in proptest::collection::vec(
        (0_u64..5, 0_u64..70, 0_u64..70, 0_u64..70, 0_i32..4, 0_usize..50), 0..200)) {
        use sangam_usp_proto::record::{PayloadSecurity, SessionContext};
        use sangam_usp_proto::session::{Session, SessionOutput};
        let options = SessionOptions { incoming_records_max: 8, outgoing_records_max: 8, ..patient() };
        let mut session = Session::new(options, 3);
        let mut now = sangam_types::Mono::ZERO;
        for (session_id, sequence_id, expected_id, retransmit_id, state, len) in records {
            let record = SessionContext {
                session_id, sequence_id, expected_id, retransmit_id,
                payload_sar_state: state,
                payloadrec_sar_state: state,
                payload: vec![Bytes::from(vec![0; len])],
            };
            now = now + Duration::from_millis(100);
            session.handle_record(now, PayloadSecurity::Plaintext, record);
            session.handle_timeout(now);
            let mut outputs = 0;
            while !matches!(session.poll_output(), SessionOutput::Wait(_)) {
                outputs += 1;
            }
            prop_assert!(outputs < 40);
        }
    }
}

#[test]
fn two_ends_that_begin_at_once_agree_on_one_session() {
    for seed in 0..50 {
        let mut pair = Pair::new(&patient(), Weather { loss: 20, doubling: 10, delay_ms: 500 }, seed);
        pair.send(0, message(0, 0, 3));
        pair.send(1, message(1, 0, 3));
        pair.run(Duration::from_secs(36_000));
        // The lesser id gives way, and says that its message may not have come.
        assert_eq!(pair.came[0], [message(1, 0, 3)], "{seed}");
        pair.send(0, message(0, 1, 3));
        pair.send(1, message(1, 1, 3));
        pair.run(Duration::from_secs(36_000));
        assert_eq!(pair.came[0].last(), Some(&message(1, 1, 3)), "{seed}");
        assert_eq!(pair.came[1].last(), Some(&message(0, 1, 3)), "{seed}");
        // One, and where a late first record made it more complicated, a few.
        assert!((1..=6).contains(&pair.restarts) && pair.disconnects.is_empty(), "{seed}: {}", pair.restarts);
    }
}

#[test]
fn nothing_is_left_to_do_once_all_is_acknowledged() {
    let mut pair = Pair::new(&patient(), Weather { loss: 0, doubling: 0, delay_ms: 5 }, 1);
    pair.send(0, message(0, 0, 30));
    pair.run(Duration::from_secs(3_600));
    assert!(pair.now < sangam_types::Mono::ZERO + Duration::from_secs(2), "no endless acknowledging: {:?}", pair.now);
}
