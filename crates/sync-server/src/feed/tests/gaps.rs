//! Streams that come and go while much is committed hear of everything once, in order.

use super::*;

/// Stands in for a store: what is in it is committed.
#[derive(Default)]
struct Log(Mutex<Vec<LogEntry>>);

impl Log {
    /// As the writer's thread does it: first commit, then publish.
    fn commit(&self, feeds: &Feeds, db: &Name, count: u64) {
        let mut log = lock(&self.0);
        let from = log.len() as u64 + 1;
        let entries: Vec<LogEntry> = (from..from + count).map(|cursor| entry(cursor, "tasks")).collect();
        log.extend(entries.iter().cloned());
        drop(log);
        feeds.publish(db, entries);
    }

    /// A page after `since`, and whether there is more.
    fn page(&self, since: u64, limit: usize) -> (Vec<u64>, bool) {
        let log = lock(&self.0);
        let rest = &log[usize::try_from(since).unwrap().min(log.len())..];
        (rest.iter().take(limit).map(|entry| entry.cursor).collect(), rest.len() > limit)
    }
}

/// Reads from `since` to `last` as a stream does.
async fn listen(bench: &Bench, log: &Log, device: &str, since: u64, last: u64) -> Vec<u64> {
    let subscription = bench.join(sse(device));
    let mut heard = Vec::new();
    let mut read = since;
    loop {
        let (page, more) = log.page(read, 7);
        read = page.last().copied().unwrap_or(read);
        heard.extend(page);
        tokio::task::yield_now().await;
        if !more && subscription.go_live(read) {
            break;
        }
    }
    if read < last {
        heard.extend(cursors_to(&subscription, last).await);
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_come_while_much_is_committed_hear_of_everything_once_and_in_order() {
    const LAST: u64 = 300;
    for round in 0..40 {
        let bench = Arc::new(Bench::new(Streams { queue_bytes_max: 1 << 20, ..Streams::default() }));
        let log = Arc::new(Log::default());
        let writer = {
            let (feeds, log) = (Arc::clone(&bench.feeds), Arc::clone(&log));
            std::thread::spawn(move || {
                let db: Name = "db".into();
                let mut left = LAST;
                while left > 0 {
                    let count = (round % 5 + 1).min(left);
                    log.commit(&feeds, &db, count);
                    left -= count;
                    std::thread::yield_now();
                }
            })
        };
        let listeners = (0..8).map(|n| {
            let (bench, log) = (Arc::clone(&bench), Arc::clone(&log));
            tokio::spawn(async move {
                let since = n % 3 * 10;
                // It may have to wait until its cursor is there.
                while (lock(&log.0).len() as u64) < since {
                    tokio::task::yield_now().await;
                }
                (since, listen(&bench, &log, &format!("dev-{n}"), since, LAST).await)
            })
        });
        for listener in listeners.collect::<Vec<_>>() {
            let (since, heard) = listener.await.unwrap();
            assert_eq!(heard, (since + 1..=LAST).collect::<Vec<_>>(), "round {round}, from {since}");
        }
        writer.join().unwrap();
    }
}
