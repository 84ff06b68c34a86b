use std::sync::Arc;

use sangam_storage::StoreError;
use sangam_storage::devices::{Readers, Snapshot};
use tokio::sync::oneshot;

/// Reads, all of it at one moment, on one of the store's own threads.
pub(crate) async fn read<T: Send + 'static>(
    readers: &Arc<dyn Readers>,
    job: impl FnOnce(&mut dyn Snapshot) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = oneshot::channel();
    readers.read(Box::new(move |snapshot| {
        // Whoever waited may have gone away.
        let _: Result<(), _> = answer.send(job(snapshot));
    }))?;
    answered.await.unwrap_or(Err(StoreError::Busy))
}
