use super::*;

const WINDOW: Duration = Duration::from_millis(100);
const ROLLS_BACK: Traits = Traits { rolls_back: true, ..SOLE };

#[test]
fn messages_reach_their_receiver_in_order_and_nobody_else() {
    let mut world = World::room(&["a", "b", "c"]);
    world.send(1, Offer, "b", "o");
    world.send(1, Candidate, "b", "1");
    world.send(2, Answer, "a", "an");
    world.send(2, Candidate, "a", "2");
    world.expect(&["2 < Offer a>b o", "2 < Candidate a>b 1", "1 < Answer b>a an", "1 < Candidate b>a 2"]);
}

#[test]
fn the_sender_is_who_the_socket_is_and_not_who_it_says() {
    let mut world = World::room(&["a", "b"]);
    world.send_as(1, "b", Offer, "b", "o");
    world.join(1, "a2");
    world.send_as(1, "a2", Offer, "b", "o");
    world.send_as(1, "ghost", Answer, "b", "o");
    world.expect(&["2 < Offer a>b o", "1 < joined a2 [a,b]", "2 < arrived a2", "2 < Offer a2>b o", "2 < Answer a>b o"]);
}

#[test]
fn a_socket_without_an_id_signals_to_nobody() {
    let mut world = World::room(&["a"]);
    world.connect(2, HOME);
    for kind in [Offer, Answer, Candidate] {
        world.send(2, kind, "a", "x");
        world.expect(&["2 < refused NotInRoom"]);
    }
}

#[test]
fn nobody_is_an_error_for_descriptions_and_silence_for_candidates() {
    let mut world = World::room(&["a"]);
    world.send(1, Offer, "ghost", "o");
    world.send(1, Answer, "ghost", "a");
    world.send(1, Candidate, "ghost", "c");
    let refused = r#"1 < refused PeerNotFound { to: "ghost" }"#;
    world.expect(&[refused, refused, "drop Candidate PeerNotFound"]);
}

#[test]
fn a_participant_cannot_signal_to_itself() {
    let mut world = World::room(&["a"]);
    world.send(1, Offer, "a", "o");
    world.send(1, Candidate, "a", "c");
    world.expect(&[r#"1 < refused PeerIsSelf { participant: ParticipantId("a") }"#, "drop Candidate PeerIsSelf"]);
}

#[test]
fn candidates_that_overtake_their_offer_follow_it() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Candidate, "b", "1");
    world.send(1, Candidate, "b", "2");
    world.expect(&[]);
    world.send(1, Offer, "b", "o");
    world.send(1, Candidate, "b", "3");
    world.expect(&["2 < Offer a>b o", "2 < Candidate a>b 1", "2 < Candidate a>b 2", "2 < Candidate a>b 3"]);
}

#[test]
fn candidates_that_overtake_their_answer_follow_it() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "o");
    world.send(2, Candidate, "a", "1");
    world.send(2, Answer, "a", "an");
    world.expect(&["2 < Offer a>b o", "1 < Answer b>a an", "1 < Candidate b>a 1"]);
}

#[test]
fn candidates_whose_description_does_not_come_are_dropped() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Candidate, "b", "1");
    world.pass(9 * SECOND);
    world.send(1, Candidate, "b", "2");
    world.pass(SECOND);
    world.expect(&["drop Candidate HeldTooLong", "drop Candidate HeldTooLong"]);
    assert_eq!(world.core.stats().held_bytes, 0);
}

#[test]
fn what_is_held_is_bounded_in_number_and_bytes() {
    let options = Options { held_len_max: 2, held_bytes_max: 10, held_total_bytes_max: 12, ..Options::default() };
    let mut world = World::with(options);
    world.seat(&["a", "b"]);
    world.send(1, Candidate, "b", "1234567");
    world.send(1, Candidate, "b", "1234");
    world.send(1, Candidate, "b", "1");
    world.send(1, Candidate, "b", "1");
    world.expect(&["drop Candidate HoldFull", "drop Candidate HoldFull"]);
    world.send(2, Candidate, "a", "1234");
    world.send(2, Candidate, "a", "1");
    world.expect(&["drop Candidate HoldFull"]);
    assert_eq!(world.core.stats().held_bytes, 12);
    world.disconnect(2);
    world.expect(&["drop Candidate PeerLeft", "drop Candidate PeerLeft", "drop Candidate PeerLeft", "1 < left b"]);
    assert_eq!(world.core.stats().held_bytes, 0);
}

#[test]
fn a_participant_signals_to_a_bounded_number_of_others() {
    let mut world = World::with(Options { peers_max: 1, ..Options::default() });
    world.seat(&["a", "b", "c"]);
    world.send(1, Offer, "b", "o");
    world.send(1, Offer, "c", "o");
    world.expect(&["2 < Offer a>b o", "1 < refused TooManyPeers { max: 1 }"]);
    world.disconnect(2);
    world.take();
    world.send(1, Offer, "c", "o");
    world.expect(&["3 < Offer a>c o"]);
}

#[test]
fn a_participant_that_comes_back_is_described_anew() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "o");
    world.connect(3, HOME);
    world.join(3, "b");
    world.take();
    world.send(1, Candidate, "b", "old");
    world.expect(&[]);
    world.send(1, Offer, "b", "o2");
    world.expect(&["3 < Offer a>b o2", "3 < Candidate a>b old"]);
}

#[test]
fn a_data_offer_waits_for_one_that_may_be_on_its_way() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "data");
    world.send(1, Candidate, "b", "1");
    world.expect(&[]);
    world.pass(WINDOW);
    world.expect(&["2 < Offer a>b data", "2 < Candidate a>b 1"]);
    world.send(2, Answer, "a", "an");
    world.expect(&["1 < Answer b>a an"]);
}

