use anyhow::{Context as _, Result};
use sangam_interop::Script;
use sangam_interop::mesh::TestNode;
use sangam_mesh_proto::PeerId;
use sangam_testkit::network::Host;
use sangam_testkit::{Program, WAIT_MAX};
use serde_json::{Value, json};

/// An original-style agent (`clients/if_agent.mjs`).
#[derive(Debug)]
pub(crate) struct Agent {
    program: Program,
    pings: u64,
    pub(crate) id: PeerId,
}

/// What WebRTC an agent is made with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stack {
    Libwebrtc,
    Libdatachannel,
}

impl Stack {
    fn word(self) -> &'static str {
        match self {
            Self::Libwebrtc => "wrtc",
            Self::Libdatachannel => "node-datachannel",
        }
    }
}

impl Agent {
    /// Starts it, with direct paths alone.
    pub(crate) fn start(id: &str, stack: Stack, signal: &str) -> Result<Self> {
        Self::start_with(id, signal, |script| script.option("stack", stack.word()))
    }

    /// Starts it on libwebrtc, with these servers and nothing but relayed paths.
    pub(crate) fn start_relayed(id: &str, signal: &str, ice_servers: &Value) -> Result<Self> {
        Self::start_with(id, signal, |script| {
            script.option("stack", "wrtc").option("policy", "relay").option("ice-servers", ice_servers.to_string())
        })
    }

    fn start_with(id: &str, signal: &str, options: impl FnOnce(Script) -> Script) -> Result<Self> {
        let script = Script::node("clients/if_agent.mjs").option("id", id).option("signal", signal);
        let mut agent = Self { program: options(script).start()?, pings: 0, id: PeerId::new(id)? };
        agent.says("to be registered", |said| said["server"] == "registered")?;
        Ok(agent)
    }

    /// Starts Chromium with a page that does the same, and dials this node, or waits to be dialled.
    pub(crate) fn start_page(
        id: &str,
        signal: &str,
        dial: Option<&TestNode>,
        ice_servers: Option<&Value>,
    ) -> Result<Self> {
        let script = Script::node("clients/if_browser.mjs").option("id", id).option("signal", signal);
        let script = match dial {
            Some(node) => script.option("dial", node.id.as_str()),
            None => script,
        };
        let script = match ice_servers {
            Some(servers) => script.option("policy", "relay").option("ice-servers", servers.to_string()),
            None => script,
        };
        let mut page = Self { program: script.start()?, pings: 0, id: PeerId::new(id)? };
        page.says("to be registered", |said| said["server"] == "registered")?;
        Ok(page)
    }

    /// The same on a host of a network, with direct paths alone; it dials this node.
    pub(crate) fn start_page_on(host: &Host, id: &str, signal: &str, dial: &str) -> Result<Self> {
        let script =
            Script::node("clients/if_browser.mjs").option("id", id).option("signal", signal).option("dial", dial);
        let program = host.inside(|| script.start())?;
        Ok(Self { program, pings: 0, id: PeerId::new(id)? })
    }

    /// Has it dial.
    pub(crate) fn dial(&mut self, node: &TestNode) -> Result<()> {
        self.tell(&json!({"dial": node.id.as_str()}))
    }

    /// Has it send a message: `signed`, `unsigned`, `tampered`, `again`.
    pub(crate) fn say(&mut self, to: &TestNode, payload: &Value, how: &str) -> Result<()> {
        self.tell(&json!({"say": payload, "to": to.id.as_str(), "as": how}))
    }

    fn tell(&mut self, what: &Value) -> Result<()> {
        self.program.tell(&what.to_string())
    }

    /// Waits until it has said something like this; fails if it has died.
    pub(crate) fn says(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let said = self.program.wait_for_line(what, WAIT_MAX, |line| {
            let said: Value = serde_json::from_str(line).ok()?;
            wanted(&said).then_some(said)
        });
        said.with_context(|| format!("agent {}", self.id))
    }

    /// Waits until its channel with a node is open; its label.
    pub(crate) fn is_open(&mut self, with: &TestNode) -> Result<Value> {
        let open = self.says("to have an open channel", |said| said["with"] == with.id.as_str())?;
        Ok(open["open"].clone())
    }

    /// Waits until it has heard a message with this payload.
    pub(crate) fn heard(&mut self, payload: &Value) -> Result<Value> {
        self.says("to have heard it", |said| said["heard"] == *payload)
    }

    /// It does what it is told after everything that has come before.
    pub(crate) fn is_alive(&mut self) -> Result<()> {
        self.pings += 1;
        let number = self.pings;
        self.tell(&json!({"ping": number}))?;
        self.says("to be alive", |said| said["pong"] == number).map(drop)
    }

    /// All it has said.
    pub(crate) fn output(&self) -> String {
        self.program.output()
    }

    /// It dies without a goodbye.
    pub(crate) fn crash(mut self) -> Result<()> {
        self.program.signal(rustix::process::Signal::KILL)?;
        Ok(())
    }
}
