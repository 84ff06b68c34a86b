//! Values that are read of devices while the fleet lives: how long an operator waits who looks at a device.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::api::Api;
use super::noise::Dice;
use super::operator::{Aim, HeardOf};
use crate::histogram::{Histogram, Percentiles};

/// What came of reading values of devices while they answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LiveReadReport {
    /// Values that were asked for.
    pub asked: u64,
    /// Of these, those that came.
    pub answered: u64,
    /// What came of the others: the state of the task and, behind a comma, of the call.
    pub others: BTreeMap<String, u64>,
    /// Not asked, as too many were waited for: the limit of the fleet itself.
    pub left_out: u64,
    /// From asking to having it.
    pub took: Option<Percentiles>,
}

pub(super) struct LiveReads {
    pub(super) api: Arc<Api>,
    pub(super) heard: Arc<HeardOf>,
    pub(super) per_sec: f64,
    pub(super) aim: Arc<dyn Fn(u32) -> Aim + Send + Sync>,
    pub(super) is_over: Arc<AtomicBool>,
}

/// Waited for at once.
const WAITING_MAX: usize = 256;

impl LiveReads {
    pub(super) async fn run(self) -> LiveReadReport {
        let mut report = LiveReadReport::default();
        let mut took = Histogram::default();
        let mut dice = Dice::new(&[0x11fe]);
        let mut reads = JoinSet::new();
        let mut beat = interval(Duration::from_secs_f64(1.0 / self.per_sec.max(0.01)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while !self.is_over.load(Ordering::Relaxed) {
            beat.tick().await;
            while let Some(done) = reads.try_join_next() {
                note(&mut report, &mut took, done.ok());
            }
            let place = dice.below(self.heard.count() as u64) as usize;
            let Some(number) = self.heard.at(place) else { continue };
            if reads.len() >= WAITING_MAX {
                report.left_out += 1;
                continue;
            }
            report.asked += 1;
            reads.spawn(read(Arc::clone(&self.api), (self.aim)(number)));
        }
        while let Some(done) = reads.join_next().await {
            note(&mut report, &mut took, done.ok());
        }
        report.took = took.percentiles();
        report
    }
}

fn note(report: &mut LiveReadReport, took: &mut Histogram, done: Option<Result<Duration, String>>) {
    match done {
        Some(Ok(time)) => {
            report.answered += 1;
            took.record(time);
        }
        Some(Err(why)) => *report.others.entry(why).or_default() += 1,
        None => {}
    }
}

async fn read(api: Arc<Api>, aim: Aim) -> Result<Duration, String> {
    let began = Instant::now();
    let path = format!("{}/tasks?wait=10s", aim.path());
    let paths = [format!("{}DeviceInfo.UpTime", aim.root)];
    let body = json!({"kind": "get_values", "payload": {"paths": paths}, "priority": 255});
    let told = api.ask(Method::POST, &path, Bytes::from(body.to_string()), None).await;
    let told = told.ok_or_else(|| "no answer".to_owned())?;
    let state = told.body["state"].as_str().unwrap_or_default();
    match (told.status, state) {
        (201, "done") => Ok(began.elapsed()),
        (201, state) => Err(format!("{state}, {}", told.body["called"].as_str().unwrap_or("not called"))),
        (status, _) => Err(format!("HTTP {status}")),
    }
}
