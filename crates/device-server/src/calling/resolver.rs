use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Looks up names. The system does that on a thread which nobody can end, and which a device that tells a name of a silent name
/// server holds for as long as it likes: so many are under way at once and no more, and who waits for a turn gives up before it has
/// taken one.
#[derive(Debug)]
pub(super) struct Resolver {
    turns: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new(at_once: usize) -> Self {
        Self { turns: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))) }
    }

    /// The addresses of a name. Whoever drops the future gives up; a look-up that was begun keeps its turn until it ends.
    pub(super) async fn look_up(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (name, port) = (name.to_owned(), port);
        self.run(move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
    }

    async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
        let looked_up = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            job()
        });
        looked_up.await.map_err(io::Error::other)?
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn names_that_nobody_answers_for_hold_so_many_threads_and_no_more() {
        let resolver = Resolver::new(2);
        let (ends, never_ends) = mpsc::channel::<()>();
        let never_ends = Arc::new(std::sync::Mutex::new(never_ends));
        let began = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        for _ in 0..5 {
            let (never_ends, began) = (Arc::clone(&never_ends), Arc::clone(&began));
            let stuck = resolver.run(move || {
                began.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let _: Result<(), _> = never_ends.lock().unwrap().recv();
                Ok(())
            });
            // Whoever waited has given up; what was begun goes on.
            assert!(tokio::time::timeout(Duration::from_millis(20), stuck).await.is_err());
        }
        assert_eq!(began.load(std::sync::atomic::Ordering::SeqCst), 2);
        drop(ends);
        assert!(resolver.look_up("127.0.0.1", 9).await.is_ok(), "once they end, there is a turn");
    }
}
