use super::*;

fn full(bench: &Bench, listener: Listener) -> NotJoined {
    bench.feeds.join(listener).err().expect("a place was given")
}

#[tokio::test]
async fn the_oldest_stream_of_a_replica_ends_for_its_fourth() {
    let bench = Bench::new(Streams::default());
    let first = bench.live(sse("a"));
    let others = [bench.live(sse("a")), bench.live(sse("a"))];
    let elsewhere = [bench.live(sse("b")), bench.live(listener("db", "a", Wire::WebSocket))];
    let fourth = bench.live(sse("a"));
    assert_eq!(end(&first).await, End::Replaced);
    bench.publish("db", 1..=1);
    for subscription in others.iter().chain(&elsewhere).chain([&fourth]) {
        assert!(text(subscription).await.contains("\"opId\":1"));
    }
    assert_eq!(bench.feeds.figures(&"db".into()), StreamFigures { subscriptions: 4, devices: 2 });
    assert_eq!(bench.feeds.streams_of(&"db".into(), &"a".into()), 4);
}

#[tokio::test]
async fn a_replica_has_a_place_for_its_own_even_where_there_is_no_other() {
    let limits = Streams { sse_max: 2, per_replica_max: 1, ..Streams::default() };
    let bench = Bench::new(limits);
    let (a, _b) = (bench.live(sse("a")), bench.live(sse("b")));
    assert_eq!(full(&bench, sse("c")), NotJoined::Full);
    let _again = bench.live(sse("a"));
    assert_eq!(end(&a).await, End::Replaced);
}

#[tokio::test]
async fn places_are_counted_by_kind_and_by_database_and_given_back() {
    let limits = Streams { sse_max: 3, websocket_max: 1, per_database_max: 2, ..Streams::default() };
    let bench = Bench::new(limits);
    let mut open = vec![bench.live(sse("a")), bench.live(sse("b"))];
    assert_eq!(full(&bench, sse("c")), NotJoined::DatabaseFull);
    open.push(bench.live(listener("other", "a", Wire::Sse)));
    assert_eq!(full(&bench, listener("third", "a", Wire::Sse)), NotJoined::Full);
    open.push(bench.live(listener("db", "a", Wire::WebSocket)));
    assert_eq!(full(&bench, listener("db", "b", Wire::WebSocket)), NotJoined::Full);
    open.clear();
    assert!(bench.feeds.hall().topics().is_empty());
    open.extend([bench.live(sse("c")), bench.live(sse("d"))]);
    assert_eq!(bench.feeds.figures(&"db".into()).subscriptions, 2);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let bench = Bench::new(ticking());
    let until = Wall::from_unix_millis(bench.now_ms.load(Ordering::SeqCst)) + Duration::from_secs(60);
    let (short, long) = (bench.live(Listener { until: Some(until), ..sse("a") }), bench.live(sse("b")));
    bench.publish("db", 1..=1);
    assert!(text(&short).await.contains("\"opId\":1"));
    bench.now_ms.fetch_add(60_000, Ordering::SeqCst);
    assert_eq!(end(&short).await, End::Expired);
    bench.publish("db", 2..=2);
    assert_eq!(cursors_to(&long, 2).await, [1, 2]);
}

#[tokio::test]
async fn a_stream_ends_when_its_token_is_revoked() {
    let bench = Bench::new(ticking());
    let token = TokenIdentity { jti: Some("j".to_owned()), origin_jti: None, sub: "s".to_owned(), minted: None };
    let (of_token, open) = (bench.live(Listener { token: Some(token), ..sse("a") }), bench.live(sse("b")));
    bench.revoked.store(true, Ordering::SeqCst);
    assert_eq!(end(&of_token).await, End::Revoked);
    bench.publish("db", 1..=1);
    assert_eq!(cursors_to(&open, 1).await, [1]);
}

#[tokio::test]
async fn every_stream_is_pinged_and_one_that_takes_no_ping_ends() {
    let bench = Bench::new(ticking());
    let (reads, reads_not) = (bench.live(sse("a")), bench.live(sse("b")));
    let mut pings = 0;
    // The stream that reads outlives the one that does not.
    while bench.feeds.figures(&"db".into()).subscriptions == 2 || pings < 5 {
        let Step::Ping(ping) = step(&reads).await else { panic!("no ping") };
        assert_eq!(&*ping, "event: ping\ndata: {\"timestamp\":1702569600000}\n\n");
        reads.heard();
        pings += 1;
    }
    assert_eq!(end(&reads_not).await, End::Dead);
}

#[tokio::test]
async fn a_stop_ends_all_streams_and_takes_no_more() {
    let bench = Bench::new(Streams::default());
    let streams = [bench.live(sse("a")), bench.live(listener("other", "b", Wire::WebSocket))];
    bench.feeds.stop().await;
    for stream in &streams {
        assert_eq!(end(stream).await, End::Stopping);
    }
    assert_eq!(full(&bench, sse("c")), NotJoined::Stopping);
    assert_eq!(bench.feeds.figures(&"db".into()).subscriptions, 0);
}

#[tokio::test]
async fn a_reset_ends_the_streams_of_its_database_and_cursors_begin_anew() {
    let bench = Bench::new(Streams::default());
    let (here, there) = (bench.live(sse("a")), bench.live(listener("other", "a", Wire::Sse)));
    bench.publish("db", 1..=50);
    cursors_to(&here, 50).await;
    bench.feeds.reset(&"db".into());
    assert_eq!(end(&here).await, End::Reset);
    let again = bench.live(sse("a"));
    drop(here);
    bench.publish("db", 1..=1);
    bench.publish("other", 1..=1);
    assert_eq!(cursors_to(&again, 1).await, [1]);
    assert_eq!(cursors_to(&there, 1).await, [1]);
    drop((again, there));
    assert!(bench.feeds.hall().topics().is_empty());
}

fn ticking() -> Streams {
    Streams { ping_interval: Duration::from_millis(5), ..Streams::default() }
}
