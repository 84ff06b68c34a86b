//! Sync clients of EntiDB (`clients/entidb`, written from the protocol alone) against our server. The defects that their own
//! server has are shown in `control.rs` under the same numbers.

use anyhow::Result;
use sangam_interop::{SYNC_SECRET, our_sync_server, sync_scenario, sync_script};
use sangam_testkit::Server;
use serde_json::{Value, json};

fn url(server: &Server) -> Result<String> {
    Ok(format!("http://{}", server.listener("http")?))
}

/// What devices see of a server of their own.
fn seen(scenario: &str) -> Result<Value> {
    sync_scenario(&url(&our_sync_server().start()?)?, scenario)
}

#[test]
fn a_device_shakes_hands_and_begins_at_its_own_beginning() -> Result<()> {
    let expected = json!({"before": 0, "new": 0, "version": {"version": 1, "minSupported": 1}, "health": 200});
    assert_eq!(seen("handshake")?, expected);
    Ok(())
}

#[test]
fn d1_a_new_device_gets_the_whole_history() -> Result<()> {
    let seen = seen("history")?;
    let got = (&seen["pulled"], &seen["dense"], &seen["same"]);
    assert_eq!(got, (&json!(300), &json!(true), &json!(true)), "{seen}");
    // The last page may come again, no more.
    assert!(seen["again"].as_u64() <= Some(100), "{seen}");
    Ok(())
}

#[test]
fn upserts_and_deletes_arrive_with_their_bodies_untouched() -> Result<()> {
    let seen = seen("push")?;
    assert_eq!((&seen["entities"], &seen["same"]), (&json!(201), &json!(true)), "{seen}");
    assert_eq!((&seen["untouched"], &seen["stamped"]), (&json!(true), &json!(true)), "{seen}");
    Ok(())
}

#[test]
fn d2_a_push_whose_answer_was_lost_is_acknowledged_when_it_comes_again() -> Result<()> {
    let expected = json!({"lost": 1, "retries": 1, "conflicts": 0, "acknowledged": 5, "queued": 0, "log": 5});
    assert_eq!(seen("retry")?, expected);
    Ok(())
}

#[test]
fn numbers_that_are_used_again_after_a_restart_are_new_operations() -> Result<()> {
    assert_eq!(seen("reused_numbers")?, json!({"queued": 0, "same": true}));
    Ok(())
}

#[test]
fn each_resolver_gets_its_way_in_a_conflict() -> Result<()> {
    let seen = seen("conflict")?;
    for (resolver, winner) in [("server-wins", "one"), ("client-wins", "other"), ("last-write-wins", "other")] {
        let of = &seen[resolver];
        assert_eq!(
            (&of["winner"], &of["conflicts"], &of["acknowledged"]),
            (&json!(winner), &json!(1), &json!(0)),
            "{seen}"
        );
        assert_eq!((&of["serverVersion"], &of["serverBody"]), (&json!(20), &json!("one")), "{seen}");
    }
    assert_eq!(seen["deleted"], json!([""]), "{seen}");
    Ok(())
}

#[test]
fn d3_a_filtered_pull_gets_its_collections_and_ends() -> Result<()> {
    let expected = json!({"pulled": 5, "pulls": 1, "cursor": 405, "same": true, "later": 5, "both": 155});
    assert_eq!(seen("filtered")?, expected);
    Ok(())
}

#[test]
fn d4_two_edits_of_one_millisecond_are_both_taken() -> Result<()> {
    assert_eq!(seen("one_millisecond")?, json!({"conflicts": 0, "queued": 0, "same": true}));
    Ok(())
}

#[test]
fn d5_a_client_that_wins_has_won_after_one_push() -> Result<()> {
    assert_eq!(seen("client_wins_loop")?, json!({"log": 2, "queued": 0, "wins": true}));
    Ok(())
}

#[test]
fn d6_refused_operations_leave_the_queue_when_they_come_again() -> Result<()> {
    let expected = json!({"conflicts": 100, "acknowledged": 0, "queued": 0, "behind": true});
    assert_eq!(seen("tail_conflict")?, expected);
    Ok(())
}

