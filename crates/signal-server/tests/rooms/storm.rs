use sangam_signal_server::{Limits, Options};
use tokio_tungstenite::tungstenite::Error;

use super::visitors::Operated;

/// Upgrades that are tried until one is refused: no machine is so slow that one a second keeps up.
const TRIED_MAX: usize = 10_000;

async fn refused(server: &Operated) -> (u16, String, u64) {
    let mut visitors = Vec::new();
    for _ in 0..TRIED_MAX {
        match server.try_open("/ws").await {
            Ok(visitor) => visitors.push(visitor),
            Err(Error::Http(response)) => {
                let problem: serde_json::Value =
                    serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
                let wait = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                return (response.status().as_u16(), problem["code"].as_str().unwrap().to_owned(), wait);
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no upgrade was refused")
}

#[tokio::test]
async fn sockets_that_open_faster_than_they_may_are_told_to_come_back_and_counted() {
    let limits = Limits { openings_per_sec: 1, openings_burst: 2, ..Limits::default() };
    let server = Operated::start(Options { limits, ..Options::default() }).await;
    let (status, code, wait) = refused(&server).await;
    assert_eq!((status, code.as_str()), (503, "too_many_openings"));
    assert!((1..=5).contains(&wait), "{wait}");
    assert_eq!(server.metric(r#"sangam_signal_upgrade_refusals_total{reason="too_many_openings"}"#), 1);
}

#[tokio::test]
async fn who_is_not_admitted_is_told_another_time_than_the_others() {
    let limits = Limits { sockets_max: 1, ..Limits::default() };
    let server = Operated::start(Options { limits, ..Options::default() }).await;
    let _held = server.try_open("/ws").await.unwrap();
    let mut waits = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let (status, code, wait) = refused(&server).await;
        assert_eq!((status, code.as_str()), (503, "too_many_sockets"));
        waits.insert(wait);
    }
    assert!(waits.len() > 1 && waits.iter().all(|wait| (1..=5).contains(wait)), "{waits:?}");
}
