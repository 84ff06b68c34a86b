use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use sangam_interop::sync_token;
use sangam_sync_client::{Client, ClientError, ClientOptions, MemoryStore, Replica, ReplicaError, ServerWins};
use tokio::task::JoinHandle;

use crate::load::Load;

const DB: &str = "replicated";

type Kept = Replica<MemoryStore, ServerWins>;

/// Two devices of one database with our own client as it comes, its waits included.
pub(crate) struct Replicas {
    devices: Vec<JoinHandle<Result<(Kept, u64)>>>,
    stop: Arc<AtomicBool>,
}

impl Replicas {
    /// Begins to edit and to sync.
    pub(crate) fn start(load: &Load) -> Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let mut devices = Vec::new();
        for name in ["one", "other"] {
            let edits = edit(replica(&load.url, name)?, name, Arc::clone(&stop));
            devices.push(load.runtime.spawn(edits));
        }
        Ok(Self { devices, stop })
    }

    /// Ends the edits: after one more sync each has all of them, as has a device that is new.
    pub(crate) fn settle(self, load: &Load) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        load.runtime.block_on(async {
            let mut ended = Vec::new();
            for device in self.devices {
                ended.push(device.await??);
            }
            let edits: u64 = ended.iter().map(|(_, edits)| edits).sum();
            ended.push((replica(&load.url, "new")?, 0));
            let mut states = Vec::new();
            for (replica, _) in &mut ended {
                replica.sync().await?;
                states.push(state(replica));
            }
            // The first was in step before the second had pushed its last.
            let (first, _) = ended.first_mut().context("no device")?;
            first.sync().await?;
            states[0] = state(first);
            let newest = states.last().context("no device")?;
            ensure!(newest.len() as u64 == edits, "{edits} edits were made, {} are there", newest.len());
            ensure!(states.iter().all(|state| state == newest), "the devices do not agree");
            Ok(())
        })
    }
}

fn replica(url: &str, name: &str) -> Result<Kept> {
    let token = sync_token(Some(DB), Some(name))?;
    let client = Client::new(url, Some(token.into()), ClientOptions::default())?;
    Ok(Replica::new(client, DB, name, MemoryStore::default(), ServerWins))
}

/// Each edit makes an entity; how many there were. A sync that fails, the next one makes good.
async fn edit(mut replica: Kept, name: &str, stop: Arc<AtomicBool>) -> Result<(Kept, u64)> {
    let mut edits = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        edits += 1;
        replica.upsert("notes", &format!("{name}-{edits}"), edits.to_be_bytes().to_vec())?;
        match replica.sync().await {
            Err(ReplicaError::Client(error)) if ClientError::is_retryable(&error) => {}
            synced => drop(synced?),
        }
    }
    Ok((replica, edits))
}

fn state(replica: &Kept) -> BTreeMap<String, Vec<u8>> {
    replica.store().entities().map(|(_, entity, body)| (entity.to_string(), body.to_vec())).collect()
}