#[test]
fn d7_a_tenant_reads_and_writes_nothing_of_another() -> Result<()> {
    let seen = seen("tenants")?;
    assert_eq!((&seen["seen"], &seen["conflictsOfOwn"]), (&json!([]), &json!(0)), "{seen}");
    for (what, status) in seen["statuses"].as_object().into_iter().flatten() {
        assert_eq!(status, &json!(403), "{what}: {seen}");
    }
    Ok(())
}

#[test]
fn d8_an_edit_that_comes_out_of_every_device_again_stays_one_edit() -> Result<()> {
    assert_eq!(seen("echo_storm")?, json!({"heads": [1, 1, 1, 1, 1, 1, 1, 1], "same": true}));
    Ok(())
}

#[test]
fn d9_rates_are_of_each_device_refill_by_the_second_and_heed_no_header() -> Result<()> {
    let server = our_sync_server().set("sync.rate.requests_per_sec", "2").set("sync.rate.burst", "20").start()?;
    let seen = sync_scenario(&url(&server)?, "rate")?;
    // What refills while they are made comes on top.
    assert!(seen["before"].as_u64() >= Some(20) && seen["before"].as_u64() < Some(400), "{seen}");
    let refused = (&seen["refused"], &seen["code"], &seen["spoofed"], &seen["other"], &seen["back"]);
    assert_eq!(refused, (&json!(429), &json!(7), &json!(429), &json!(200), &json!(true)), "{seen}");
    assert!(seen["retryAfter"].as_str().and_then(|secs| secs.parse::<u64>().ok()).is_some(), "{seen}");
    Ok(())
}

#[test]
fn d10_nothing_of_a_refused_batch_is_there() -> Result<()> {
    assert_eq!(seen("half_batch")?, json!({"status": 400, "after": 0, "conflicts": 0, "acknowledged": true}));
    Ok(())
}

#[test]
fn d11_a_stream_says_that_it_stands_and_carries_every_name_whole() -> Result<()> {
    assert_eq!(seen("events")?, json!({"status": 200, "connected": true, "whole": true, "broken": 0}));
    Ok(())
}

#[test]
fn a_stream_that_comes_back_hears_what_it_missed_and_nothing_twice() -> Result<()> {
    let seen = seen("events_replay")?;
    assert_eq!(
        (&seen["connected"], &seen["live"], &seen["first"]),
        (&json!(true), &json!(true), &json!("connected")),
        "{seen}"
    );
    assert_eq!(seen["replayed"], json!(["missed0", "missed1", "missed2", "after"]), "{seen}");
    assert_eq!((&seen["bodies"], &seen["broken"]), (&json!(0), &json!(0)), "{seen}");
    Ok(())
}

#[test]
fn d12_a_websocket_takes_the_token_of_its_url_and_nobody_without() -> Result<()> {
    assert_eq!(seen("socket_served")?, json!({"without": 401, "with": 101}));
    Ok(())
}

#[test]
fn a_websocket_pushes_pulls_and_hears_of_others() -> Result<()> {
    let seen = seen("websocket")?;
    let pushed = json!({"acknowledgedUpToOpId": 1, "conflicts": []});
    assert_eq!((&seen["pushed"], &seen["again"]), (&pushed, &pushed), "{seen}");
    assert_eq!((&seen["pulled"], &seen["unknown"]), (&json!(["e0", "e1"]), &json!("unknown_type")), "{seen}");
    assert!(seen["body"].as_array().is_some_and(|body| body.iter().all(Value::is_u64)), "{seen}");
    assert_eq!(seen["refused"]["conflicts"][0]["entityId"], "e0", "{seen}");
    for what in ["subscribed", "live", "pong", "resumed", "open"] {
        assert_eq!(seen[what], true, "{what}: {seen}");
    }
    Ok(())
}

#[test]
fn d13_a_log_of_twenty_thousand_operations_is_pushed_and_pulled_page_by_page() -> Result<()> {
    let seen = seen("long_log")?;
    assert_eq!((&seen["pulled"], &seen["same"]), (&json!(20_000), &json!(true)), "{seen}");
    assert!(seen["pulls"].as_u64() <= Some(201), "{seen}");
    Ok(())
}

