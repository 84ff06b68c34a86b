//! An operator who orders tasks of devices, one after the other of each, and sees what becomes of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::api::{Api, Told};
use super::options::CpeTasks;
use super::orders::{FILE_BYTES, FILE_NAME, Ordering, TaskWish, file_byte};

/// Numbers of devices that were heard, in the order in which they were.
#[derive(Debug, Default)]
pub(super) struct HeardOf(Mutex<Vec<u32>>);

/// A device as the API knows it.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    pub(super) number: u32,
    /// `00005E-EG%2D181-…`
    pub(super) name: String,
    pub(super) root: &'static str,
}

/// An order, and what became of it.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) device: u32,
    pub(super) wish: TaskWish,
    pub(super) task: Option<u64>,
    pub(super) fate: Fate,
    pub(super) took: Duration,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// As the server has it, and what it says of it.
    State(String, String),
    /// The server did not take it.
    Refused(String),
    /// It needed something that an order before it should have made.
    Skipped,
}

/// Orders of a whole run.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) ordered: Vec<Ordered>,
    /// Downloads that were taken back before they began.
    pub(super) held: Vec<u64>,
    /// Devices whose turn did not come.
    pub(super) unheard: u32,
    pub(super) took: Duration,
}

pub(super) struct Operator {
    pub(super) api: Arc<Api>,
    pub(super) tasks: CpeTasks,
    pub(super) aims: Vec<Aim>,
    pub(super) heard: Arc<HeardOf>,
    /// Makes keys that no other run has.
    pub(super) run: u64,
}

/// How long the server is asked to wait for a task to end, and how often it is looked at after that.
const WAIT: &str = "10s";
const LOOK: Duration = Duration::from_millis(250);
/// What passes by itself is tried again so often.
const TRIES: u32 = 40;

impl HeardOf {
    pub(super) fn add(&self, number: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(number);
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The one at a place.
    pub(super) fn at(&self, place: usize) -> Option<u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(place).copied()
    }

    fn has_below(&self, end: u32) -> bool {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|number| **number < end).count() >= end as usize
    }
}

impl Aim {
    /// Where the API has it: its own percent signs are encoded once more.
    pub(super) fn path(&self) -> String {
        format!("/api/v1/devices/{}", self.name.replace('%', "%25"))
    }
}

impl Operator {
    pub(super) async fn run(self) -> Orders {
        let end = Instant::now() + self.tasks.within;
        while !self.heard.has_below(self.aims.len() as u32) && Instant::now() < end {
            sleep(LOOK).await;
        }
        let began = Instant::now();
        self.put_file().await;
        let mut orders = Orders::default();
        let this = Arc::new(self);
        let (mut rounds, mut aims) = (JoinSet::new(), this.aims.clone().into_iter());
        loop {
            while rounds.len() < this.tasks.at_once as usize && Instant::now() < end {
                let Some(aim) = aims.next() else { break };
                let this = Arc::clone(&this);
                rounds.spawn(async move {
                    let mut round = Round { operator: &this, aim, instance: None, held: None, orders: Vec::new() };
                    let is_whole = timeout_at(end, round.run()).await.is_ok();
                    (round.orders, round.held, is_whole)
                });
            }
            let Some(done) = rounds.join_next().await else { break };
            let Ok((ordered, held, is_whole)) = done else { continue };
            orders.ordered.extend(ordered);
            orders.held.extend(held);
            orders.unheard += u32::from(!is_whole);
        }
        orders.unheard += aims.len() as u32;
        orders.took = began.elapsed();
        orders
    }

    async fn put_file(&self) {
        let wants = [TaskWish::Download, TaskWish::Firmware];
        if self.tasks.wishes.iter().any(|wish| wants.contains(wish)) {
            let file: Vec<u8> = (0..FILE_BYTES).map(file_byte).collect();
            let path = format!("/api/v1/files/{FILE_NAME}?type=simulated&version=1");
            // If it does not come there, its orders are refused, and say so.
            drop(self.api.ask(Method::PUT, &path, Bytes::from(file), None).await);
        }
    }
}

/// All orders for one device, one after the other.
struct Round<'a> {
    operator: &'a Operator,
    aim: Aim,
    instance: Option<u64>,
    held: Option<u64>,
    orders: Vec<Ordered>,
}

