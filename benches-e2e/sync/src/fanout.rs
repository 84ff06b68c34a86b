use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Buf as _, BytesMut};
use clap::Args;
use sangam_bench_common::process::{Meter, resident_bytes};
use serde::Serialize;
use tokio::task::{JoinSet, LocalSet};

use crate::http::{Connection, find};
use crate::latency::Latencies;
use crate::target::{Kind, Replica, Target, prepare};

#[derive(Args)]
pub(crate) struct Fanout {
    #[command(flatten)]
    target: Target,
    /// Listeners
    #[arg(long)]
    listeners: usize,
    /// Writes a second
    #[arg(long)]
    writes_per_second: u64,
    /// How long
    #[arg(long)]
    millis: u64,
}

#[derive(Serialize)]
pub(crate) struct Fanned {
    writes: u64,
    expected: u64,
    heard: u64,
    seconds: f64,
    cpu_nanos: u64,
    p50_ms: f64,
    p99_ms: f64,
    resident_bytes: u64,
}

/// When each write began, by its number, and how late it was heard.
#[derive(Default)]
struct Log {
    began: Vec<Instant>,
    late: Latencies,
    heard: u64,
}

/// How long what was written last may take to be heard.
const SETTLE_MAX: Duration = Duration::from_secs(20);

impl Fanout {
    pub(crate) async fn run(&self) -> Result<Fanned> {
        LocalSet::new().run_until(self.run_local()).await
    }

    async fn run_local(&self) -> Result<Fanned> {
        prepare(&self.target).await?;
        let log = Rc::new(RefCell::new(Log::default()));
        let mut writer = Replica::connect(&self.target, "writer").await?;
        for connection in open_all(&self.target, self.listeners).await? {
            tokio::task::spawn_local(hear(connection, Rc::clone(&log)));
        }
        let (meter, began) = (Meter::start(self.target.pid)?, Instant::now());
        let writes = self.writes_per_second * self.millis / 1_000;
        let pause = Duration::from_secs(1) / u32::try_from(self.writes_per_second.max(1))?;
        for at in 0..writes {
            tokio::time::sleep_until((began + pause * u32::try_from(at)?).into()).await;
            log.borrow_mut().began.push(Instant::now());
            writer.push(1).await?;
        }
        let expected = writes * self.listeners as u64;
        let deadline = Instant::now() + SETTLE_MAX;
        while log.borrow().heard < expected && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let cost = meter.read()?;
        let mut log = log.borrow_mut();
        Ok(Fanned {
            writes,
            expected,
            heard: log.heard,
            seconds: cost.took.as_secs_f64(),
            cpu_nanos: u64::try_from(cost.cpu.as_nanos()).unwrap_or(u64::MAX),
            p50_ms: log.late.quantile_ms(0.5),
            p99_ms: log.late.quantile_ms(0.99),
            resident_bytes: resident_bytes(self.target.pid)?,
        })
    }
}

/// How many streams are opened at the same time.
const OPENING_MAX: usize = 64;

/// Opens so many streams. pouchdb-server answers with its first heartbeat only: one after the other would take minutes.
async fn open_all(target: &Target, count: usize) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(count);
    let mut opening = JoinSet::new();
    for at in 0..count {
        if opening.len() >= OPENING_MAX {
            connections.extend(opening.join_next().await.transpose()?.transpose()?);
        }
        let target = target.clone();
        opening.spawn(async move { open(&target, at).await });
    }
    while let Some(opened) = opening.join_next().await {
        connections.push(opened??);
    }
    Ok(connections)
}

/// Opens a stream of what is new.
pub(crate) async fn open(target: &Target, at: usize) -> Result<Connection> {
    let device = format!("ear{at}");
    let path = match target.kind {
        Kind::Ours => format!("/v1/events?deviceId={device}"),
        Kind::Couch => format!("/{}/_changes?feed=continuous&since=now&heartbeat=1000", target.db),
    };
    let mut connection = Connection::open(target.server).await?;
    let status = connection.listen(&target.head("GET", &path, &device)).await?;
    ensure!(status == 200, "a listener was answered {status}");
    Ok(connection)
}

/// What stands once in each event, by whichever server it is said.
const MARKS: [&[u8]; 2] = [b"event: operations", b"\"seq\":"];

/// Notes how late each write is heard. The nth write that a stream tells of is the nth that was made, as there is one writer
/// and each write is one event.
async fn hear(mut connection: Connection, log: Rc<RefCell<Log>>) -> Result<()> {
    let (mut next, mut unread) = (0, BytesMut::new());
    loop {
        unread.unsplit(connection.more().await?);
        let now = Instant::now();
        while let Some(end) = end_of_mark(&unread) {
            unread.advance(end);
            let mut log = log.borrow_mut();
            let began = *log.began.get(next).context("a write was heard that was not made")?;
            log.late.add(now - began);
            log.heard += 1;
            next += 1;
        }
        // A mark may be torn between two reads.
        let torn_max = MARKS.map(<[u8]>::len).into_iter().max().unwrap_or(0) - 1;
        unread.advance(unread.len().saturating_sub(torn_max));
    }
}

/// Where the first mark ends.
fn end_of_mark(bytes: &[u8]) -> Option<usize> {
    MARKS.iter().filter_map(|mark| find(bytes, mark).map(|at| at + mark.len())).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_one_after_the_other() {
        let said = b"4b\r\nevent: operations\ndata: {}\n\n\r\n12\r\n{\"id\":\"e\",\"seq\":7}\n\r\n";
        let first = end_of_mark(said).unwrap();
        assert!(said[..first].ends_with(b"operations"));
        assert!(end_of_mark(&said[first..]).is_some_and(|second| end_of_mark(&said[first + second..]).is_none()));
        assert_eq!(end_of_mark(b"event: operatio"), None);
    }
}
