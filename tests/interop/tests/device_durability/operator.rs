use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sangam_testkit::http::{get, send};
use sangam_testkit::{Server, sangam_binary};
use serde_json::{Value, json};

use crate::device::Device;

/// Between two attempts, and between looks whether more may be ordered.
const WAIT: Duration = Duration::from_millis(20);
/// A device gets one task for so many Informs.
const INFORMS: u64 = 2;
/// What is ordered, in turn. A higher priority, so that what waits to be repeated holds nothing back.
const KINDS: [(&str, u8); 3] = [("reboot", 1), ("set_values", 0), ("download", 2)];

/// Somebody who orders tasks without end.
pub(crate) struct Operator {
    server: SocketAddr,
    token: String,
    orders: Mutex<Vec<Order>>,
    wrong: Mutex<Option<String>>,
}

/// A task that was ordered, once its order was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) task: u64,
    pub(crate) kind: &'static str,
    /// Which of the devices.
    pub(crate) device: usize,
}

impl Operator {
    /// Somebody with a token of that server.
    pub(crate) fn of(server: &Server) -> Result<Self> {
        let token = token(&server.data_dir())?;
        let server = server.listener("http")?;
        Ok(Self { server, token, orders: Mutex::default(), wrong: Mutex::default() })
    }

    /// All orders that were acknowledged.
    pub(crate) fn orders(&self) -> Vec<Order> {
        lock(&self.orders).clone()
    }

    /// The first answer that no server may give.
    pub(crate) fn wrong(&self) -> Option<String> {
        lock(&self.wrong).clone()
    }

    /// Orders one task after the other, each until that is acknowledged.
    pub(crate) fn run(&self, devices: &[Arc<Device>], stop: &AtomicBool) {
        let mut number = 0;
        let mut next = vec![1; devices.len()];
        while !stop.load(Ordering::Relaxed) && self.wrong().is_none() {
            let device = number % devices.len();
            if devices[device].book().acked < next[device] {
                thread::sleep(WAIT);
                continue;
            }
            next[device] = devices[device].book().acked + INFORMS;
            let (kind, priority) = KINDS[number / devices.len() % KINDS.len()];
            while !stop.load(Ordering::Relaxed) && !self.order(&devices[device], device, kind, priority, number) {
                thread::sleep(WAIT);
            }
            number += 1;
        }
    }

    /// Whether it was acknowledged.
    fn order(&self, device: &Device, at: usize, kind: &'static str, priority: u8, number: usize) -> bool {
        let payload = match kind {
            "set_values" => json!({ "values": [{ "path": "Device.X_00D09E_Test.Set", "value": number.to_string() }] }),
            "download" => json!({ "file_type": "3 Vendor Configuration File", "url": "http://192.0.2.1/f" }),
            _ => Value::Null,
        };
        let body = json!({ "kind": kind, "priority": priority, "payload": payload, "call": false }).to_string();
        let (bearer, key) = (format!("Bearer {}", self.token), format!("order-{number}"));
        let headers = [("Authorization", &*bearer), ("Idempotency-Key", &*key), ("Content-Type", "application/json")];
        let path = format!("/api/v1/devices/{}/tasks", device.id());
        let Ok(answer) = send(self.server, "POST", &path, &headers, &body) else { return false };
        match answer.status {
            201 => {}
            // The device has not been heard yet, or nothing can be written now.
            404 | 503 => return false,
            _ => {
                lock(&self.wrong).get_or_insert(format!("{kind} was answered {}: {}", answer.head, answer.body));
                return false;
            }
        }
        let id = serde_json::from_str::<Value>(&answer.body).ok().and_then(|task| task["id"].as_u64());
        match id {
            Some(task) => lock(&self.orders).push(Order { task, kind, device: at }),
            None => drop(lock(&self.wrong).get_or_insert(answer.body)),
        }
        true
    }

    /// All members of a list, over all its pages.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>> {
        let (mut all, mut next) = (Vec::new(), Some(format!("{path}?limit=200")));
        while let Some(path) = next {
            let page = self.see(&path)?;
            all.extend(page["data"].as_array().context("no list")?.iter().cloned());
            next = page["links"]["next"].as_str().map(str::to_owned);
        }
        Ok(all)
    }

    /// What the server says at a path.
    pub(crate) fn see(&self, path: &str) -> Result<Value> {
        let answer = get(self.server, path)?;
        ensure!(answer.status == 200, "{path} is answered {}: {}", answer.head, answer.body);
        Ok(serde_json::from_str(&answer.body)?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn token(data_dir: &Path) -> Result<String> {
    let mut command = Command::new(sangam_binary()?);
    command.env_clear().current_dir("/");
    command.args(["token", "mint", "--scope", "admin:write", "--sub", "test", "--data-dir"]).arg(data_dir);
    let printed = command.output().context("the binary does not start")?;
    ensure!(printed.status.success(), "no token: {}", String::from_utf8_lossy(&printed.stderr));
    Ok(String::from_utf8(printed.stdout)?.trim().to_owned())
}
