use std::time::{Duration, Instant};

use super::flight::Flight;
use super::unanswered::Unanswered;
use crate::webrtc::repeat::Timers;

const TIMERS: Timers = Timers { pause: ms(100), pause_max: ms(400), repeats: 4 };

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// An SCTP packet of such chunks: kind and value.
fn packet(chunks: &[(u8, &[u8])]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    for (kind, value) in chunks {
        packet.extend([*kind, 3]);
        packet.extend((4 + value.len() as u16).to_be_bytes());
        packet.extend(*value);
        packet.resize(packet.len().next_multiple_of(4), 0);
    }
    packet
}

/// The value of a DATA chunk: number, stream, place in it, kind of payload, payload.
fn data(number: u32, payload_kind: u32) -> Vec<u8> {
    let words = [number, 0, payload_kind].map(u32::to_be_bytes).concat();
    [words, vec![3; 5]].concat()
}

/// When each of the packets is said again, in milliseconds, if the time is told as often as is asked for.
fn repeats(unanswered: &mut Unanswered) -> Vec<(u64, Vec<u8>)> {
    let begun = Instant::now();
    let (mut now, mut said) = (begun, Vec::new());
    loop {
        while let Some(packet) = unanswered.due(now) {
            said.push(((now - begun).as_millis() as u64, packet.to_vec()));
        }
        match unanswered.next(now) {
            Some(next) => now = next,
            None => return said,
        }
    }
}

fn times(unanswered: &mut Unanswered) -> Vec<u64> {
    repeats(unanswered).into_iter().map(|(at, _)| at).collect()
}

#[test]
fn what_opens_an_association_is_said_again_until_it_is_answered() {
    let (init, echo, open) = (packet(&[(1, &[0; 16])]), packet(&[(10, &[7; 9])]), packet(&[(0, &data(5, 50))]));
    let answers = [packet(&[(2, &[0; 16])]), packet(&[(11, &[])]), packet(&[(3, &5_u32.to_be_bytes())])];
    for (request, answer) in [init, echo, open].iter().zip(&answers) {
        let mut unanswered = Unanswered::new(TIMERS);
        unanswered.sent(request);
        assert_eq!(repeats(&mut unanswered), [100, 300, 700, 1100].map(|at| (at, request.clone())));
        for other in answers.iter().filter(|other| *other != answer) {
            unanswered.sent(request);
            unanswered.received(other);
            assert_eq!(times(&mut unanswered).len(), 4);
        }
        unanswered.sent(request);
        unanswered.received(answer);
        assert_eq!(times(&mut unanswered), [0; 0]);
    }
}

#[test]
fn what_the_association_says_again_itself_begins_anew_and_is_not_said_twice() {
    let mut unanswered = Unanswered::new(TIMERS);
    for _ in 0..2 {
        unanswered.sent(&packet(&[(0, &data(5, 50))]));
    }
    assert_eq!(times(&mut unanswered), [100, 300, 700, 1100]);
}

/// Messages of such numbers, in a packet each.
fn send(unanswered: &mut Unanswered, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        unanswered.sent(&packet(&[(0, &data(number, 53))]));
    }
}

/// An acknowledgement of all up to a number and of runs beyond, by their distance.
fn acknowledgement(up_to: u32, blocks: &[(u16, u16)]) -> Vec<u8> {
    let mut value = [up_to, 1 << 20].map(u32::to_be_bytes).concat();
    value.extend((blocks.len() as u16).to_be_bytes());
    value.extend([0; 2]);
    for (first, last) in blocks {
        value.extend([first.to_be_bytes(), last.to_be_bytes()].concat());
    }
    packet(&[(3, &value)])
}

/// The messages that are said again, in milliseconds and by their number, in order.
fn numbers(unanswered: &mut Unanswered) -> Vec<(u64, u32)> {
    let number = |packet: &[u8]| u32::from_be_bytes(packet[16..20].try_into().unwrap());
    repeats(unanswered).into_iter().map(|(at, packet)| (at, number(&packet))).collect()
}

#[test]
fn messages_are_said_again_once_an_acknowledgement_that_was_put_off_would_be_there() {
    let mut unanswered = Unanswered::new(TIMERS);
    for number in 1..=4 {
        unanswered.sent(&packet(&[(3, &[0; 12]), (0, &data(number, 51))]));
    }
    let now = Instant::now();
    assert_eq!(unanswered.next(now), Some(now + ms(200)), "there is time enough to ask for the time");
    assert_eq!(times(&mut unanswered), [400, 800, 1200, 1600].map(|at| [at; 4]).concat());
}

#[test]
fn however_many_messages_are_under_way_a_few_are_said_again_at_a_time_and_each_in_its_turn() {
    let mut unanswered = Unanswered::new(TIMERS);
    send(&mut unanswered, 1..=12);
    let said = numbers(&mut unanswered);
    let at = |time: u64| said.iter().filter(|(at, _)| *at == time).map(|(_, number)| *number).collect::<Vec<_>>();
    assert_eq!([at(400), at(600), at(800), at(1000)], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [1, 2, 3, 4]]);
    assert_eq!(said.len(), 12 * 4, "none is forgotten");
}

