use anyhow::Result;
use sangam_interop::cycles::Cycles;
use sangam_interop::mesh::{TestNode, options_on_loopback, signaling};
use sangam_mesh_proto::Failure;
use sangam_mesh_proto::mesh::{Contact, Source};
use sangam_testkit::Server;

/// More than what an allocator keeps for itself after so few cycles, less than a link that stays each time.
const GROWTH_MAX: u64 = 24 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn links_that_came_and_went_leave_no_task_no_file_and_no_memory_behind() -> Result<()> {
    let mut cycles = Cycles::start().await?;
    cycles.run(6).await?;
    let before = cycles.held_at_rest(None).await?;
    cycles.run(50).await?;
    let after = cycles.held_at_rest(Some(before)).await?;
    assert!(after.tasks <= before.tasks && after.files <= before.files, "{before:?} {after:?}");
    assert!(after.memory < before.memory + GROWTH_MAX, "{before:?} {after:?}");
    cycles.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_says_so_and_is_not_dialled_for_nothing() -> Result<()> {
    let server = Server::start()?;
    let start = async || {
        let mut options = options_on_loopback();
        options.discovery.signaling = vec![signaling(format!("ws://{}/", server.listener("signal")?))];
        TestNode::start(options).await
    };
    let (stays, goes) = (start().await?, start().await?);
    let mut events = stays.node.events();
    stays.linked_with(&goes.id).await?;
    goes.linked_with(&stays.id).await?;
    goes.stop().await?;
    // Far sooner than silence would be noticed it is told who ended the link.
    let closed = async {
        loop {
            let event = events.recv().await?.to_json();
            if event["event"] == "peer_disconnected" {
                return anyhow::Ok(event["metadata"]["reason"].as_str().unwrap_or_default().to_owned());
            }
        }
    };
    let reason = tokio::time::timeout(sangam_testkit::WAIT_MAX, closed).await??;
    assert_eq!(reason, Failure::ClosedByPeer.as_str());
    stays.until("end of every link", async || Ok(stays.links().await?.is_empty().then_some(()))).await?;
    // The server has told that it left: its own record is all that is known of it.
    let is_server = |contact: &Contact| matches!(contact.source, Source::Signaling(_));
    let is_forgotten = async || {
        let peers = stays.node.ask(sangam_mesh_node::node::Command::Peers).await.unwrap_or_default();
        Ok(peers.iter().all(|peer| peer.link.is_none() && !peer.contacts.iter().any(is_server)).then_some(()))
    };
    stays.until("a peer that left to be known by no server", is_forgotten).await?;
    stays.stop().await
}
