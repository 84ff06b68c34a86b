//! Streams that come while pushes come hear of everything once and in order.

use std::sync::Arc;

use crate::side::{bearer, upsert};
use crate::support::Server;

const PUSHERS: u64 = 4;
const PUSHES: u64 = 25;
const OPS: u64 = 2;
const LAST: u64 = PUSHERS * PUSHES * OPS;

async fn push_all(server: Arc<Server>, round: u64, pusher: u64) {
    let device = format!("p{round}-{pusher}");
    for push in 0..PUSHES {
        let op = |n: u64| {
            let op_id = push * OPS + n + 1;
            upsert("d", &device, op_id, &format!("{device}-{op_id}"), 1)
        };
        server.push("d", &device, (0..OPS).map(op).collect()).await;
    }
}

async fn listen(server: Arc<Server>, device: String, since: u64, last: u64) -> Vec<u64> {
    let path = format!("/v1/events?deviceId={device}&since={since}");
    let mut events = server.events_at(&path, &bearer("d", Some(&device)), "").await;
    let head = events.connected().await;
    assert!(head >= since);
    events.cursors_to(last).await
}

/// Pulls up to the cursor of the greeting and hears the rest.
async fn listen_on_a_socket(server: Arc<Server>, device: String, since: u64, last: u64) -> Vec<u64> {
    let mut socket = server.try_socket(&format!("?deviceId={device}"), &bearer("d", Some(&device))).await.unwrap();
    let head = socket.json().await["data"]["cursor"].as_u64().unwrap();
    let mut heard: Vec<u64> = (since + 1..=head).collect();
    if head < last {
        heard.extend(socket.cursors_to(last).await);
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_come_while_pushes_come_hear_of_everything_once_and_in_order() {
    let server = Arc::new(Server::plain().await);
    for round in 0..6 {
        let (since, last) = (round * LAST, (round + 1) * LAST);
        let pushers: Vec<_> = (0..PUSHERS).map(|n| tokio::spawn(push_all(Arc::clone(&server), round, n))).collect();
        let mut listeners = Vec::new();
        for n in 0..6 {
            listeners.push(tokio::spawn(listen(Arc::clone(&server), format!("l{n}"), since, last)));
            listeners.push(tokio::spawn(listen_on_a_socket(Arc::clone(&server), format!("w{n}"), since, last)));
            tokio::task::yield_now().await;
        }
        for listener in listeners {
            assert_eq!(listener.await.unwrap(), (since + 1..=last).collect::<Vec<_>>(), "round {round}");
        }
        for pusher in pushers {
            pusher.await.unwrap();
        }
    }
}
