use std::path::Path;

use anyhow::{Result, bail};

use crate::process;
use crate::repository::Repository;

/// A package of the system and how one sees that it is there.
struct SystemPackage {
    name: &'static str,
    is_there: fn() -> bool,
}

const NEEDED: [SystemPackage; 16] = [
    SystemPackage { name: "build-essential", is_there: || process::find_program("cc").is_some() },
    SystemPackage { name: "coturn", is_there: || process::find_program("turnutils_uclient").is_some() },
    SystemPackage { name: "chromium", is_there: || process::find_program("chromium").is_some() },
    SystemPackage { name: "iproute2", is_there: || process::find_program("ip").is_some() },
    SystemPackage { name: "e2fsprogs", is_there: || process::find_program("mkfs.ext4").is_some() },
    SystemPackage { name: "strace", is_there: || process::find_program("strace").is_some() },
    SystemPackage { name: "nftables", is_there: || process::find_program("nft").is_some() },
    SystemPackage { name: "avahi-daemon", is_there: || process::find_program("avahi-daemon").is_some() },
    SystemPackage { name: "avahi-utils", is_there: || process::find_program("avahi-browse").is_some() },
    SystemPackage { name: "mosquitto", is_there: || process::find_program("mosquitto_passwd").is_some() },
    SystemPackage { name: "rabbitmq-server", is_there: || Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() },
    SystemPackage { name: "libnss3-tools", is_there: || process::find_program("certutil").is_some() },
    SystemPackage { name: "prosody", is_there: || process::find_program("prosody").is_some() },
    SystemPackage { name: "pkg-config", is_there: || process::find_program("pkg-config").is_some() },
    SystemPackage { name: "libnice-dev", is_there: libnice_can_be_built_with },
    SystemPackage { name: "python3-venv", is_there: python_makes_environments },
];

fn libnice_can_be_built_with() -> bool {
    process::answers(std::process::Command::new("pkg-config").args(["--exists", "nice"]))
}

fn python_makes_environments() -> bool {
    process::answers(std::process::Command::new("python3").args(["-c", "import ensurepip, venv"]))
}

/// Installs the missing packages as root, else with sudo.
///
/// # Errors
/// Neither root nor sudo without a password: the message is the line to run.
pub(super) fn packages(repository: &Repository) -> Result<()> {
    let missing: Vec<&str> =
        NEEDED.iter().filter(|package| !(package.is_there)()).map(|package| package.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get update && apt-get install -y --no-install-recommends {}", missing.join(" "));
    let Some(prefix) = privilege(repository) else {
        bail!("the tests need packages that only root can install; run:\n\n    sudo sh -c '{by_hand}'\n");
    };
    if process::find_program("apt-get").is_none() {
        bail!("the tests need {} and know no other installer than apt-get; install them by hand", missing.join(", "));
    }
    let apt = |arguments: &[&str]| {
        let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"], arguments].concat();
        process::must_pass(repository.command(words[0]).args(&words[1..]))
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"][..], &missing].concat())?;
    for (package, units) in STARTED_BY_DEBIAN {
        if missing.contains(&package) {
            stop_service(repository, prefix, package, units)?;
        }
    }
    Ok(())
}

/// The words before a command that make it run as root.
fn privilege(repository: &Repository) -> Option<&'static [&'static str]> {
    if rustix::process::geteuid().is_root() {
        Some(&[])
    } else if process::answers(repository.command("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

/// What Debian starts with a package. The tests start their own: port 3478 is for Sangam, and nobody asked for this machine to be
/// announced on its LAN.
const STARTED_BY_DEBIAN: [(&str, &[&str]); 5] = [
    ("coturn", &["coturn.service"]),
    ("avahi-daemon", &["avahi-daemon.socket", "avahi-daemon.service"]),
    ("prosody", &["prosody.service"]),
    ("mosquitto", &["mosquitto.service"]),
    ("rabbitmq-server", &["rabbitmq-server.service"]),
];

fn stop_service(repository: &Repository, prefix: &[&str], package: &str, units: &[&str]) -> Result<()> {
    let script = format!("/etc/init.d/{package}");
    let stop = if Path::new("/run/systemd/system").exists() {
        [&["systemctl", "disable", "--now"], units].concat()
    } else if Path::new(&script).exists() {
        vec![script.as_str(), "stop"]
    } else {
        return Ok(());
    };
    let words = [prefix, &stop].concat();
    process::must_pass(repository.command(words[0]).args(&words[1..]))
}
