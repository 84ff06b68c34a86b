use anyhow::{Result, ensure};
use sangam_interop::mesh::TestNode;
use sangam_mesh_node::NodeOptions;
use sangam_mesh_node::node::Command;
use sangam_mesh_proto::Profile;
use sangam_mesh_proto::gossip::Delivery;
use sangam_testkit::Server;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use crate::agent::Agent;
use crate::scene::{AT_ONCE, NEVER, listen, next, options_at, send, url_of};

/// A message each way.
pub(crate) async fn talk_with_page(node: &TestNode, page: &mut Agent, heard: &mut Receiver<Delivery>) -> Result<()> {
    let link = node.linked_with(&page.id).await?;
    assert_eq!(link.profile, Profile::Agent, "{link:?}");
    assert_eq!(page.is_open(node)?, "if-agent-messaging");
    assert_eq!(next(heard).await?["payload"]["text"], "from a page");
    assert_eq!(send(node, &page.id, &json!({ "text": "to a page" })).await?, 1);
    let said = page.heard(&json!({ "text": "to a page" }))?;
    assert_eq!(said["from"], node.id.as_str());
    Ok(())
}

async fn a_page_is_linked(is_dialled: bool) -> Result<()> {
    let server =
        Server::builder().set("http.origins", "*").set("signal.open", "true").set("server.roles", "signal").start()?;
    let url = url_of(&server)?;
    let mut options = options_at(&url, if is_dialled { AT_ONCE } else { NEVER });
    options.require_signature = false;
    let node = TestNode::start(options).await?;
    let mut heard = listen(&node).await;
    let mut page = Agent::start_page("page", &url, (!is_dialled).then_some(&node), None)?;
    talk_with_page(&node, &mut page, &mut heard).await?;
    let candidate = page.says("to have told a candidate", |said| said["candidate"].is_string())?;
    ensure!(candidate["candidate"].as_str().is_some_and(|line| line.contains(".local ")), "{candidate}");
    node.stop().await
}

/// The node looks up no names here: the page's checks show where it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_that_hides_its_addresses_and_dials_is_linked() -> Result<()> {
    a_page_is_linked(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_that_hides_its_addresses_is_dialled() -> Result<()> {
    a_page_is_linked(true).await
}

/// The page keeps its connection: the offer of the next process becomes a new session on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_is_linked_again_after_the_node_was_started_anew() -> Result<()> {
    let server =
        Server::builder().set("http.origins", "*").set("signal.open", "true").set("server.roles", "signal").start()?;
    let url = url_of(&server)?;
    let options = || NodeOptions { require_signature: false, ..options_at(&url, AT_ONCE) };
    let first = options();
    let identity = first.identity.clone();
    let node = TestNode::start(first).await?;
    let mut heard = listen(&node).await;
    let mut page = Agent::start_page("page", &url, Some(&node), None)?;
    talk_with_page(&node, &mut page, &mut heard).await?;
    node.node.tell(Command::Vanish).await;
    drop(node);
    let node = TestNode::start(NodeOptions { identity, ..options() }).await?;
    let mut heard = listen(&node).await;
    node.linked_with(&page.id).await?;
    page.is_open(&node)?;
    assert_eq!(next(&mut heard).await?["payload"]["text"], "from a page");
    assert_eq!(send(&node, &page.id, &json!({ "text": "once more" })).await?, 1);
    page.heard(&json!({ "text": "once more" }))?;
    node.stop().await
}