#[test]
fn of_messages_beyond_one_that_is_missing_those_that_have_come_are_not_said_again() {
    let mut unanswered = Unanswered::new(TIMERS);
    send(&mut unanswered, 1..=9);
    unanswered.received(&acknowledgement(2, &[(2, 3), (6, 6)]));
    let said = numbers(&mut unanswered);
    assert_eq!(said.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [3, 6, 7, 9].repeat(4));
    let mut unanswered = Unanswered::new(TIMERS);
    send(&mut unanswered, [u32::MAX, 0, 1]);
    unanswered.received(&acknowledgement(u32::MAX - 1, &[(2, 2)]));
    assert_eq!(numbers(&mut unanswered)[..2], [(400, u32::MAX), (400, 1)], "numbers go round");
    unanswered.received(&acknowledgement(1, &[]));
    assert_eq!(unanswered.next(Instant::now()), None);
}

#[test]
fn what_the_association_bundles_anew_takes_the_place_of_its_parts() {
    let mut unanswered = Unanswered::new(TIMERS);
    send(&mut unanswered, 1..=4);
    let bundle = packet(&[(0, &data(1, 53)), (0, &data(2, 53))]);
    unanswered.sent(&bundle);
    let said = repeats(&mut unanswered);
    assert_eq!(said[0], (400, bundle));
    assert_eq!(said.len(), 3 * 4);
}

#[test]
fn a_round_that_is_told_late_says_nothing() {
    let mut unanswered = Unanswered::new(TIMERS);
    let now = Instant::now();
    send(&mut unanswered, [1]);
    assert_eq!(unanswered.due(now), None);
    for late in [900, 1800, 2700] {
        assert_eq!(unanswered.due(now + ms(late)), None, "{late}");
    }
    assert!(unanswered.due(now + ms(2900)).is_some());
}

#[test]
fn an_acknowledgement_counts_for_all_numbers_up_to_its_own_and_for_none_beyond() {
    for (number, acknowledged, is_answered) in
        [(5, 5, true), (5, 9, true), (5, 4, false), (u32::MAX, 3, true), (3, u32::MAX, false)]
    {
        let mut unanswered = Unanswered::new(TIMERS);
        unanswered.sent(&packet(&[(0, &data(number, 50))]));
        unanswered.received(&packet(&[(3, &u32::to_be_bytes(acknowledged))]));
        assert_eq!(unanswered.next(Instant::now()).is_none(), is_answered, "{number} {acknowledged}");
    }
}

#[test]
fn of_packets_that_wait_for_an_answer_so_many_are_kept() {
    for (payload_kind, kept) in [(50, 16), (53, 64)] {
        let mut unanswered = Unanswered::new(TIMERS);
        for number in 0..100 {
            unanswered.sent(&packet(&[(0, &data(number, payload_kind))]));
        }
        assert_eq!(times(&mut unanswered).len(), kept * 4);
    }
}

#[test]
fn packets_that_are_cut_short_or_lie_about_their_length_are_read_no_further() {
    let whole = packet(&[(1, &[0; 16]), (0, &data(5, 50))]);
    for length in 0..whole.len() {
        let mut unanswered = Unanswered::new(TIMERS);
        unanswered.sent(&whole[..length]);
        unanswered.received(&whole[..length]);
    }
    for length in [0, 1, 3, u16::MAX] {
        let mut unanswered = Unanswered::new(TIMERS);
        let mut lying = whole.clone();
        lying[14..16].copy_from_slice(&length.to_be_bytes());
        unanswered.sent(&lying);
        assert_eq!(unanswered.next(Instant::now()), None, "{length}");
    }
}

/// What a flight says again at that moment.
fn said_again(flight: &mut Flight, now: Instant) -> Vec<Vec<u8>> {
    flight.handle_timeout(now);
    let mut said = Vec::new();
    while let Some(datagram) = flight.again() {
        said.push(datagram.to_vec());
    }
    flight.next(now);
    said
}

#[test]
fn a_flight_is_said_again_whole_once_the_peer_was_heard() {
    let now = Instant::now();
    let mut flight = Flight::new(TIMERS);
    flight.sent(&[22, 1]);
    flight.sent(&[22, 2]);
    assert_eq!(flight.next(now), None);
    for wait in [0, 400, 9000] {
        assert!(said_again(&mut flight, now + ms(wait)).is_empty(), "nobody may be there");
    }
    flight.heard();
    assert_eq!(flight.next(now), Some(now), "the time is asked for");
    assert!(said_again(&mut flight, now).is_empty());
    assert_eq!(flight.next(now), Some(now + ms(400)));
    for round in 1..=4 {
        assert_eq!(said_again(&mut flight, now + ms(400 * round)), [[22, 1], [22, 2]]);
    }
    assert!(said_again(&mut flight, now + ms(9000)).is_empty(), "it has an end");
}

#[test]
fn the_next_flight_takes_the_place_of_the_last_until_nothing_is_missing() {
    let now = Instant::now();
    let mut flight = Flight::new(TIMERS);
    flight.heard();
    flight.sent(&[22, 1]);
    flight.next(now);
    flight.sent(&[22, 3]);
    flight.next(now);
    flight.connected(false);
    said_again(&mut flight, now);
    flight.sent(&[23, 9]);
    flight.next(now);
    assert_eq!(said_again(&mut flight, now + ms(400)), [[22, 3]], "the last flight of a server");
    flight.end();
    assert!(said_again(&mut flight, now + ms(800)).is_empty());
    let mut flight = Flight::new(TIMERS);
    flight.heard();
    flight.sent(&[22, 1]);
    flight.connected(true);
    assert_eq!(flight.next(now), None, "a client that is done has heard all");
}
