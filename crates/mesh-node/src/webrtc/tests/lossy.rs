//! How long links take to form where packets are lost, for many seeds in virtual time.
//!
//! `SANGAM_LINK_SEEDS=500 cargo nextest run -p sangam-mesh-node -E 'test(lossy)' --no-capture` prints how the times are spread.

use std::time::Duration;

use sangam_mesh_proto::LinkId;

use super::network::{Network, host_candidate};
use crate::webrtc::LinkOptions;

const LINK: LinkId = LinkId(7);

/// How long one attempt of the mesh may take, and what is measured here.
const LIMIT: Duration = Duration::from_secs(10);

/// How long something takes between two that are on a network; none if it did not come about.
type Work = fn(&mut Network) -> Option<Duration>;

/// How long something took for each seed, shortest first.
struct Spread {
    took: Vec<Duration>,
    failed: usize,
    packets: u64,
}

impl Spread {
    /// Where so many of a thousand packets are lost each way, and each takes so many milliseconds.
    fn of(loss: u64, delay: u64, options: &LinkOptions, work: Work) -> Self {
        let seeds = std::env::var("SANGAM_LINK_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40);
        // Nothing else is left to chance.
        let seeds = if loss == 0 { 1 } else { seeds };
        let mut spread = Self { took: Vec::new(), failed: 0, packets: 0 };
        for seed in 0..seeds {
            let mut net = Network::new(seed);
            (net.loss, net.delay) = (loss, Duration::from_millis(delay));
            for address in ["198.51.100.1:4000", "198.51.100.2:4000"] {
                net.host_with(&[address], options.clone());
            }
            match work(&mut net) {
                Some(took) => spread.took.push(took),
                None => spread.failed += 1,
            }
            spread.packets += net.packets;
        }
        spread.took.sort_unstable();
        let [median, p95] = [50, 95].map(|percent| spread.percentile(percent));
        println!(
            "{:>4.1} % lost, {delay:>3} ms: median {median:?}, 95 % {p95:?}, longest {:?}, {} of {seeds} not within \
             {LIMIT:?}, {} packets each",
            loss as f64 / 10.0,
            spread.took.last(),
            spread.failed,
            spread.packets / seeds,
        );
        spread
    }

    /// Within which so many percent of all were open; none if more failed.
    fn percentile(&self, percent: usize) -> Option<Duration> {
        let all = self.took.len() + self.failed;
        self.took.get((all * percent).div_ceil(100).saturating_sub(1)).copied()
    }
}

/// From both descriptions to a channel that is open on both sides.
fn open(net: &mut Network) -> Option<Duration> {
    let begun = net.now;
    net.dial(0, 1, LINK);
    net.run(LIMIT, |net| net.both_open(0, 1, LINK)).then(|| net.now - begun)
}

/// The same, where of eight addresses on each side one is reached.
fn open_among_many(net: &mut Network) -> Option<Duration> {
    for number in 1..8 {
        for (host, side) in net.hosts.iter_mut().zip([1, 2]) {
            host.locals.insert(0, host_candidate(&format!("203.0.113.{number}{side}:4000")));
            net.cut.insert(format!("203.0.113.{number}{side}").parse().unwrap());
        }
    }
    open(net)
}

fn connect(net: &mut Network) {
    let loss = std::mem::take(&mut net.loss);
    net.connect(0, 1, LINK);
    net.loss = loss;
}

/// A question over a link that is open, until its answer is there.
fn ask(net: &mut Network) -> Option<Duration> {
    connect(net);
    let begun = net.now;
    net.hosts[0].links.send(LINK, false, b"question").unwrap();
    if !net.run(LIMIT, |net| !net.hosts[1].messages(LINK).is_empty()) {
        return None;
    }
    net.hosts[1].links.send(LINK, false, b"answer").unwrap();
    net.run(LIMIT, |net| !net.hosts[0].messages(LINK).is_empty()).then(|| net.now - begun)
}

/// A dozen messages each way over a link that is open, in as many packets, until all are there.
fn burst(net: &mut Network) -> Option<Duration> {
    talk(net, 12, Duration::from_millis(2))
}

/// Twenty messages a second each way for three seconds: from the last of them until all are there.
fn stream(net: &mut Network) -> Option<Duration> {
    talk(net, 60, Duration::from_millis(50))
}

/// A megabyte one way, as fast as it is taken.
fn transfer(net: &mut Network) -> Option<Duration> {
    connect(net);
    let (begun, message) = (net.now, [7; 8192]);
    for _ in 0..128 {
        let sent = |net: &mut Network| net.hosts[0].links.send(LINK, true, &message).is_ok();
        if !net.run(LIMIT, sent) {
            return None;
        }
    }
    net.run(LIMIT, |net| net.hosts[1].messages(LINK).len() == 128).then(|| net.now - begun)
}

/// So many messages each way, one each `pause`. From the last of them until all are there, in order.
fn talk(net: &mut Network, count: u32, pause: Duration) -> Option<Duration> {
    connect(net);
    let messages: Vec<Vec<u8>> = (0..count).map(|number| number.to_be_bytes().repeat(75)).collect();
    for message in &messages {
        for host in &mut net.hosts {
            host.links.send(LINK, true, message).unwrap();
        }
        net.pass(pause);
    }
    let begun = net.now;
    let all_there = |net: &mut Network| net.hosts.iter().all(|host| host.messages(LINK).len() == messages.len());
    let took = net.run(LIMIT, all_there).then(|| net.now - begun);
    for host in &net.hosts {
        assert!(messages.starts_with(&host.messages(LINK)));
    }
    took
}

#[test]
fn nineteen_of_twenty_links_form_in_one_attempt_where_a_fifth_of_all_packets_is_lost_on_each_of_two_legs() {
    for delay in [5, 50, 150] {
        let spread = Spread::of(360, delay, &LinkOptions::default(), open);
        assert!(spread.percentile(95).is_some(), "{} failed", spread.failed);
    }
}

#[test]
fn links_form_within_seconds_where_one_of_many_ways_leads_anywhere_and_many_packets_are_lost() {
    let spread = Spread::of(360, 5, &LinkOptions::default(), open_among_many);
    assert!(spread.percentile(95).is_some_and(|time| time < Duration::from_secs(7)), "{:?}", spread.took);
}

#[test]
fn links_form_within_seconds_where_a_fifth_of_all_packets_is_lost() {
    for delay in [5, 50, 150] {
        let spread = Spread::of(200, delay, &LinkOptions::default(), open);
        assert!(spread.percentile(95).is_some_and(|time| time < Duration::from_secs(5)), "{:?}", spread.took);
    }
}

#[test]
fn a_question_is_answered_within_seconds_where_a_fifth_of_all_packets_is_lost_on_each_of_two_legs() {
    for delay in [5, 50] {
        let spread = Spread::of(360, delay, &LinkOptions::default(), ask);
        assert!(spread.percentile(95).is_some_and(|time| time < Duration::from_secs(5)), "{:?}", spread.took);
    }
}

#[test]
fn messages_that_follow_each_other_arrive_within_seconds_where_a_fifth_of_all_packets_is_lost_on_each_of_two_legs() {
    for work in [burst as Work, stream] {
        for delay in [5, 50] {
            let spread = Spread::of(360, delay, &LinkOptions::default(), work);
            assert!(spread.percentile(95).is_some_and(|time| time < Duration::from_secs(5)), "{:?}", spread.took);
        }
    }
}

#[test]
fn where_nothing_is_lost_and_answers_come_soon_nothing_is_said_twice() {
    let silent = LinkOptions { repeats_max: 0, ..LinkOptions::default() };
    for work in [open as Work, ask, burst, stream] {
        let said_once = Spread::of(0, 5, &silent, work).packets;
        let spread = Spread::of(0, 5, &LinkOptions::default(), work);
        assert_eq!((spread.failed, spread.packets), (0, said_once));
    }
}

#[test]
fn where_much_is_on_the_way_and_nothing_is_lost_next_to_nothing_is_said_twice() {
    let silent = LinkOptions { repeats_max: 0, ..LinkOptions::default() };
    for delay in [0, 10, 50] {
        let said_once = Spread::of(0, delay, &silent, transfer).packets;
        let spread = Spread::of(0, delay, &LinkOptions::default(), transfer);
        // It is waked besides, and may acknowledge then what it had acknowledged a moment later.
        assert!(spread.failed == 0 && spread.packets <= said_once + said_once / 100, "{} {said_once}", spread.packets);
    }
}

#[test]
fn where_a_few_packets_in_a_hundred_are_lost_what_is_said_again_costs_no_time_and_next_to_no_packets() {
    let silent = LinkOptions { repeats_max: 0, ..LinkOptions::default() };
    let without = Spread::of(20, 10, &silent, transfer);
    let with = Spread::of(20, 10, &LinkOptions::default(), transfer);
    let medians = [&with, &without].map(|spread| spread.percentile(50).unwrap());
    assert!(medians[0] < medians[1] * 5 / 4, "{medians:?}");
    assert!(with.packets < without.packets * 21 / 20, "{} {}", with.packets, without.packets);
}
