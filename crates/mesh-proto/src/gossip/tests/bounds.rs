use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sangam_types::Wall;

use super::super::{Frame, Input, MessageId, Options, PublishError, RefuseReason, SendError};
use super::bench::peer;
use super::play::Play;
use crate::channel::{Ask, Body, Header, Incoming, Message, Told, heard, i_have, i_want, prune, subscribe};
use crate::{LinkId, Profile};

const LINK: LinkId = LinkId(1);
const OTHER: LinkId = LinkId(2);

fn id(number: u64) -> MessageId {
    // None that goes over all links to reshape the tree: those begin with zeros.
    let mut bytes = [255; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId(bytes)
}

fn message(number: u64, hops: u8, age: Duration, payload: &[u8]) -> Frame {
    let body = Body::new(Wall::default(), id(number), "t".into(), peer("origin"), payload);
    Message::encode(&Header { hops, age, signature: None }, &body)
}

fn told(numbers: impl Iterator<Item = u64>) -> Frame {
    let told: Vec<Told> = numbers.map(|it| Told { id: id(it), age: Duration::ZERO, bytes: 100 }).collect();
    i_have(&told)
}

fn play(options: Options) -> Play {
    let mut play = Play::new(options);
    play.input(Input::Subscribe { topic: "t".to_owned() });
    play.up_ours(LINK, "peer");
    play
}

fn asks(said: &[Incoming]) -> Vec<Ask> {
    let ask = |it: &Incoming| if let Incoming::IWant(ask) = it { Some(ask.clone()) } else { None };
    said.iter().filter_map(ask).filter(|ask| !ask.ids.is_empty()).collect()
}

#[test]
fn what_cannot_be_published_is_refused() {
    let mut play = play(Options { message_bytes_max: 10, ..Options::default() });
    let long = "x".repeat(256);
    for topic in ["", "a\nb", &long] {
        assert_eq!(play.node.publish(play.now, topic, Bytes::new()), Err(PublishError::Topic));
    }
    let large = Bytes::from_static(b"01234567890");
    assert_eq!(play.node.publish(play.now, "t", large), Err(PublishError::TooLarge { max: 10 }));
    assert!(play.node.publish(play.now, "t", Bytes::from_static(b"0123456789")).is_ok());
}

#[test]
fn a_message_that_came_too_far_is_refused_and_the_last_hop_is_delivered() {
    let mut play = play(Options { hops_max: 3, ..Options::default() });
    play.up_ours(OTHER, "other");
    play.hear(LINK, message(1, 4, Duration::ZERO, b"x"));
    assert_eq!(play.refused, [RefuseReason::TooManyHops]);
    play.hear(LINK, message(2, 3, Duration::ZERO, b"x"));
    assert_eq!(play.delivered.len(), 1);
    play.pass(Duration::from_secs(3));
    assert_eq!(play.said(OTHER), []);
    let age = Duration::from_millis(700);
    play.hear(LINK, message(3, 2, age, b"x"));
    let said = play.said(OTHER);
    assert!(matches!(&said[..], [Incoming::Message(on)] if on.header.hops == 3 && on.header.age == age), "{said:?}");
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    let mut play = play(Options { message_bytes_max: 10, ..Options::default() });
    play.hear(LINK, message(1, 1, Duration::ZERO, b"01234567890"));
    play.hear(LINK, message(2, 1, Duration::ZERO, &[0; 4_000]));
    assert_eq!(play.refused, [RefuseReason::TooLarge; 2]);
}

#[test]
fn a_message_older_than_ids_are_remembered_for_is_refused() {
    let mut play = play(Options::default());
    play.pass(Duration::from_secs(1_000));
    play.hear(LINK, message(1, 1, Duration::from_secs(209), b"x"));
    assert_eq!((play.delivered.len(), play.refused.len()), (1, 0));
    play.hear(LINK, message(2, 1, Duration::from_secs(211), b"x"));
    assert_eq!((play.delivered.len(), &play.refused[..]), (1, &[RefuseReason::Stale][..]));
}

#[test]
fn a_message_is_known_as_a_duplicate_until_it_is_too_old_to_come() {
    let mut play = play(Options::default());
    play.hear(LINK, message(1, 1, Duration::ZERO, b"x"));
    for _ in 0..40 {
        play.pass(Duration::from_secs(10));
        let age = play.now.mono.since_start();
        play.hear(LINK, message(1, 1, age, b"x"));
    }
    assert_eq!(play.delivered.len(), 1);
    assert_eq!(play.node.stats().seen, 0);
}

#[test]
fn ids_that_had_to_be_forgotten_early_are_not_taken_for_new_ones() {
    let mut play = play(Options { seen_max: 10, ..Options::default() });
    for number in 0..30 {
        play.hear(LINK, message(number, 1, Duration::ZERO, b"x"));
        play.pass(Duration::from_secs(1));
    }
    assert_eq!(play.node.stats().seen, 10);
    assert_eq!(play.delivered.len(), 30);
    play.hear(LINK, message(0, 1, Duration::from_secs(30), b"x"));
    assert_eq!((play.delivered.len(), play.refused.last()), (30, Some(&RefuseReason::Stale)));
}

#[test]
fn the_cache_keeps_the_newest_within_its_bytes_and_its_time() {
    let options = Options { cache_bytes_max: 10_000, ..Options::default() };
    let mut play = play(options);
    let ids: Vec<MessageId> = (0..30).map(|_| play.publish("t", &"x".repeat(700))).collect();
    let cached = play.node.stats().cached_bytes;
    assert!(cached <= 10_000 && cached > 8_000, "{cached}");
    play.said(LINK);
    play.hear(LINK, i_want(&Ask { graft: false, ids: ids.clone() }));
    let got: Vec<_> = play.said(LINK).into_iter().collect();
    assert_eq!(got.len(), 10);
    assert!(matches!(got.last(), Some(Incoming::Message(last)) if last.body.id == ids[29]));
    play.pass(Duration::from_secs(121));
    assert_eq!(play.node.stats().cached_bytes, 0);
}

#[test]
fn a_peer_has_so_many_topics() {
    let mut play = play(Options { topics_max: 3, ..Options::default() });
    let names: Vec<Arc<str>> = (0..5).map(|at| format!("{at}").into()).collect();
    play.hear(LINK, subscribe(&names, 1_024).remove(0));
    assert_eq!(play.refused, [RefuseReason::TooManyTopics]);
    play.hear(LINK, subscribe(&names[..3], 1_024).remove(0));
    assert_eq!(play.refused.len(), 1);
    for topic in ["a", "b", "c", "d"] {
        play.input(Input::Subscribe { topic: topic.to_owned() });
    }
    assert_eq!(play.node.topics().len(), 3);
}

#[test]
fn topics_show_who_wants_them_and_what_was_seen() {
    let mut play = play(Options::default());
    play.hear(LINK, subscribe(&["t".into()], 1_024).remove(0));
    play.publish("t", "1");
    play.publish("u", "1");
    let topics = play.node.topics();
    assert_eq!(topics.len(), 1);
    assert_eq!((topics[0].topic.as_str(), topics[0].peers, topics[0].seen), ("t", 1, 1));
    play.input(Input::Down { link: LINK });
    assert_eq!(play.node.topics()[0].peers, 0);
}

#[test]
fn more_ids_than_may_be_told_ahead_are_refused() {
    let mut play = play(Options { ids_max: 10, ..Options::default() });
    play.hear(LINK, told(0..40));
    let asked: usize = asks(&play.said(LINK)).iter().map(|ask| ask.ids.len()).sum();
    assert_eq!(asked, 10);
    play.hear(LINK, told(40..60));
    assert_eq!(play.refused, [RefuseReason::Unasked]);
    assert_eq!(play.node.stats().wanted, 10);
}

#[test]
fn no_more_ids_are_told_than_the_peer_has_dealt_with() {
    let mut play = Play::new(Options { ids_max: 3_000, ..Options::default() });
    for number in 0..5_000 {
        play.publish("t", &number.to_string());
    }
    // What is newer is not told yet.
    play.pass(Duration::from_secs(1));
    // The peer's hello allows 2,048.
    play.up_ours(LINK, "peer");
    play.pass(Duration::from_secs(1));
    let told = |said: &[Incoming]| -> usize {
        said.iter().map(|it| if let Incoming::IHave(told) = it { told.len() } else { 0 }).sum()
    };
    play.pass(Duration::from_secs(5));
    assert_eq!(play.said(LINK), []);
    play.hear(LINK, heard(1_000));
    let said = play.said(LINK);
    assert_eq!(told(&said), 1_000);
    play.hear(LINK, heard(u32::MAX));
    assert_eq!(play.refused, [RefuseReason::Unasked]);
}

#[test]
fn a_holder_that_does_not_answer_is_passed_over_for_the_next() {
    let mut play = play(Options::default());
    play.up_ours(OTHER, "other");
    play.hear(LINK, told(0..1));
    play.hear(OTHER, told(0..1));
    assert_eq!(asks(&play.said(LINK)).len(), 1);
    assert_eq!(asks(&play.said(OTHER)).len(), 0);
    play.pass(Duration::from_secs(1));
    assert_eq!(asks(&play.said(OTHER)).len(), 1);
    play.hear(OTHER, message(0, 1, Duration::ZERO, b"x"));
    assert_eq!((play.delivered.len(), play.node.stats().recovered), (1, 1));
    assert_eq!(play.node.stats().wanted, 0);
}

#[test]
fn a_holder_that_goes_is_passed_over_at_once() {
    let mut play = play(Options::default());
    play.up_ours(OTHER, "other");
    play.hear(LINK, told(0..1));
    play.hear(OTHER, told(0..1));
    play.said(OTHER);
    play.input(Input::Down { link: LINK });
    assert_eq!(asks(&play.said(OTHER)).len(), 1);
    play.input(Input::Down { link: OTHER });
    assert_eq!((play.node.stats().wanted, play.node.stats().lost), (0, 1));
}

#[test]
fn what_nobody_sends_is_given_up() {
    let mut play = play(Options::default());
    play.hear(LINK, told(0..1));
    play.pass(Duration::from_secs(60));
    assert_eq!(asks(&play.said(LINK)).len(), 6);
    assert_eq!((play.node.stats().wanted, play.node.stats().lost), (0, 1));
}

#[test]
fn what_is_asked_for_is_bounded_in_bytes_and_goes_on_as_it_comes() {
    let mut play = play(Options { partial_bytes_max: 1_000, ..Options::default() });
    let large: Vec<Told> = (0..5).map(|it| Told { id: id(it), age: Duration::ZERO, bytes: 400 }).collect();
    play.hear(LINK, i_have(&large));
    assert_eq!(asks(&play.said(LINK))[0].ids, [id(0), id(1)]);
    play.hear(LINK, message(1, 1, Duration::ZERO, b"x"));
    assert_eq!(asks(&play.said(LINK))[0].ids, [id(2)]);
}

#[test]
fn a_link_that_could_not_be_asked_for_want_of_room_is_asked_when_another_has_answered() {
    let mut play = play(Options { partial_bytes_max: 1_000, ..Options::default() });
    play.up_ours(OTHER, "other");
    let told = |it| Told { id: id(it), age: Duration::ZERO, bytes: 700 };
    // Nothing else is to be done for it.
    play.hear(OTHER, prune());
    play.hear(LINK, i_have(&[told(1)]));
    play.hear(OTHER, i_have(&[told(2)]));
    assert_eq!(asks(&play.said(OTHER)), []);
    play.hear(LINK, message(1, 1, Duration::ZERO, b"x"));
    assert_eq!(asks(&play.said(OTHER)).len(), 1);
}

#[test]
fn who_sent_a_message_or_told_of_it_is_neither_sent_it_nor_told() {
    let mut play = play(Options::default());
    play.up_ours(OTHER, "other");
    play.hear(OTHER, prune());
    play.hear(LINK, message(1, 1, Duration::ZERO, b"x"));
    play.hear(OTHER, told(1..2));
    play.pass(Duration::from_secs(3));
    assert_eq!(play.said(LINK), []);
    assert_eq!(play.said(OTHER), []);
}

#[test]
fn a_large_message_that_is_asked_for_twice_while_it_waits_goes_out_once() {
    let mut play = play(Options::default());
    play.input(Input::Room { link: LINK, bytes: 0 });
    let large = play.publish("t", &"x".repeat(40_000));
    for _ in 0..3 {
        play.hear(LINK, i_want(&Ask { graft: false, ids: vec![large] }));
    }
    play.input(Input::Room { link: LINK, bytes: 1 << 20 });
    let chunks = |play: &mut Play| play.said(LINK).iter().filter(|it| matches!(it, Incoming::Chunk(_))).count();
    assert_eq!(chunks(&mut play), 3);
    play.hear(LINK, i_want(&Ask { graft: false, ids: vec![large] }));
    assert_eq!(chunks(&mut play), 3);
}

#[test]
fn what_is_told_to_be_larger_than_a_message_may_be_is_not_asked_for() {
    let mut play = play(Options::default());
    let told = |it, bytes| Told { id: id(it), age: Duration::ZERO, bytes };
    play.hear(LINK, i_have(&[told(1, u32::MAX), told(2, 4_100_000)]));
    assert_eq!(asks(&play.said(LINK))[0].ids, [id(2)]);
}

#[test]
fn who_is_pruned_is_told_ids_and_who_grafts_is_pushed_to_again() {
    let mut play = play(Options::default());
    play.hear(LINK, prune());
    let first = play.publish("t", "1");
    assert_eq!(play.said(LINK), []);
    play.pass(Duration::from_secs(2));
    let said = play.said(LINK);
    assert!(matches!(&said[..], [Incoming::IHave(told)] if told[0].id == first), "{said:?}");
    play.hear(LINK, i_want(&Ask { graft: true, ids: vec![first] }));
    play.said(LINK);
    play.publish("t", "2");
    assert!(matches!(&play.said(LINK)[..], [Incoming::Message(_)]));
}

#[test]
fn a_message_is_pushed_on_so_many_links_and_told_on_the_others() {
    let mut play = play(Options { fan_out: 3, ..Options::default() });
    for link in 2..=10 {
        play.up_ours(LinkId(link), &format!("peer {link}"));
    }
    play.publish("t", "1");
    let pushed = std::mem::take(&mut play.sent);
    assert_eq!(pushed.len(), 3);
    // The same bytes for all of them.
    assert!(pushed.iter().all(|(_, frame)| frame.bytes.as_ptr() == pushed[0].1.bytes.as_ptr()));
    play.pass(Duration::from_secs(2));
    assert_eq!(play.sent.len(), 7);
}

#[test]
fn frames_before_a_hello_and_a_second_hello_are_refused() {
    let mut play = Play::new(Options::default());
    play.up(LINK, "peer", Profile::Sangam);
    play.hear(LINK, message(1, 1, Duration::ZERO, b"x"));
    assert_eq!(play.refused, [RefuseReason::Unasked]);
    let hello = play.sent.remove(0).1;
    play.hear(LINK, hello.clone());
    assert_eq!(play.refused.len(), 1);
    play.hear(LINK, hello);
    assert_eq!(play.refused.len(), 2);
}

#[test]
fn other_frames_are_sent_in_chunks_to_ours_and_refused_when_too_much_waits() {
    let mut play = play(Options { waiting_bytes_max: 50_000, message_bytes_max: 50_000, ..Options::default() });
    play.up(OTHER, "agent", Profile::Agent);
    let text = |bytes: usize| Frame { binary: false, bytes: vec![b'x'; bytes].into() };
    assert_eq!(play.node.send(play.now, LINK, text(40_000)), Ok(()));
    assert_eq!(play.node.send(play.now, LINK, text(50_001)), Err(SendError::TooLarge { max: 16_384 }));
    assert_eq!(play.node.send(play.now, OTHER, text(65_537)), Err(SendError::TooLarge { max: 65_536 }));
    assert_eq!(play.node.send(play.now, LinkId(9), text(1)), Err(SendError::NoLink));
    play.input(Input::Timeout);
    assert_eq!(play.said(LINK).iter().filter(|it| matches!(it, Incoming::Chunk(it) if it.text)).count(), 3);
    play.input(Input::Room { link: OTHER, bytes: 0 });
    assert_eq!(play.node.send(play.now, OTHER, text(60_000)), Ok(()));
    assert_eq!(play.node.send(play.now, OTHER, text(60_000)), Err(SendError::Full));
}

#[test]
fn what_we_published_before_a_restart_is_not_delivered_to_us_when_it_comes_back() {
    let mut play = play(Options::default());
    let body = Body::new(Wall::default(), id(1), "t".into(), peer("us"), b"x");
    play.hear(LINK, Message::encode(&Header { hops: 2, age: Duration::ZERO, signature: None }, &body));
    assert_eq!((play.delivered.len(), play.node.stats().seen), (0, 1));
}
