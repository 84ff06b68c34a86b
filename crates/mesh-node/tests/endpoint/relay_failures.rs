use std::time::Duration;

use sangam_mesh_node::endpoint::{Drop, Endpoint, EndpointOptions, RelayState, StartError, Woken};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{options, servers, wait_for};

async fn failure(endpoint: &mut Endpoint) -> (String, String) {
    wait_for(endpoint, |woken| match woken {
        Woken::RelayFailed { server, why } => Some((server.clone(), why.clone())),
        _ => None,
    })
    .await
}

async fn with(urls: &[String]) -> Endpoint {
    let options = EndpointOptions {
        servers: servers(urls),
        relay_only: true,
        gather_timeout: Duration::from_secs(3_600),
        connect_timeout: Duration::from_millis(200),
        retry_pause: Duration::from_secs(3_600),
        retry_pause_max: Duration::from_secs(3_600),
        ..options()
    };
    Endpoint::start(options).await.expect("it starts")
}

#[tokio::test]
async fn a_relay_that_cannot_be_reached_is_named_and_gathering_ends() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut endpoint = with(&[format!("turn:{closed}?transport=tcp")]).await;
    let (server, why) = failure(&mut endpoint).await;
    assert!(server.contains(&closed.to_string()) && why.contains("refused"), "{server}: {why}");
    wait_for(&mut endpoint, |woken| (*woken == Woken::Gathered).then_some(())).await;
    let figures = endpoint.figures();
    assert_eq!((figures.relays[0].state, figures.allocations_failed), (RelayState::Waiting, 1));
    assert!(endpoint.candidates().is_empty());
}

#[tokio::test]
async fn what_answers_in_another_protocol_is_no_relay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = tokio::spawn(async move {
        let mut streams = vec![];
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(&[0xff; 64]).await.ok();
            streams.push(stream);
        }
    });
    let mut endpoint = with(&[format!("turn:{address}?transport=tcp")]).await;
    let (_, why) = failure(&mut endpoint).await;
    assert!(why.contains("no TURN message"), "{why}");
    let mut endpoint = with(&[format!("turns:{address}")]).await;
    let (_, why) = failure(&mut endpoint).await;
    assert!(why.contains("TLS handshake failed"), "{why}");
    web.abort();
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_in_the_tls_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut endpoint = with(&[format!("turns:{}", listener.local_addr().unwrap())]).await;
    let (_, why) = failure(&mut endpoint).await;
    assert!(why.contains("TLS handshake took too long"), "{why}");
}

#[tokio::test]
async fn relay_only_opens_no_socket_for_peers() {
    let endpoint = with(&[]).await;
    assert_eq!((endpoint.candidates().len(), endpoint.figures().sockets), (0, 0));
    assert_eq!(endpoint.figures().dropped(Drop::NoSuchBase), 0);
}

#[tokio::test]
async fn an_authorities_file_without_any_is_named_at_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error =
        Endpoint::start(EndpointOptions { ca_file: Some(file.path().to_owned()), ..options() }).await.unwrap_err();
    assert!(matches!(&error, StartError::Authorities { path } if path == file.path()), "{error}");
}
