use super::*;

/// `p` takes mail with socket 1, `a` sends with socket 2.
fn polled() -> World {
    let mut world = World::new();
    world.enter(1, "p", POLLED);
    world.enter(2, "a", SOLE);
    world.take();
    world
}

#[test]
fn a_poll_takes_what_waits_in_one_batch_and_once() {
    let mut world = polled();
    world.send(2, Offer, "p", "o");
    world.send(2, Candidate, "p", "1");
    world.expect(&[]);
    world.poll(1, "p");
    world.expect(&["1 < mail Offer a>p o, Candidate a>p 1"]);
    world.poll(1, "p");
    world.expect(&[]);
}

#[test]
fn a_poll_that_waits_is_answered_as_soon_as_something_is_there() {
    let mut world = polled();
    world.poll(1, "p");
    world.send(2, Candidate, "p", "1");
    world.expect(&[]);
    world.send(2, Offer, "p", "o");
    world.expect(&["1 < mail Offer a>p o, Candidate a>p 1"]);
    world.send(2, Offer, "p", "o2");
    world.expect(&[]);
}

#[test]
fn of_two_polls_the_older_is_answered() {
    let mut world = polled();
    world.enter(3, "p", POLLED);
    world.poll(1, "p");
    world.poll(3, "p");
    world.take();
    world.send(2, Offer, "p", "o");
    world.send(2, Candidate, "p", "1");
    world.send(2, Candidate, "p", "2");
    world.expect(&["1 < mail Offer a>p o", "3 < mail Candidate a>p 1"]);
}

#[test]
fn a_poll_that_is_gone_takes_nothing() {
    let mut world = polled();
    world.enter(3, "p", POLLED);
    world.poll(1, "p");
    world.lose(1);
    world.take();
    world.send(2, Offer, "p", "o");
    world.poll(3, "p");
    world.expect(&["3 < mail Offer a>p o"]);
}

#[test]
fn a_batch_has_of_each_sender_the_offer_then_the_answer_then_the_candidates() {
    let mut world = polled();
    world.enter(3, "b", SOLE);
    world.take();
    world.send(2, Answer, "p", "an");
    world.send(3, Answer, "p", "an b");
    world.send(2, Candidate, "p", "1");
    world.send(2, Offer, "p", "o");
    world.send(2, Candidate, "p", "2");
    world.poll(1, "p");
    world.expect(&["1 < mail Offer a>p o, Answer a>p an, Candidate a>p 1, Candidate a>p 2, Answer b>p an b"]);
}

#[test]
fn an_offer_that_was_not_taken_goes_when_a_newer_one_comes() {
    let mut world = polled();
    world.send(2, Offer, "p", "o");
    world.send(2, Candidate, "p", "1");
    world.send(2, Offer, "p", "o2");
    world.expect(&["drop Offer StaleOffer", "drop Candidate StaleOffer"]);
    world.poll(1, "p");
    world.expect(&["1 < mail Offer a>p o2"]);
}

#[test]
fn mail_that_nobody_takes_expires() {
    let mut world = polled();
    world.send(2, Offer, "p", "o");
    world.pass_with(&[1, 2], 20);
    world.send(1, Answer, "a", "alive");
    world.take();
    world.pass_with(&[1, 2], 10);
    world.expect(&["drop Offer MailExpired"]);
}

#[test]
fn who_takes_no_mail_leaves() {
    let mut world = polled();
    world.lose(1);
    world.pass_with(&[2], 29);
    world.expect(&[]);
    world.pass_with(&[2], 1);
    world.expect(&["2 < left p"]);
}

#[test]
fn who_waits_for_mail_or_sends_stays() {
    let mut world = polled();
    for _ in 0..3 {
        world.pass_with(&[1, 2], 20);
        world.send(1, Offer, "a", "o");
    }
    world.poll(1, "p");
    world.pass_with(&[1, 2], 50);
    assert!(!world.take().contains(&"2 < left p".to_owned()));
}

#[test]
fn an_id_that_has_not_come_has_a_mailbox_where_mail_is_taken() {
    let mut world = polled();
    world.send(2, Candidate, "q", "1");
    world.send(2, Offer, "q", "o");
    world.send(2, Candidate, "q", "2");
    world.expect(&[]);
    world.enter(3, "q", SOLE);
    world.expect(&[
        "3 < joined q [p,a]",
        "1,2 < arrived q",
        "3 < Offer a>q o",
        "3 < Candidate a>q 1",
        "3 < Candidate a>q 2",
    ]);
    world.send(2, Candidate, "q", "3");
    world.expect(&["3 < Candidate a>q 3"]);
}

#[test]
fn an_offer_that_waits_for_its_receiver_keeps_one_from_it_out() {
    let mut world = polled();
    world.send(2, Offer, "q", "o");
    world.enter(3, "q", POLLED);
    world.take();
    world.send(3, Offer, "a", "o2");
    world.expect(&["drop Offer GlareLost", "glare a q FirstStands"]);
}

