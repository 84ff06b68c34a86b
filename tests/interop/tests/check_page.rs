//! A real browser on our page.

use anyhow::Result;
use sangam_interop::Script;
use sangam_testkit::Server;

/// Headless Chromium gathers a relay candidate and passes 1 MiB each way over a relay-only data channel; what the script
/// demands is written there.
#[test]
fn chromium_links_two_peers_on_the_check_page_through_our_relay_alone() -> Result<()> {
    let server = Server::start()?;
    let url = format!("http://{}", server.listener("http")?);
    let result = Script::node("check_page/run.mjs").environment("SANGAM_URL", url).run()?;
    assert_eq!(result["ok"], true, "{result:#}");
    assert_eq!(
        (&result["local"]["type"], &result["failed_step"]),
        (&"relay".into(), &serde_json::Value::Null),
        "{result:#}"
    );
    Ok(())
}