#[test]
fn two_data_offers_that_meet_are_each_others_answer() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "data a");
    world.send(1, Candidate, "b", "a1");
    world.send(2, Candidate, "a", "b1");
    world.send(2, Offer, "a", "data b");
    world.expect(&[
        "2 < crossed a>b data a Passive",
        "1 < crossed b>a data b Active",
        "2 < Candidate a>b a1",
        "1 < Candidate b>a b1",
        "glare a b Crossed",
    ]);
    world.send(1, Candidate, "b", "a2");
    world.expect(&["2 < Candidate a>b a2"]);
    world.pass(SECOND);
    world.expect(&[]);
}

#[test]
fn after_a_crossing_a_new_offer_from_either_side_passes() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "data a");
    world.send(2, Offer, "a", "data b");
    world.take();
    world.pass(5 * SECOND);
    world.send(2, Offer, "a", "data b2");
    world.pass(WINDOW);
    world.expect(&["1 < Offer b>a data b2"]);
}

#[test]
fn of_two_offers_that_cannot_cross_the_first_stands() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "media a");
    world.send(2, Candidate, "a", "b1");
    world.send(2, Offer, "a", "media b");
    world.send(2, Candidate, "a", "b2");
    world.expect(&[
        "2 < Offer a>b media a",
        "drop Offer GlareLost",
        "drop Candidate GlareLost",
        "glare a b FirstStands",
        "drop Candidate GlareLost",
    ]);
    world.send(2, Answer, "a", "an");
    world.send(2, Candidate, "a", "b3");
    world.expect(&["1 < Answer b>a an", "1 < Candidate b>a b3"]);
}

#[test]
fn an_unanswered_offer_keeps_the_other_side_out_for_a_time() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "media a");
    world.pass(10 * SECOND - WINDOW);
    world.send(2, Offer, "a", "media b");
    world.pass(WINDOW);
    world.expect(&["2 < Offer a>b media a", "drop Offer GlareLost", "glare a b FirstStands"]);
    world.send(2, Offer, "a", "media b2");
    world.expect(&["1 < Offer b>a media b2"]);
}

#[test]
fn an_answered_offer_keeps_nobody_out() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "media a");
    world.send(2, Answer, "a", "an");
    world.take();
    world.send(2, Offer, "a", "media b");
    world.send(1, Answer, "b", "an");
    world.send(1, Offer, "b", "media a2");
    world.expect(&["1 < Offer b>a media b", "2 < Answer a>b an", "2 < Offer a>b media a2"]);
}

#[test]
fn a_second_offer_in_the_same_direction_passes() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "data 1");
    world.pass(5 * SECOND);
    world.send(1, Offer, "b", "data 2");
    world.pass(WINDOW);
    world.send(1, Offer, "b", "data 3");
    world.send(1, Offer, "b", "data 4");
    world.expect(&["2 < Offer a>b data 1", "2 < Offer a>b data 2", "2 < Offer a>b data 3", "2 < Offer a>b data 4"]);
}

#[test]
fn an_answer_does_not_overtake_an_offer_of_its_sender() {
    let mut world = World::room(&["a", "b"]);
    world.send(1, Offer, "b", "media");
    world.send(2, Answer, "a", "an 1");
    world.send(2, Offer, "a", "data");
    world.send(2, Answer, "a", "an 2");
    world.expect(&["2 < Offer a>b media", "1 < Answer b>a an 1", "1 < Offer b>a data", "1 < Answer b>a an 2"]);
}

#[test]
fn who_can_roll_back_gets_the_first_offer_at_once_and_yields() {
    let mut world = World::room(&["a"]);
    world.connect(2, HOME);
    world.join_as(2, "b", ROLLS_BACK);
    world.take();
    world.send(1, Offer, "b", "data a");
    world.expect(&["2 < Offer a>b data a"]);
    world.send(2, Offer, "a", "data b");
    world.expect(&["drop Offer GlareLost", "glare a b FirstStands"]);
}

#[test]
fn who_can_roll_back_yields_even_if_it_was_first() {
    let mut world = World::room(&["a"]);
    world.connect(2, HOME);
    world.join_as(2, "b", ROLLS_BACK);
    world.take();
    world.send(2, Offer, "a", "media b");
    world.send(2, Candidate, "a", "b1");
    world.send(1, Offer, "b", "media a");
    world.expect(&[
        "drop Offer GlareLost",
        "drop Candidate GlareLost",
        "glare b a SecondStands",
        "2 < Offer a>b media a",
    ]);
    world.send(2, Answer, "a", "an");
    world.expect(&["1 < Answer b>a an"]);
}

#[test]
fn an_offer_too_large_to_hold_does_not_wait() {
    let mut world = World::with(Options { held_bytes_max: 8, ..Options::default() });
    world.seat(&["a", "b"]);
    world.send(1, Offer, "b", "data too large");
    world.expect(&["2 < Offer a>b data too large"]);
}

#[test]
fn candidates_beyond_the_bound_end_the_wait_of_their_offer() {
    let mut world = World::with(Options { held_len_max: 2, ..Options::default() });
    world.seat(&["a", "b"]);
    world.send(1, Offer, "b", "data");
    world.send(1, Candidate, "b", "1");
    world.send(1, Candidate, "b", "2");
    world.expect(&["2 < Offer a>b data", "2 < Candidate a>b 1", "2 < Candidate a>b 2"]);
    world.pass(SECOND);
    world.expect(&[]);
}

#[test]
fn without_a_window_no_offer_waits() {
    let mut world = World::with(Options { glare_window: Duration::ZERO, ..Options::default() });
    world.seat(&["a", "b"]);
    world.send(1, Offer, "b", "data");
    world.expect(&["2 < Offer a>b data"]);
}
