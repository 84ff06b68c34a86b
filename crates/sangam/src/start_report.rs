//! What the server says when it is ready: a table for people, one JSON line for programs.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use sangam_config::reach;
use serde_json::json;

use crate::host_addresses::Machine;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct ListenerRow {
    /// `http`, `signal`, `relay`.
    pub(crate) name: &'static str,
    /// With its real port.
    pub(crate) addr: SocketAddr,
    /// `tcp` or `udp`.
    pub(crate) transport: &'static str,
    /// `off`, `on`, `auto`.
    pub(crate) tls: &'static str,
    /// What is served.
    pub(crate) serves: &'static str,
}

/// What the server says when it is ready.
#[derive(Debug)]
pub(crate) struct StartReport {
    pub(crate) data_dir: PathBuf,
    pub(crate) file: Option<PathBuf>,
    pub(crate) listeners: Vec<ListenerRow>,
    pub(crate) took: Duration,
}

impl StartReport {
    /// Says it on standard output. Whoever started the server may have closed that; then nobody wants to know.
    pub(crate) fn print(&self, machine: &Machine) {
        let mut stdout = io::stdout().lock();
        let is_terminal = stdout.is_terminal();
        let text = if is_terminal { self.table(machine) } else { format!("{}\n", self.line(machine)) };
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).ok();
        if !is_terminal && self.is_loopback_only() {
            tracing::info!("{LOOPBACK_ONLY}");
        }
    }

    /// The same for a node: it has an id, and no page to try. With `json`, a line on a terminal too.
    pub(crate) fn print_node(&self, machine: &Machine, id: &str, json: bool) {
        let mut stdout = io::stdout().lock();
        let text = if stdout.is_terminal() && !json {
            let mut text = self.table(machine);
            let first = self.listeners.first().map(|row| reachable(row.addr, machine));
            let page = first.map(|addr| format!("  page           http://{addr}/\n")).unwrap_or_default();
            write!(text, "  id             {id}\n{page}").expect("a String takes every write");
            text
        } else {
            let mut line = self.line(machine);
            line["node_id"] = id.into();
            format!("{line}\n")
        };
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).ok();
    }

    /// Whether only this machine can reach any of it.
    fn is_loopback_only(&self) -> bool {
        self.listeners.iter().all(|row| row.addr.ip().is_loopback())
    }

    fn check_page(&self, machine: &Machine) -> Option<String> {
        let http = self.listeners.iter().find(|row| row.name == "http")?;
        let scheme = if http.tls == "on" { "https" } else { "http" };
        Some(format!("{scheme}://{}/check/", reachable(http.addr, machine)))
    }

    fn line(&self, machine: &Machine) -> serde_json::Value {
        let listeners: Vec<_> = self
            .listeners
            .iter()
            .map(|row| {
                let ListenerRow { name, addr, transport, tls, serves } = row;
                let reached_by = reach(addr.ip(), &machine.addresses).to_string();
                json!({ "name": name, "addr": addr, "transport": transport, "tls": tls, "serves": serves, "reached_by": reached_by })
            })
            .collect();
        json!({
            "timestamp": humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            "level": "INFO",
            "message": "ready",
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "data_dir": self.data_dir,
            "config_file": self.file,
            "check_page": self.check_page(machine),
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            "listeners": listeners,
        })
    }

    fn table(&self, machine: &Machine) -> String {
        let mut text = format!("Sangam {} is ready ({} ms)\n\n", env!("CARGO_PKG_VERSION"), self.took.as_millis());
        let mut line = |line: String| writeln!(text, "{}", line.trim_end()).expect("a String takes every write");
        line(row(["", "listens on", "", "TLS", "reached by", "serves"]));
        for it in &self.listeners {
            let reached_by = reach(it.addr.ip(), &machine.addresses).to_string();
            line(row([it.name, &it.addr.to_string(), it.transport, it.tls, &reached_by, it.serves]));
        }
        line(String::new());
        if let Some(page) = self.check_page(machine) {
            line(format!("  try it         {page}"));
        }
        line(format!("  data           {}", self.data_dir.display()));
        let file =
            self.file.as_ref().map_or("none (`sangam init` writes one)".into(), |file| file.display().to_string());
        line(format!("  configuration  {file}"));
        if self.is_loopback_only() {
            line(format!("\n  {LOOPBACK_ONLY}"));
        }
        text
    }
}

const LOOPBACK_ONLY: &str =
    "Every listener is on loopback: only this machine can reach it. `--lan` opens it to the local network.";

fn row([name, addr, transport, tls, reached_by, serves]: [&str; 6]) -> String {
    format!("  {name:<8}{addr:<24}{transport:<5}{tls:<6}{reached_by:<19}{serves}")
}

/// An address that a browser can be sent to.
fn reachable(addr: SocketAddr, machine: &Machine) -> SocketAddr {
    let ip = if addr.ip().is_unspecified() {
        machine.main_address(addr.is_ipv4()).unwrap_or(IpAddr::from([127, 0, 0, 1]))
    } else {
        addr.ip()
    };
    SocketAddr::new(ip, addr.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(http: &str) -> StartReport {
        let listeners = vec![
            ListenerRow { name: "http", addr: http.parse().unwrap(), transport: "tcp", tls: "off", serves: "pages" },
            ListenerRow {
                name: "relay",
                addr: "127.0.0.1:3478".parse().unwrap(),
                transport: "udp",
                tls: "off",
                serves: "STUN and TURN",
            },
        ];
        StartReport { data_dir: "/d".into(), file: None, listeners, took: Duration::from_millis(7) }
    }

    fn machine() -> Machine {
        let route_v4 = Some("192.168.1.5".parse().unwrap());
        Machine { addresses: vec!["192.168.1.5".parse().unwrap()], route_v4, route_v6: None }
    }

    #[test]
    fn the_line_holds_every_listener_with_its_real_port() {
        let line = report("127.0.0.1:41234").line(&machine());
        assert_eq!(line["listeners"][0]["name"], "http");
        assert_eq!(line["listeners"][0]["addr"], "127.0.0.1:41234");
        assert_eq!(line["listeners"][1]["transport"], "udp");
        assert_eq!(line["check_page"], "http://127.0.0.1:41234/check/");
    }

    #[test]
    fn the_table_says_aloud_that_only_this_machine_can_reach_it() {
        let table = report("127.0.0.1:8080").table(&machine());
        assert!(table.contains("127.0.0.1:3478") && table.contains(LOOPBACK_ONLY), "{table}");
        let table = report("0.0.0.0:8080").table(&machine());
        assert!(table.contains("the local network") && !table.contains(LOOPBACK_ONLY), "{table}");
        assert!(table.contains("http://192.168.1.5:8080/check/"), "{table}");
    }
}
