use super::*;

#[tokio::test]
async fn an_event_is_what_the_wire_says_byte_for_byte() {
    let bench = Bench::new(Streams::default());
    let subscription = bench.live(sse("dev-1"));
    bench.publish("db", 43..=43);
    let expected = "event: operations\nid: 43-0\ndata: {\"cursor\":43,\"operations\":[{\"opId\":43,\"dbId\":\"db\",\
        \"deviceId\":\"dev-2\",\"collection\":\"tasks\",\"entityId\":\"e43\",\"opType\":\"upsert\",\"entityVersion\":43,\
        \"timestampMs\":1702569600000}],\"count\":1}\n\n";
    assert_eq!(text(&subscription).await, expected);
}

#[tokio::test]
async fn a_websocket_gets_bodies_and_an_event_stream_none() {
    let bench = Bench::new(Streams::default());
    let (events, socket) = (bench.live(sse("a")), bench.live(listener("db", "b", Wire::WebSocket)));
    bench.publish("db", 1..=1);
    assert!(!text(&events).await.contains("entityCbor"));
    let message: Value = serde_json::from_str(&text(&socket).await).unwrap();
    assert_eq!(message["type"], "operations");
    assert_eq!(message["data"]["operations"][0]["entityCbor"], serde_json::json!([160]));
}

#[tokio::test]
async fn the_author_hears_of_its_own_operations() {
    let bench = Bench::new(Streams::default());
    let author = bench.live(sse("dev-2"));
    bench.publish("db", 1..=2);
    assert_eq!(cursors_to(&author, 2).await, [1, 2]);
}

