use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sangam_testkit::{http, sangam_binary, wait_until};
use serde_json::{Value, json};

/// An operator with a token.
pub(crate) struct Operator {
    server: SocketAddr,
    token: String,
}

/// Reboots and a factory reset of one device after the other take their time.
const ALL_DONE: Duration = Duration::from_secs(120);

impl Operator {
    /// Of the server that keeps its data there.
    pub(crate) fn of(data_dir: &Path, server: SocketAddr) -> Result<Self> {
        let mut command = Command::new(sangam_binary()?);
        command
            .env_clear()
            .args(["token", "mint", "--scope", "admin:write", "--sub", "olga", "--data-dir"])
            .arg(data_dir);
        let minted = command.output()?;
        ensure!(minted.status.success(), "no token: {minted:?}");
        Ok(Self { server, token: String::from_utf8(minted.stdout)?.trim().to_owned() })
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let headers = [("X-API-Key", self.token.as_str()), ("Content-Type", "application/json")];
        let answer = http::send(self.server, method, path, &headers, body)?;
        ensure!(answer.status < 300, "{method} {path}: {answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Waits until as many devices are enrolled; their addresses.
    pub(crate) fn devices(&self, count: usize) -> Result<Vec<String>> {
        let all = wait_until("the devices are enrolled", ALL_DONE, || {
            let page = self.send("GET", "/api/v1/devices?state=enrolled", "")?;
            let all = page["data"].as_array().cloned().unwrap_or_default();
            Ok(Some(all).filter(|all| all.len() >= count))
        })?;
        all.iter().map(|it| Ok(it["links"]["self"].as_str().context("no address")?.to_owned())).collect()
    }

    fn order(&self, device: &str, kind: &str, payload: &Value) -> Result<u64> {
        let body = json!({"kind": kind, "payload": payload}).to_string();
        let ordered = self.send("POST", &format!("{device}/tasks"), &body)?;
        ordered["id"].as_u64().or_else(|| ordered["task"]["id"].as_u64()).with_context(|| format!("{ordered:#}"))
    }

    /// Waits for the end of a task.
    fn ended(&self, task: u64) -> Result<Value> {
        let path = format!("/api/v1/tasks/{task}");
        let over = wait_until("the end of a task", ALL_DONE, || {
            let task = self.send("GET", &path, "")?;
            let is_over =
                matches!(task["state"].as_str(), Some("done" | "failed" | "unknown" | "expired" | "cancelled"));
            Ok(is_over.then_some(task))
        });
        over.or_else(|_| self.send("GET", &path, ""))
    }

    /// Has every device do everything; what was not done. What goes on is ended by a reboot, and what was to be told of it is forgotten
    /// with a factory reset: these come when all else is done.
    pub(crate) fn complete_all(&self, count: usize) -> Result<Vec<String>> {
        let headers = [("X-API-Key", self.token.as_str())];
        let path = "/api/v1/files/fw.bin?type=1%20Firmware%20Upgrade%20Image&version=2.0";
        let put = http::send(self.server, "PUT", path, &headers, "not much of an image")?;
        ensure!(put.status < 300, "{put:?}");
        let devices = self.devices(count)?;
        let mut wrong = self.complete(&devices, orders)?;
        wrong.extend(self.complete(&devices, |_| vec![("reboot", json!({}))])?);
        let is_reboot = |event: &Value| event["detail"]["params"]["Cause"] == "RemoteReboot";
        self.until(&devices, |events| events.iter().any(is_reboot))?;
        wrong.extend(self.complete(&devices, |_| vec![("factory_reset", json!({}))])?);
        // There is no subscription left by which a reset could be told: the device asks to be taken on.
        let is_asked_since = |events: &[Value]| {
            let at = |kind: &str| events.iter().position(|event| event["kind"] == kind);
            at("OnBoardRequest").is_some_and(|asked| at("Device.Boot!").is_none_or(|boot| asked < boot))
        };
        self.until(&devices, is_asked_since)?;
        Ok(wrong)
    }

    fn complete(
        &self,
        devices: &[String],
        orders: impl Fn(usize) -> Vec<(&'static str, Value)>,
    ) -> Result<Vec<String>> {
        let mut tasks = Vec::new();
        for (at, device) in devices.iter().enumerate() {
            for (kind, payload) in orders(at) {
                tasks.push((device, kind, self.order(device, kind, &payload)?));
            }
        }
        let mut wrong = Vec::new();
        for (device, kind, task) in tasks {
            let ended = self.ended(task)?;
            if ended["state"] != "done" {
                wrong.push(format!("{device} {kind}: {ended}"));
            }
        }
        Ok(wrong)
    }

    /// Waits until the events of every device, newest first, are so.
    fn until(&self, devices: &[String], are_so: impl Fn(&[Value]) -> bool) -> Result<()> {
        for device in devices {
            let path = format!("{device}/events");
            wait_until("what a device is to tell", ALL_DONE, || {
                let page = self.send("GET", &path, "")?;
                Ok(page["data"].as_array().is_some_and(|events| are_so(events)).then_some(()))
            })?;
        }
        Ok(())
    }
}

/// What every device is told at once.
fn orders(at: usize) -> Vec<(&'static str, Value)> {
    let ping = [json!({"path": "Host", "value": "198.18.0.9"})];
    let firmware = json!({"file_type": "1 Firmware Upgrade Image", "file": "fw.bin", "activate": false});
    vec![
        ("get_values", json!({"paths": ["Device.DeviceInfo.", "Device.LocalAgent.Controller."]})),
        ("set_values", json!({"values": [{"path": "Device.DeviceInfo.FriendlyName", "value": "hall"}]})),
        ("add_object", json!({"path": "Device.IP.Interface.1.IPv4Address."})),
        ("delete_object", json!({"path": "Device.IP.Interface.1.IPv4Address.2."})),
        ("refresh", json!({"path": "Device.IP."})),
        ("diagnostics", json!({"object": "Device.IP.Diagnostics.IPPing.", "inputs": ping})),
        ("operate", json!({"command": "Device.SelfTestDiagnostics()"})),
        ("upload", json!({"file_type": "2 Vendor Log File", "file": format!("log-{at}")})),
        ("download", firmware),
    ]
}