#[test]
fn d14_bodies_and_pages_are_bounded_and_errors_can_be_read() -> Result<()> {
    let expected = json!({"large": 413, "page": 1000, "more": true, "ofNone": 1, "odd": 400, "readable": true});
    assert_eq!(seen("bounds")?, expected);
    Ok(())
}

#[test]
fn d15_what_was_acknowledged_outlasts_a_kill_and_pushes_go_on() -> Result<()> {
    let server = our_sync_server().start()?;
    let before = sync_scenario(&url(&server)?, "before_crash")?;
    let server = server.kill_and_replace()?;
    let after = sync_scenario(&url(&server)?, "after_crash")?;
    assert_eq!(after["state"], before["state"]);
    assert_eq!((&after["dense"], &after["log"]), (&json!(true), &json!(300)));
    Ok(())
}

#[test]
fn every_vector_of_the_protocol_is_taken_and_given_byte_for_byte() -> Result<()> {
    let expected = json!({
        "V01": 0, "V02": 0, "V08": true, "V05": [0, 12_000, false], "V10": true, "V11": 5002,
        "V06": ["note-99", "note-98"], "N01": "400", "N02": "400", "N03": true, "V07": true, "V13": true, "V14": true,
        "V15": true, "V18": true,
    });
    assert_eq!(seen("vectors")?, expected);
    Ok(())
}

#[test]
fn forged_tokens_open_nothing() -> Result<()> {
    let seen = seen("forged_tokens")?;
    assert!(seen["tokens"].as_u64() >= Some(20), "{seen}");
    for what in ["letIn", "badlyTold", "carriers"] {
        assert_eq!(seen[what], json!([]), "{what}: {seen:#}");
    }
    assert_eq!(seen["good"], json!({"log": 0}));
    Ok(())
}

#[test]
fn nothing_of_one_database_is_seen_from_another_on_any_path() -> Result<()> {
    let seen = seen("isolation")?;
    for what in ["seen", "intruders"] {
        assert_eq!(seen[what], json!([]), "{what}: {seen:#}");
    }
    assert_eq!((&seen["conflicts"], &seen["statsCursor"]), (&json!(0), &json!(1)), "{seen:#}");
    assert_eq!((&seen["heardOwn"], &seen["socketPull"]), (&json!(true), &json!(["tenant-b"])), "{seen:#}");
    assert_eq!(seen["foreignPush"], "error", "{seen:#}");
    for (path, status) in seen["asOther"].as_object().into_iter().flatten() {
        // These two name no database where it would be looked for: they are about the token's own.
        let expected = if path == "/v1/stats" { 200 } else { 403 };
        assert_eq!(status, &json!(expected), "{path}: {seen:#}");
    }
    Ok(())
}

#[test]
fn a_token_speaks_for_its_own_device_alone_and_names_a_database() -> Result<()> {
    for (what, status) in seen("other_device")?.as_object().into_iter().flatten() {
        let expected = if what.starts_with("no device") { json!(200) } else { json!(403) };
        assert_eq!(status, &expected, "{what}");
    }
    Ok(())
}

#[test]
fn a_token_of_sync_opens_no_door_of_operators() -> Result<()> {
    let server = our_sync_server().set("http.trusted_proxies", "127.0.0.1").start()?;
    let seen = sync_scenario(&url(&server)?, "administration")?;
    assert_eq!(seen["own"], 200, "{seen}");
    for (door, status) in seen["statuses"].as_object().into_iter().flatten() {
        assert!([401, 403, 404, 405].iter().any(|refusal| status == refusal), "{door}: {status}");
    }
    assert!(!server.log().contains(SYNC_SECRET), "the log holds the secret");
    Ok(())
}

#[test]
fn random_messages_are_taken_and_refused_as_cbor2_and_the_protocol_have_it() -> Result<()> {
    let server = our_sync_server().start()?;
    for seed in ["1", "2", "3"] {
        let seen = sync_script(&url(&server)?, "decoder_fuzz")?.option("seed", seed).run()?;
        assert_eq!(seen["count"], 0, "seed {seed}: {seen:#}");
    }
    Ok(())
}
