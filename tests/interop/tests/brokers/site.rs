use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sangam_interop::UspAgent;
use sangam_testkit::{Server, http, wait_until};
use serde_json::{Value, json};

/// How long anything may take here: brokers start slowly, and so does what comes back.
pub(crate) const LONG: Duration = Duration::from_secs(90);

pub(crate) const CONTROLLER: &str = "self::acs";

/// Our server with agents, and what operators see of them.
pub(crate) struct Site {
    pub(crate) server: Server,
    token: String,
}

impl Site {
    /// With these settings beside what every site has. Whoever comes becomes a device.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Result<Self> {
        let builder = Server::builder()
            .set("server.roles", "devices")
            .set("devices.enroll", "open")
            .set("devices.usp.endpoint_id", CONTROLLER)
            .set("devices.usp.brokers.retry_min", "1s")
            .set("devices.usp.brokers.retry_max", "2s");
        let builder = settings.iter().fold(builder, |builder, (key, value)| builder.set(key, value));
        let server = builder.start()?;
        let mut minting = std::process::Command::new(sangam_testkit::sangam_binary()?);
        minting.args(["token", "mint", "--scope", "admin:write", "--sub", "interop"]);
        minting.arg("--data-dir").arg(server.data_dir());
        let minted = minting.output()?;
        ensure!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
        let token = String::from_utf8(minted.stdout)?;
        let token = token.split_whitespace().last().context("a token")?.to_owned();
        Ok(Self { server, token })
    }

    fn addr(&self) -> Result<SocketAddr> {
        self.server.listener("http")
    }

    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let answer = self.server.get(path)?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.body);
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Waits until what operators are told is so.
    pub(crate) fn until(&self, what: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Result<Value> {
        let mut last = Value::Null;
        wait_until(what, LONG, || {
            last = self.get(path)?;
            Ok(holds(&last).then(|| last.clone()))
        })
        .with_context(|| format!("last it was {last:#}\nthe server said:\n{}", self.server.log()))
    }

    /// Has the device do something, and waits for the end of it.
    pub(crate) fn order(&self, device: &str, kind: &str, payload: &Value) -> Result<Value> {
        let path = format!("/api/v1/devices/{device}/tasks");
        let body = json!({ "kind": kind, "payload": payload }).to_string();
        let bearer = format!("Bearer {}", self.token);
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = http::send(self.addr()?, "POST", &path, &headers, &body)?;
        ensure!((200..300).contains(&answer.status), "{}: {}", answer.status, answer.body);
        let ordered: Value = serde_json::from_str(&answer.body)?;
        let task = format!("/api/v1/tasks/{}", ordered["id"]);
        self.until("the task to end", &task, |task| !matches!(task["state"].as_str(), Some("queued" | "sent")))
    }

    /// An agent is taken on: it becomes a device, is subscribed to, read and written, and what it tells is answered.
    pub(crate) fn takes_on(&self, agent: &UspAgent, serial: &str) -> Result<()> {
        let device = self.known(serial)?;
        let read = self.order(&device, "get_values", &json!({ "paths": ["Device.DeviceInfo.FriendlyName"] }))?;
        ensure!(read["state"] == "done" && read["result"]["values"][0]["value"] == "box", "{read:#}");
        let values = json!({ "values": [{ "path": "Device.DeviceInfo.FriendlyName", "value": "shelf" }] });
        let written = self.order(&device, "set_values", &values)?;
        ensure!(written["state"] == "done", "{written:#}");
        ensure!(agent.was_set("Device.DeviceInfo.FriendlyName") == 1, "{}", agent.history());
        self.tells(agent, &device)
    }

    /// Its device, once it is enrolled and its subscriptions are there.
    pub(crate) fn known(&self, serial: &str) -> Result<String> {
        let enrolled = |devices: &Value| {
            let all = devices["data"].as_array()?;
            let ours = all.iter().find(|device| device["serial_number"] == serial)?;
            (ours["state"] == "enrolled").then(|| ours["id"].as_str().map(str::to_owned))?
        };
        let devices = self.until("the device to be known", "/api/v1/devices", |devices| enrolled(devices).is_some())?;
        enrolled(&devices).context("it was there")
    }

    /// It boots, and is told that this is on the disk; then it stands among its events.
    pub(crate) fn tells(&self, agent: &UspAgent, device: &str) -> Result<()> {
        // Until its subscriptions are there nobody wants to hear of it.
        wait_until("the agent to be subscribed to", LONG, || Ok((agent.subscriptions() >= 4).then_some(())))
            .with_context(|| agent.history())?;
        let before = agent.delivered("sangam-boot");
        agent.boot("LocalReboot");
        let answered = || Ok((agent.delivered("sangam-boot") > before).then_some(()));
        wait_until("the notification to be answered", LONG, answered)
            .with_context(|| format!("{}\nthe server said:\n{}", agent.history(), self.server.log()))?;
        self.acknowledged_is_kept(agent, device)
    }

    /// Whatever the agent was told to be safe is there.
    pub(crate) fn acknowledged_is_kept(&self, agent: &UspAgent, device: &str) -> Result<()> {
        let delivered = agent.delivered("sangam-boot");
        let events = self.get(&format!("/api/v1/devices/{device}/events?limit=1000"))?;
        let kept = events["data"].as_array().context("a list")?;
        let kept =
            kept.iter().filter(|event| event["kind"].as_str().is_some_and(|kind| kind.contains("Boot!"))).count();
        ensure!(kept >= delivered, "{delivered} were acknowledged, {kept} are kept: {events:#}");
        Ok(())
    }

    /// What is told of brokers while one is there: true figures, as numbers.
    pub(crate) fn tells_of_broker(&self, id: &str, port: u16) -> Result<()> {
        let health = self.until("the broker to be healthy", "/api/v1/stomp/broker-health", |health| {
            health["data"]["status"] == "healthy"
        })?;
        let data = &health["data"];
        ensure!(data["broker_id"] == id && data["port"] == port, "{health:#}");
        ensure!(data["active_connections"] == 1 && data["message_rate"].is_f64(), "{health:#}");
        let connections = self.get("/api/v1/stomp/connections")?;
        ensure!(connections["data"]["failed_connections"] == 0, "{connections:#}");
        ensure!(connections["data"]["connections_by_broker"][id] == 1, "{connections:#}");
        let throughput = self.get("/api/v1/stomp/throughput")?;
        let (published, acked) = (&throughput["data"]["5m"]["published"], &throughput["data"]["5m"]["acked"]);
        ensure!(published.as_u64() > Some(0) && acked.as_u64() > Some(0), "{throughput:#}");
        let metrics = self.get("/api/v1/stomp/metrics?time_range=5m")?;
        let current = &metrics["metrics"]["current"];
        ensure!(current["connections"] == 1 && current["total_received"].as_u64() > Some(0), "{metrics:#}");
        ensure!(current["avg_publish_latency_ms"].is_f64(), "{metrics:#}");
        Ok(())
    }

    /// What is told of brokers once it is gone.
    pub(crate) fn tells_that_broker_is_gone(&self, id: &str) -> Result<()> {
        let connections = self.until("the broker to be missed", "/api/v1/stomp/connections", |connections| {
            connections["data"]["failed_connections"] == 1
        })?;
        ensure!(connections["data"]["connections_by_broker"][id] == 0, "{connections:#}");
        let health = self.get("/api/v1/stomp/broker-health")?;
        ensure!(health["data"]["status"] == "unhealthy" && health["data"]["active_connections"] == 0, "{health:#}");
        let errors = self.until("its errors to be counted", "/api/v1/stomp/errors", |errors| {
            let by_reason = errors["data"]["errors_by_reason"].as_array();
            by_reason.is_some_and(|all| all.iter().any(|error| error["reason"] == "unreachable"))
        })?;
        ensure!(errors["data"]["total_errors"].as_u64() > Some(0), "{errors:#}");
        let metrics = self.server.get("/metrics")?.body;
        let gauge = format!("sangam_devices_usp_broker_connections{{broker=\"{id}\"}} 0");
        ensure!(metrics.contains(&gauge), "{gauge} is not in\n{metrics}");
        Ok(())
    }
}
