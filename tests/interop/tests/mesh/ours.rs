use anyhow::Result;
use bytes::Bytes;
use sangam_interop::mesh::{TestNode, options_on_loopback, signaling};
use sangam_mesh_node::node::Command;
use sangam_testkit::Server;
use tokio::sync::mpsc;

async fn two_nodes(server: &Server) -> Result<(TestNode, TestNode)> {
    let url = format!("ws://{}/", server.listener("signal")?);
    let start = async || {
        let mut options = options_on_loopback();
        options.discovery.signaling = vec![signaling(url.clone())];
        TestNode::start(options).await
    };
    Ok((start().await?, start().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_at_a_signaling_server_link_up_and_hear_each_other() -> Result<()> {
    let server = Server::start()?;
    let (one, other) = two_nodes(&server).await?;
    let link = one.linked_with(&other.id).await?;
    other.linked_with(&one.id).await?;
    assert!(link.connect_time.is_some(), "{link:?}");
    let (to, mut heard) = mpsc::channel(8);
    other.node.ask(|reply| Command::Subscribe { topic: "news".to_owned(), to, reply }).await;
    let said = |reply| Command::Publish { topic: "news".to_owned(), payload: Bytes::from_static(b"hello"), reply };
    one.node.ask(said).await.transpose()?;
    let delivery = tokio::time::timeout(sangam_testkit::WAIT_MAX, heard.recv()).await?;
    let delivery = delivery.filter(|delivery| delivery.proven && delivery.origin == one.id);
    assert_eq!(delivery.map(|delivery| delivery.payload), Some(Bytes::from_static(b"hello")));
    one.stop().await?;
    other.stop().await
}

/// More than a window holds at once: what is behind it waits for a word of room.
#[tokio::test(flavor = "multi_thread")]
async fn messages_go_on_when_more_has_passed_than_a_window_holds() -> Result<()> {
    const MESSAGES: usize = 200;
    let server = Server::start()?;
    let (one, other) = two_nodes(&server).await?;
    one.linked_with(&other.id).await?;
    let (to, mut heard) = mpsc::channel(MESSAGES);
    other.node.ask(|reply| Command::Subscribe { topic: "news".to_owned(), to, reply }).await;
    let payload = Bytes::from(vec![b'x'; 1024]);
    for _ in 0..MESSAGES {
        let payload = payload.clone();
        let said = |reply| Command::Publish { topic: "news".to_owned(), payload, reply };
        one.node.ask(said).await.transpose()?;
    }
    for number in 0..MESSAGES {
        let Ok(delivery) = tokio::time::timeout(sangam_testkit::WAIT_MAX, heard.recv()).await else {
            let (ours, theirs) = (&one.node, &other.node);
            let topics = (ours.ask(Command::Topics).await, theirs.ask(Command::Topics).await);
            let links = (ours.ask(Command::Links).await, theirs.ask(Command::Links).await);
            anyhow::bail!("message {number} does not come: {topics:#?} {links:#?}");
        };
        assert_eq!(delivery.map(|delivery| delivery.payload.len()), Some(1024));
    }
    one.stop().await?;
    other.stop().await
}