#[tokio::test]
async fn a_database_is_heard_of_in_none_of_the_others() {
    let bench = Bench::new(Streams::default());
    let (a, b) = (bench.live(listener("a", "x", Wire::Sse)), bench.live(listener("b", "x", Wire::Sse)));
    bench.publish("a", 1..=3);
    bench.publish("b", 7..=7);
    assert_eq!(cursors_to(&b, 7).await, [7]);
    assert_eq!(cursors_to(&a, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn what_was_read_of_the_log_is_not_told_again() {
    let bench = Bench::new(Streams::default());
    let subscription = bench.join(sse("a"));
    assert!(subscription.go_live(5));
    bench.publish("db", 1..=4);
    bench.publish("db", 5..=7);
    assert_eq!(cursors_to(&subscription, 7).await, [6, 7]);
}

#[tokio::test]
async fn who_has_read_less_than_others_were_told_reads_on() {
    let bench = Bench::new(Streams::default());
    let (first, second) = (bench.live(sse("a")), bench.join(sse("b")));
    bench.publish("db", 1..=9);
    assert_eq!(cursors_to(&first, 9).await.len(), 9);
    assert!(!second.go_live(8), "9 would be missed");
    assert!(second.go_live(9));
    bench.publish("db", 10..=10);
    assert_eq!(cursors_to(&second, 10).await, [10]);
}

#[tokio::test]
async fn who_begins_at_the_head_begins_where_the_others_are() {
    let bench = Bench::new(Streams::default());
    let (first, second) = (bench.live(sse("a")), bench.join(sse("b")));
    bench.publish("db", 1..=9);
    cursors_to(&first, 9).await;
    assert_eq!(second.head(), Some(9));
    assert_eq!(second.start_at(4), 9, "the store was read before others were told of more");
}

#[tokio::test]
async fn a_filter_lets_its_collections_through_alone() {
    let bench = Bench::new(Streams::default());
    let filter = |names: &[&str]| Some(names.iter().map(|name| Name::from(*name)).collect());
    let notes = bench.live(Listener { filter: filter(&["notes"]), ..sse("a") });
    let both = bench.live(Listener { filter: filter(&["notes", "tasks"]), ..sse("b") });
    let db: Name = "db".into();
    bench.feeds.publish(&db, vec![entry(1, "tasks")]);
    bench.feeds.publish(&db, vec![entry(2, "tasks"), entry(3, "notes"), entry(4, "other")]);
    let event = text(&notes).await;
    assert_eq!((cursors(&event), data(&event)["cursor"].clone()), (vec![3], 3.into()));
    assert_eq!(cursors_to(&both, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_filter_changes_exactly_where_the_answer_stands() {
    let bench = Bench::new(Streams::default());
    let subscription = bench.live(listener("db", "a", Wire::WebSocket));
    bench.publish("db", 1..=2);
    assert!(text(&subscription).await.contains("\"opId\":1"));
    subscription.refilter(Some(["notes".into()].into()), |told| format!("subscribed at {told}"));
    bench.publish("db", 3..=3);
    bench.feeds.publish(&"db".into(), vec![entry(4, "notes")]);
    assert_eq!(text(&subscription).await, "subscribed at 2");
    let message = text(&subscription).await;
    assert!(message.contains("\"opId\":4") && !message.contains("\"opId\":3"), "{message}");
}

#[tokio::test]
async fn streams_that_read_the_same_share_its_bytes() {
    let bench = Bench::new(Streams::default());
    let (a, b) = (bench.live(sse("a")), bench.live(sse("b")));
    bench.publish("db", 1..=3);
    let (Step::Text(a), Step::Text(b)) = (step(&a).await, step(&b).await) else { panic!("no texts") };
    assert_eq!(a.as_ptr(), b.as_ptr());
}

#[tokio::test]
async fn a_slow_stream_gets_one_hint_for_all_it_missed_and_hears_what_comes_then() {
    let bench = Bench::new(Streams { queue_bytes_max: 2_000, ..Streams::default() });
    let (slow, fast) = (bench.live(sse("slow")), bench.live(sse("fast")));
    for cursor in 1..=20 {
        bench.publish("db", cursor..=cursor);
        assert_eq!(cursors_to(&fast, cursor).await, [cursor]);
    }
    let event = text(&slow).await;
    assert_eq!((cursors(&event), data(&event)["count"].clone()), (vec![], 0.into()));
    let told = data(&event)["cursor"].as_u64().unwrap();
    let rest = cursors_to(&slow, 20).await;
    assert_eq!(rest, (told + 1..=20).collect::<Vec<_>>(), "what the hint covers ends where the next events begin");
}

#[tokio::test]
async fn many_rows_at_once_come_in_events_that_fit_a_queue() {
    let bench = Bench::new(Streams { queue_bytes_max: 64 << 10, ..Streams::default() });
    let subscription = bench.live(sse("a"));
    let heard = async {
        let (mut heard, mut longest) = (Vec::new(), 0);
        while heard.last() != Some(&200) {
            let event = text(&subscription).await;
            longest = longest.max(event.len());
            heard.extend(cursors(&event));
        }
        (heard, longest)
    };
    bench.publish("db", 1..=200);
    let (heard, longest) = heard.await;
    assert_eq!(heard, (1..=200).collect::<Vec<_>>());
    assert!(longest < 20_000, "{longest}");
}

#[tokio::test]
async fn whatever_a_name_holds_an_event_is_one_block_without_carriage_returns() {
    let bench = Bench::new(Streams::default());
    let subscription = bench.live(listener("d\r\n\n", "a", Wire::Sse));
    let mut hostile = entry(1, "\r\n\r\ndata: x\n\n");
    hostile.device = "J\u{f6}rg\u{2028} \u{1f600}\0".into();
    bench.feeds.publish(&"d\r\n\n".into(), vec![hostile]);
    let event = text(&subscription).await;
    assert!(!event.contains('\r') && event.ends_with("\n\n"));
    assert_eq!(event.matches("\n\n").count(), 1);
    assert_eq!(event.lines().filter(|line| line.starts_with("data: ")).count(), 1);
    assert_eq!(data(&event)["operations"][0]["deviceId"], "J\u{f6}rg\u{2028} \u{1f600}\0");
    assert_eq!(data(&event)["operations"][0]["collection"], "\r\n\r\ndata: x\n\n");
}

#[tokio::test]
async fn without_streams_nothing_is_kept_of_what_is_committed() {
    let bench = Bench::new(Streams::default());
    bench.publish("db", 1..=3);
    drop(bench.live(sse("a")));
    bench.publish("db", 4..=6);
    assert!(lock(&bench.feeds.ringing).is_empty());
    assert!(bench.feeds.hall().topics().is_empty());
}

#[tokio::test]
async fn rows_that_come_faster_than_they_are_told_become_one_hint() {
    let bench = Bench::new(Streams { queue_bytes_max: 1_000, ..Streams::default() });
    let (a, b) = (bench.live(sse("a")), bench.live(listener("db", "b", Wire::WebSocket)));
    // Nothing is distributed before this task waits.
    for cursor in 1..=1_000 {
        bench.publish("db", cursor..=cursor);
    }
    let event = text(&a).await;
    assert_eq!((cursors(&event), data(&event)["cursor"].clone()), (vec![], 1_000.into()));
    assert!(text(&b).await.contains("\"cursor\":1000,\"operations\":[],\"count\":0"));
    bench.publish("db", 1_001..=1_001);
    assert_eq!(cursors_to(&a, 1_001).await, [1_001]);
}

#[tokio::test]
async fn large_bodies_cost_an_event_stream_nothing() {
    let bench = Bench::new(Streams::default());
    let (events, socket) = (bench.live(sse("a")), bench.live(listener("db", "b", Wire::WebSocket)));
    let large = |cursor| LogEntry { body: Some(vec![7; 2 << 20].into()), ..entry(cursor, "tasks") };
    bench.feeds.publish(&"db".into(), vec![large(1), large(2), large(3)]);
    assert_eq!(cursors_to(&events, 3).await, [1, 2, 3]);
    assert!(text(&socket).await.contains("\"operations\":[],\"count\":0"), "a hint");
}