#[test]
fn mail_is_taken_by_its_receiver_only() {
    let mut world = polled();
    world.send(2, Offer, "p", "o");
    world.poll(2, "p");
    world.connect(3, ELSEWHERE);
    world.join_as(3, "p", POLLED);
    world.poll(3, "p");
    world.poll(2, "a");
    world.expect(&["2 < refused NotInRoom", "1 ping", "3 < refused NotInRoom", "2 < refused NotInRoom"]);
}

#[test]
fn mail_is_bounded_by_receiver_by_sender_and_in_all() {
    let options = Options {
        mail_len_max: 3,
        mail_bytes_max: 20,
        sender_mail_bytes_max: 25,
        mail_total_bytes_max: 40,
        ..Options::default()
    };
    let mut world = World::with(options);
    world.enter(1, "p", POLLED);
    world.enter(2, "a", SOLE);
    world.enter(3, "b", SOLE);
    world.take();
    for to in ["p", "p", "p", "p", "q", "r"] {
        world.send(2, Answer, to, "1234567");
    }
    world.expect(&["drop Answer MailboxFull", "drop Answer MailboxFull", "drop Answer SenderMailFull"]);
    for to in ["s", "t", "u"] {
        world.send(3, Answer, to, "1234567");
    }
    world.expect(&["drop Answer MailFull"]);
    let stats = world.core.stats();
    assert_eq!((stats.mail_len, stats.mail_bytes), (5, 35));
    for _ in 0..2 {
        world.send(3, Answer, "q", "");
    }
    world.send(3, Answer, "q", "");
    world.expect(&["drop Answer MailboxFull"]);
}

#[test]
fn a_socket_that_joins_before_the_one_that_signals_takes_nothing_from_it() {
    let mut world = World::new();
    world.enter(1, "b", SHARED);
    world.enter(2, "a", SHARED);
    world.take();
    world.send(1, Offer, "a", "o");
    world.send(1, Candidate, "a", "1");
    world.enter(3, "a", SHARED);
    world.join_as(3, "a", SHARED);
    world.expect(&[
        "2 < Offer b>a o",
        "2 < Candidate b>a 1",
        "3 < joined a again [b]",
        "3 < Offer b>a o",
        "3 < Candidate b>a 1",
        "3 < joined a again [b]",
    ]);
    world.send(3, Answer, "b", "an");
    world.enter(4, "a", SHARED);
    world.expect(&["1 < Answer a>b an", "4 < joined a again [b]"]);
    assert_eq!(world.core.stats().mail_len, 0);
}

#[test]
fn what_waits_for_further_sockets_waits_for_seconds() {
    let mut world = World::new();
    world.enter(1, "b", SHARED);
    world.enter(2, "a", SHARED);
    world.send(1, Offer, "a", "o");
    world.take();
    world.pass(5 * SECOND);
    world.enter(3, "a", SHARED);
    world.expect(&["3 < joined a again [b]"]);
}

#[test]
fn who_takes_mail_no_more_is_told_what_waits() {
    let mut world = polled();
    world.send(2, Offer, "p", "o");
    world.join_as(1, "p", RETURNING);
    world.expect(&["1 < joined p again [a]", "1 < Offer a>p o"]);
    world.pass_with(&[1, 2], 60);
    world.expect(&[]);
}

#[test]
fn with_a_description_that_expires_its_candidates_go() {
    let mut world = World::new();
    world.enter(1, "a", SOLE);
    world.enter(2, "r", RETURNING);
    world.lose(2);
    world.take();
    world.send(1, Offer, "r", "o");
    world.pass(4 * SECOND);
    world.send(1, Candidate, "r", "1");
    world.pass(SECOND);
    world.expect(&["drop Offer MailExpired", "drop Candidate MailExpired"]);
    world.enter(3, "r", RETURNING);
    world.send(1, Candidate, "r", "2");
    world.send(1, Offer, "r", "o2");
    world.expect(&["3 < joined r again [a]", "3 < Offer a>r o2", "3 < Candidate a>r 2"]);
}

#[test]
fn mail_is_for_nobody_else_who_takes_the_id_later() {
    let mut world = World::with(Options { mail_time: 60 * SECOND, ..Options::default() });
    world.enter(1, "a", SOLE);
    world.enter(2, "r", RETURNING);
    world.lose(2);
    world.send(1, Offer, "r", "o");
    world.pass_with(&[1], 12);
    world.take();
    world.connect(3, ELSEWHERE);
    world.join_as(3, "r", RETURNING);
    world.expect(&["3 < joined r [a]", "1 < arrived r"]);
}

#[test]
fn a_socket_that_leaves_and_joins_again_gets_nothing_twice() {
    let mut world = World::new();
    world.enter(1, "b", SHARED);
    world.enter(2, "a", SHARED);
    world.enter(3, "a", SHARED);
    world.take();
    world.send(1, Offer, "a", "o");
    world.leave(2, None);
    world.join_as(2, "a", SHARED);
    world.expect(&["2,3 < Offer b>a o", "2 < joined a again [b]"]);
}
