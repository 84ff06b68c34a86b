use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connection::{BoxError, HttpShared, serve_connection};
use super::{HttpOptions, RequestBody};
use crate::tcp::TcpFront;

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they outlived [`HttpOptions::drain_limit`].
    pub cut: usize,
}

/// Serves HTTP/1.1 and HTTP/2 on `front` until `shutdown` is cancelled, then drains: the listener closes at once,
/// idle connections close, requests under way finish within [`HttpOptions::drain_limit`], what is left is cut.
///
/// A connection that closes while its client still sends lingers: see [`HttpOptions::linger_limit`].
///
/// Every request carries a [`Client`](super::Client) in its extensions, and an
/// `Arc<`[`ClientCertificate`](crate::ClientCertificate)`>` if its connection proved one. An axum `Router` is a fitting `service`.
/// Upgraded connections (WebSocket) belong to whoever took them: they keep their place in the listener's limits,
/// and a drain does not wait for them.
///
/// Dropping the future closes the listener and every connection that is not upgraded.
pub async fn serve<S, B>(front: TcpFront, service: S, options: HttpOptions, shutdown: CancellationToken) -> Drained
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let drain_limit = options.drain_limit;
    let stats = front.stats();
    let shared = Arc::new(HttpShared::new(service, options, front.rules().clone(), Arc::clone(&stats)));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => report_panic(ended),
            arrived = front.accept() => {
                let (shared, draining) = (Arc::clone(&shared), shutdown.clone());
                connections.spawn(async move {
                    // Nothing is under way before the first request: a drain need not wait for it.
                    // A handshake's memory is given back when it is done.
                    let established = draining.run_until_cancelled(Box::pin(arrived.establish())).await;
                    // A refusal is counted and logged where it happens.
                    if let Some(Ok(accepted)) = established {
                        serve_connection(shared, accepted, draining).await;
                    }
                });
            }
        }
    }
    drop(front);
    let drain = async {
        while let Some(ended) = connections.join_next().await {
            report_panic(ended);
        }
    };
    // Whether time ran out shows in what is left.
    let _elapsed = timeout(drain_limit, drain).await;
    let cut = connections.len();
    connections.shutdown().await;
    for _ in 0..cut {
        stats.drain_cut.add();
    }
    Drained { cut }
}

fn report_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed; its client was cut off");
    }
}
