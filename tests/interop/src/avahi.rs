use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use sangam_testkit::{Program, WAIT_MAX, wait_until};
use tempfile::TempDir;

/// Debian's Avahi on the host it is started on, with a message bus of its own.
#[derive(Debug)]
pub struct Avahi {
    home: TempDir,
    _bus: Program,
    _daemon: Program,
}

impl Avahi {
    /// Starts it under this name.
    ///
    /// # Errors
    /// It or its bus does not start: the message says why.
    pub fn start(host_name: &str) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let at = |name: &str| home.path().join(name);
        fs::write(
            at("bus.conf"),
            format!(
                r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy>
</busconfig>"#,
                at("bus").display()
            ),
        )?;
        fs::write(
            at("avahi.conf"),
            format!("[server]\nhost-name={host_name}\nuse-ipv6=no\n[publish]\npublish-workstation=no\n[rlimits]\n"),
        )?;
        let mut bus = Command::new("dbus-daemon");
        let bus = Program::start(bus.args(["--nofork", "--nopidfile", "--config-file"]).arg(at("bus.conf")))?;
        wait_until("the bus", WAIT_MAX, || Ok(at("bus").exists().then_some(())))?;
        // Its pid file has one fixed place: a private one keeps it apart from every other.
        let script = "mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && \
                      exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --no-proc-title -f \"$0\"";
        let mut daemon = Command::new("unshare");
        daemon.args(["--mount", "sh", "-c", script]).arg(at("avahi.conf"));
        let daemon = Program::start(daemon.env("DBUS_SYSTEM_BUS_ADDRESS", address(&home)))?;
        Ok(Self { home, _bus: bus, _daemon: daemon })
    }

    /// What `avahi-browse` finds of this type, resolved, in the form for programs.
    ///
    /// # Errors
    /// It fails: the message holds what it said.
    pub fn browse(&self, service: &str) -> Result<String> {
        let mut command = Command::new("avahi-browse");
        command.args(["--resolve", "--parsable", "--terminate", service]);
        let output = command.env("DBUS_SYSTEM_BUS_ADDRESS", address(&self.home)).output()?;
        // It fails while the daemon is not on the bus yet.
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() || said.contains("Daemon not running"), "{said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn address(home: &TempDir) -> String {
    format!("unix:path={}", home.path().join("bus").display())
}