impl Round<'_> {
    async fn run(&mut self) {
        for wish in self.operator.tasks.wishes.clone() {
            if wish == TaskWish::CancelTransfer {
                self.hold().await;
            }
            let ordering =
                Ordering { root: self.aim.root, name: &self.aim.name, instance: self.instance, held: self.held };
            let began = Instant::now();
            let Some(payload) = ordering.payload(wish) else {
                self.note(wish, None, Fate::Skipped, began);
                continue;
            };
            // Noted at once: if the time is over before it ends, it is open.
            self.note(wish, None, Fate::Refused("no answer".to_owned()), began);
            match self.order(wish.name(), wish.kind(), &payload).await {
                Err(why) => self.settle(None, Fate::Refused(why), began),
                Ok(task) => {
                    let id = task["id"].as_u64();
                    self.settle(id, fate(&task), began);
                    let task = self.over(task).await;
                    if wish == TaskWish::AddObject {
                        self.instance = task["result"]["instance"].as_u64();
                    }
                    self.settle(id, fate(&task), began);
                }
            }
            if wish == TaskWish::FactoryReset {
                self.forget_login().await;
            }
        }
    }

    fn note(&mut self, wish: TaskWish, task: Option<u64>, fate: Fate, began: Instant) {
        self.orders.push(Ordered { device: self.aim.number, wish, task, fate, took: began.elapsed() });
    }

    fn settle(&mut self, id: Option<u64>, to: Fate, began: Instant) {
        if let Some(last) = self.orders.last_mut() {
            (last.task, last.fate, last.took) = (id, to, began.elapsed());
        }
    }

    /// A download that is to begin much later, and has reached the device.
    async fn hold(&mut self) {
        let Ok(task) = self.order("held", "download", &Ordering::held()).await else { return };
        let id = task["id"].as_u64();
        let task = self.until(task, |state| state == "awaiting_transfer" || is_over(state)).await;
        self.held = id.filter(|_| task["state"] == "awaiting_transfer");
    }

    /// The task that it becomes. The same order is given again until it is known to be taken: its key makes it one.
    async fn order(&self, name: &str, kind: &str, payload: &Value) -> Result<Value, String> {
        let key = format!("{:x}-{}-{name}", self.operator.run, self.aim.number);
        let path = format!("{}/tasks?wait={WAIT}", self.aim.path());
        let body = Bytes::from(json!({"kind": kind, "payload": payload}).to_string());
        for _ in 0..TRIES {
            match self.operator.api.ask(Method::POST, &path, body.clone(), Some(&key)).await {
                Some(Told { status: 201, body }) => return Ok(body),
                Some(Told { status: 429 | 500..=599, .. }) | None => sleep(LOOK).await,
                Some(Told { status, body }) => {
                    let detail = body["detail"].as_str().or(body["code"].as_str()).unwrap_or_default();
                    return Err(format!("{status} {detail}"));
                }
            }
        }
        Err("no answer".to_owned())
    }

    async fn over(&self, task: Value) -> Value {
        self.until(task, is_over).await
    }

    async fn until(&self, mut task: Value, is_it: impl Fn(&str) -> bool) -> Value {
        let Some(id) = task["id"].as_u64() else { return task };
        while !is_it(task["state"].as_str().unwrap_or_default()) {
            sleep(LOOK).await;
            if let Some(told) = self.operator.api.get(&format!("/api/v1/tasks/{id}")).await
                && told.status == 200
            {
                task = told.body;
            }
        }
        task
    }

    /// A device that was reset logs in with what the factory gave it.
    async fn forget_login(&self) {
        let path = format!("{}/login/forget", self.aim.path());
        for _ in 0..TRIES {
            match self.operator.api.ask(Method::POST, &path, Bytes::new(), None).await {
                Some(told) if told.status < 500 => return,
                _ => sleep(LOOK).await,
            }
        }
    }
}

impl Orders {
    /// Looks once more at what was not certain: a device may have told since.
    pub(super) async fn look_again(&mut self, api: &Api) {
        for order in &mut self.ordered {
            let is_certain = matches!(&order.fate, Fate::State(state, _) if state == "done" || state == "failed");
            let Some(id) = order.task.filter(|_| !is_certain) else { continue };
            if let Some(told) = api.get(&format!("/api/v1/tasks/{id}")).await
                && told.status == 200
            {
                order.fate = fate(&told.body);
            }
        }
    }
}

fn fate(task: &Value) -> Fate {
    let text = match task["code"].as_u64() {
        Some(code) if code > 0 => format!("{code} {}", task["text"].as_str().unwrap_or_default()),
        _ => task["text"].as_str().unwrap_or_default().to_owned(),
    };
    Fate::State(task["state"].as_str().unwrap_or_default().to_owned(), text)
}

pub(super) fn is_over(state: &str) -> bool {
    matches!(state, "done" | "failed" | "unknown" | "cancelled" | "expired")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_stands_in_an_address_with_its_percent_signs_encoded() {
        let aim = Aim { number: 0, name: "00005E-EG%2D181-1".to_owned(), root: "Device." };
        assert_eq!(aim.path(), "/api/v1/devices/00005E-EG%252D181-1");
    }

    #[test]
    fn devices_are_waited_for_until_all_of_the_first_were_heard() {
        let heard = HeardOf::default();
        heard.add(1);
        heard.add(7);
        assert!(!heard.has_below(2));
        heard.add(0);
        assert!(heard.has_below(2));
        assert_eq!((heard.count(), heard.at(1), heard.at(9)), (3, Some(7), None));
    }

    #[test]
    fn what_became_of_a_task_is_its_state_with_the_fault() {
        let failed = fate(&json!({"state": "failed", "code": 9005, "text": "no such"}));
        assert_eq!(failed, Fate::State("failed".to_owned(), "9005 no such".to_owned()));
        assert!(is_over("unknown") && !is_over("awaiting_transfer"));
    }
}
