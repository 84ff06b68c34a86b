use sangam_mesh_node::discovery::{Discovered, Options, Server};
use sangam_mesh_proto::Via;
use sangam_mesh_proto::mesh::Source;
use serde_json::json;

use crate::originals::{Answer, Asked, Original, Seeker, node_id, offer, options, us};

/// Answers every poll at once, as the original does.
fn plain(asked: &Asked) -> Answer {
    Some((200, if asked.path.starts_with("/register") { json!({"message": "ok"}) } else { json!([]) }))
}

fn up_at(index: u8) -> impl FnMut(Discovered) -> Option<()> {
    move |event| {
        matches!(event, Discovered::Source { source: Source::Rendezvous(at), up: true, .. } if at == index)
            .then_some(())
    }
}

#[tokio::test]
async fn a_rendezvous_that_never_answers_holds_up_no_other() {
    let silent = Original::start(|_| None).await;
    let lively = Original::start(plain).await;
    let rendezvous = vec![silent.server(), lively.server()];
    let request_timeout = std::time::Duration::from_millis(500);
    let mut seeker = Seeker::start(Options { rendezvous, request_timeout, ..options() }).await;
    seeker.until("the lively one", up_at(1)).await;
    seeker.discovery.send(&node_id("b"), Some(Via::Rendezvous(1)), None, &offer("s=-"), true);
    seeker
        .until("the silence", |event| {
            matches!(event, Discovered::Source { source: Source::Rendezvous(0), up: false, .. }).then_some(())
        })
        .await;
    let sent = lively.asked("/signal/send");
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].body,
        json!({"from_peer": us().id.as_str(), "to_peer": node_id("b").as_str(), "type": "offer",
               "payload": {"sdp": "v=0\r\ns=-\r\n", "type": "offer"}})
    );
}

#[tokio::test]
async fn what_is_registered_is_the_address_towards_the_server_and_its_path_and_token_are_kept() {
    let hall = Original::start(plain).await;
    let server = Server { url: format!("{}/r/blue/", hall.url()), token: Some("secret".to_owned().into()) };
    let mut seeker = Seeker::start(Options { rendezvous: vec![server], ..options() }).await;
    let own = seeker.until("our URL", |event| match event {
        Discovered::OwnUrl(url) => Some(url),
        _ => None,
    });
    assert_eq!(own.await, "http://127.0.0.1:8000");
    seeker.until("the rendezvous", up_at(0)).await;
    let registered = hall.asked("/r/blue/register");
    assert_eq!(registered[0].body, json!({"url": "http://127.0.0.1:8000"}));
    assert_eq!(registered[0].token.as_deref(), Some("Bearer secret"));
    assert!(!hall.asked("/r/blue/get_peers?limit=10").is_empty());
    assert_eq!(hall.asked.lock().unwrap().iter().filter(|asked| !asked.path.starts_with("/r/blue/")).count(), 0);
}

#[tokio::test]
async fn what_is_in_the_mailbox_comes_in_its_order_and_rubbish_spoils_nothing() {
    let hall = Original::start(|asked| {
        if !asked.path.starts_with("/signal/poll/") {
            return plain(asked);
        }
        let letter = |word: &str, payload| json!({"from_peer": "a", "type": word, "payload": payload});
        Some((
            200,
            json!([
                7,
                letter("offer", json!({"sdp": "v=0\r\n", "type": "offer"})),
                letter("hello", json!({})),
                letter("ice-candidate", json!({"candidate": "a=candidate:1 1 UDP 1 192.0.2.1 9 typ host"})),
                letter("answer", json!("v=0\n")),
            ]),
        ))
    })
    .await;
    let mut seeker = Seeker::start(Options { rendezvous: vec![hall.server()], ..options() }).await;
    let mut words = Vec::new();
    while words.len() < 3 {
        let word = seeker.until("a signal", |event| match event {
            Discovered::Signal { from, via: Via::Rendezvous(0), signal } if from.as_str() == "a" => {
                Some(sangam_mesh_node::discovery::signal_word(&signal))
            }
            _ => None,
        });
        words.push(word.await);
    }
    assert_eq!(words, ["offer", "ice-candidate", "answer"]);
    let polled = hall.asked("/signal/poll/");
    assert_eq!(polled[0].path, format!("/signal/poll/{}", us().id.as_str().replace('=', "%3D")));
    assert!(seeker.discovery.figures().malformed >= 2);
}
