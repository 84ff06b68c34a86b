//! Many clients that are made a few at a time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Clients that are being connected at one time.
const ABREAST: usize = 64;
/// How long the connecting of one may take once its turn has come.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// Lets a bounded number of clients connect at once.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ABREAST)))
    }

    /// Waits for the turn, then for `connecting`, for a bounded time.
    pub(crate) async fn pass<T>(&self, connecting: impl Future<Output = Result<T>>) -> Result<T> {
        let _turn: OwnedSemaphorePermit = Arc::clone(&self.0).acquire_owned().await.context("the gate is closed")?;
        timeout(CONNECT_MAX, connecting).await.context("a client could not connect in time")?
    }
}

/// Makes the clients 0 to `count`, in their order.
pub(crate) async fn gather<T, F>(count: usize, make: impl Fn(usize) -> F) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let gate = Gate::new();
    let mut makers = JoinSet::new();
    for index in 0..count {
        let (gate, making) = (gate.clone(), make(index));
        makers.spawn(async move { gate.pass(making).await.map(|made| (index, made)) });
    }
    let mut made: Vec<(usize, T)> = all(makers).await?;
    made.sort_by_key(|(index, _)| *index);
    Ok(made.into_iter().map(|(_, made)| made).collect())
}

/// What every task returns, in the order in which they end.
pub(crate) async fn all<T: Send + 'static>(mut tasks: JoinSet<Result<T>>) -> Result<Vec<T>> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        results.push(ended.context("a client panicked")??);
    }
    Ok(results)
}
