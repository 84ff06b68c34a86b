//! Our own sync client against our server, alone and beside one of EntiDB's.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sangam_interop::{our_sync_server, sync_scenario, sync_token};
use sangam_sync_client::{
    Client, ClientOptions, ClientWins, Event, EventStream, MemoryStore, Replica, Resolver, ServerWins,
};
use sangam_testkit::Server;
use serde_json::{Value, json};
use tokio::time::timeout;

const DB: &str = "tenant-a";
const WAIT: Duration = Duration::from_secs(20);

fn url(server: &Server) -> Result<String> {
    Ok(format!("http://{}", server.listener("http")?))
}

fn client(server: &Server, device: &str) -> Result<Client> {
    let token = sync_token(Some(DB), Some(device))?;
    // Small pages and pushes, so that there are several.
    let options = ClientOptions { page_ops: 7, push_ops: 5, ..ClientOptions::default() };
    Ok(Client::new(&url(server)?, Some(token.into()), options)?)
}

fn replica<R: Resolver>(server: &Server, device: &str, resolver: R) -> Result<Replica<MemoryStore, R>> {
    Ok(Replica::new(client(server, device)?, DB, device, MemoryStore::default(), resolver))
}

/// CBOR of a text of less than 24 bytes.
fn text(text: &str) -> Vec<u8> {
    let head = 0x60 | u8::try_from(text.len()).unwrap_or_default();
    [&[head], text.as_bytes()].concat()
}

fn state<R: Resolver>(replica: &Replica<MemoryStore, R>) -> BTreeMap<String, Vec<u8>> {
    let entities = replica.store().entities();
    entities.map(|(collection, entity, body)| (format!("{collection}/{entity}"), body.to_vec())).collect()
}

async fn next(stream: &mut EventStream) -> Result<Event> {
    timeout(WAIT, stream.next()).await??.context("the stream ended")
}

/// The next event's cursor and how many operations it tells of.
async fn told(stream: &mut EventStream) -> Result<(u64, u64)> {
    loop {
        match next(stream).await? {
            Event::Operations { cursor, count, .. } => return Ok((cursor, count)),
            // They come when their time comes.
            Event::Ping => {}
            other => bail!("{other:?} instead of operations"),
        }
    }
}

#[tokio::test]
async fn two_replicas_reach_the_same_state_over_conflicts_and_deletions() -> Result<()> {
    let server = our_sync_server().start()?;
    let (mut one, mut other) = (replica(&server, "one", ServerWins)?, replica(&server, "other", ClientWins)?);
    for number in 0..20 {
        one.upsert("c", &format!("e{number}"), text("one"))?;
    }
    one.delete("c", "e3")?;
    let did = one.sync().await?;
    assert_eq!((did.pushed, did.conflicts), (21, 0));
    // Both edit the same entity without having seen the other's edit.
    for (number, body) in [(1, "other"), (2, "other")] {
        other.upsert("c", &format!("e{number}"), text(body))?;
    }
    one.upsert("c", "e1", text("one again"))?;
    one.sync().await?;
    other.sync().await?;
    one.sync().await?;
    other.sync().await?;
    assert_eq!(state(&one), state(&other));
    assert_eq!((state(&one).len(), one.store().waiting_len(), other.store().waiting_len()), (19, 0, 0));
    Ok(())
}

#[tokio::test]
async fn a_replica_goes_on_after_its_server_was_killed() -> Result<()> {
    let server = our_sync_server().start()?;
    let mut one = replica(&server, "one", ServerWins)?;
    one.upsert("c", "before", text("before"))?;
    one.sync().await?;
    let server = server.kill_and_replace()?;
    one.upsert("c", "after", text("after"))?;
    let did = one.sync().await?;
    // The life of the database is the same, and so nothing begins anew.
    assert_eq!((did.pushed, did.conflicts, did.reset), (1, 0, false));
    let mut other = replica(&server, "other", ServerWins)?;
    other.sync().await?;
    assert_eq!(state(&other), state(&one));
    Ok(())
}

#[tokio::test]
async fn a_stream_tells_of_what_came_since_and_of_what_comes() -> Result<()> {
    let server = our_sync_server().start()?;
    let mut one = replica(&server, "one", ServerWins)?;
    one.upsert("c", "missed", text("missed"))?;
    one.sync().await?;
    let listener = client(&server, "listener")?;
    let mut stream = listener.events("listener", Some(0)).await?;
    assert_eq!(next(&mut stream).await?, Event::Connected { cursor: 1 });
    assert_eq!(told(&mut stream).await?, (1, 1));
    one.upsert("c", "live", text("live"))?;
    one.sync().await?;
    assert_eq!(told(&mut stream).await?, (2, 1));
    assert_eq!(listener.stats().await?.cursor, 2);
    assert_eq!(listener.version().await?.version, 1);
    Ok(())
}

#[tokio::test]
async fn our_client_and_entidbs_have_the_same_state() -> Result<()> {
    let server = our_sync_server().start()?;
    let mut ours = replica(&server, "ours", ServerWins)?;
    for (entity, body) in [("by-both", "ours"), ("by-ours", "ours"), ("gone", "ours")] {
        ours.upsert("c", entity, text(body))?;
    }
    ours.sync().await?;
    let address = url(&server)?;
    let theirs = tokio::task::spawn_blocking(move || sync_scenario(&address, "meet")).await??;
    assert_eq!((&theirs["pulled"], &theirs["cycles"]), (&json!(3), &json!(1)), "{theirs}");
    ours.sync().await?;
    let hex = |body: Vec<u8>| body.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let state: BTreeMap<String, Value> =
        state(&ours).into_iter().map(|(entity, body)| (entity, Value::from(hex(body)))).collect();
    assert_eq!(json!(state), theirs["state"]);
    assert_eq!(state.len(), 3, "{state:?}");
    Ok(())
}
