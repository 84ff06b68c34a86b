//! The end of a server: nothing new is taken, what there is finishes within its limit.

use std::time::Duration;

use crate::server::Server;

/// Closes the listeners, tells signaling clients to go elsewhere, writes what sync has taken, and gives the relay's
/// allocations until `relay_limit`. All at the same time.
pub(crate) async fn drain(server: Server, relay_limit: Duration) {
    let Server { signal, relay, sync, sync_drain_limit, devices, devices_drain_limit, http_tasks, http_stop, .. } =
        server;
    // A session of a device is several requests: those that are open need the listeners.
    if let Some(devices) = &devices {
        devices.finish_sessions(devices_drain_limit).await;
    }
    http_stop.cancel();
    let signaling = async {
        if let Some(signal) = &signal {
            signal.drain().await;
        }
    };
    let relaying = async {
        let Some(relay) = relay else { return };
        // A panic in there was counted and logged where it happened.
        tokio::task::spawn_blocking(move || relay.stop(relay_limit)).await.ok();
    };
    let syncing = async {
        let Some(sync) = &sync else { return };
        if tokio::time::timeout(sync_drain_limit, sync.drain()).await.is_err() {
            tracing::warn!("sync did not end in time: what it had not acknowledged may not be written");
        }
    };
    let managing = async {
        if let Some(devices) = &devices {
            devices.drain().await;
        }
    };
    let serving = async {
        for task in http_tasks {
            match task.await {
                Ok(drained) if drained.cut > 0 => tracing::warn!(connections = drained.cut, "requests were cut off"),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a listener had ended before"),
            }
        }
    };
    tokio::join!(signaling, relaying, syncing, managing, serving);
}
