//! Which TCP listeners there will be: equal addresses become one.

use std::net::SocketAddr;

use sangam_config::{Config, Role, TlsMode};

/// One TCP listener to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedListener {
    /// Port 0 lets the system choose.
    pub(crate) addr: SocketAddr,
    /// The key that asks for it.
    pub(crate) key: &'static str,
    /// What it serves.
    pub(crate) serves: Serves,
    /// What it speaks.
    pub(crate) tls: TlsMode,
    /// Whether connections begin with a PROXY v2 header.
    pub(crate) proxy_protocol: bool,
}

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    /// The main HTTP.
    Main,
    /// Signaling at any path.
    Signaling,
    /// The main HTTP, and signaling at any path for WebSockets.
    Both,
    /// `/metrics` alone.
    Metrics,
}

/// Two listeners on one address that cannot be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`http.listen` and `signal.listen` share {addr} but differ in `{what}`; set `http.{what}` and `signal.{what}` to the same, or choose two addresses"
)]
pub(crate) struct ConflictingListeners {
    addr: SocketAddr,
    what: &'static str,
}

/// Plans the TCP listeners of the roles that run.
pub(crate) fn plan(config: &Config) -> Result<Vec<PlannedListener>, ConflictingListeners> {
    let default_tls = if config.tls.is_configured() { TlsMode::Auto } else { TlsMode::Off };
    let mut planned: Vec<PlannedListener> = Vec::new();
    for addr in &config.http.listen {
        let main = PlannedListener {
            addr: addr.get(),
            key: "http.listen",
            serves: Serves::Main,
            tls: config.http.tls.unwrap_or(default_tls),
            proxy_protocol: config.http.proxy_protocol,
        };
        add(&mut planned, main)?;
    }
    let signal = config.signal.listen.iter().filter(|_| config.server.plays(Role::Signal));
    for addr in signal {
        let signaling = PlannedListener {
            addr: addr.get(),
            key: "signal.listen",
            serves: Serves::Signaling,
            tls: config.signal.tls.unwrap_or(default_tls),
            proxy_protocol: config.signal.proxy_protocol,
        };
        add(&mut planned, signaling)?;
    }
    for addr in &config.admin.metrics_listen {
        add_metrics(&mut planned, addr.get());
    }
    Ok(planned)
}

/// A listener that serves the main HTTP serves `/metrics` too, in its own way.
fn add_metrics(planned: &mut Vec<PlannedListener>, addr: SocketAddr) {
    let same = planned.iter_mut().find(|known| known.addr == addr && addr.port() != 0);
    match same {
        Some(known) if known.serves == Serves::Signaling => known.serves = Serves::Both,
        Some(_) => {}
        None => planned.push(PlannedListener {
            addr,
            key: "admin.metrics_listen",
            serves: Serves::Metrics,
            tls: TlsMode::Off,
            proxy_protocol: false,
        }),
    }
}

fn add(planned: &mut Vec<PlannedListener>, new: PlannedListener) -> Result<(), ConflictingListeners> {
    // Two listeners that leave their port to the system are two.
    let same = planned.iter_mut().find(|known| known.addr == new.addr && new.addr.port() != 0);
    let Some(known) = same else {
        planned.push(new);
        return Ok(());
    };
    if known.tls != new.tls {
        return Err(ConflictingListeners { addr: new.addr, what: "tls" });
    }
    if known.proxy_protocol != new.proxy_protocol {
        return Err(ConflictingListeners { addr: new.addr, what: "proxy_protocol" });
    }
    if known.serves != new.serves {
        known.serves = Serves::Both;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use sangam_config::{Setting, Sources, load};

    use super::*;

    fn planned(settings: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let settings = settings.iter().map(|(key, value)| Setting::of_flag("--set", key, *value)).collect();
        let default_file = PathBuf::from("/nonexistent/sangam.toml");
        let environment = BTreeMap::new();
        let loaded = load(&Sources { file: None, default_file, environment: &environment, settings }).unwrap();
        let plan = plan(&loaded.config).map_err(|error| error.to_string())?;
        Ok(plan.iter().map(|it| format!("{} {:?} {}", it.addr, it.serves, it.tls.as_str())).collect())
    }

    #[test]
    fn each_role_has_its_own_listener() {
        assert_eq!(planned(&[]).unwrap(), ["127.0.0.1:8080 Main off", "127.0.0.1:8443 Signaling off"]);
        assert_eq!(planned(&[("server.roles", "relay")]).unwrap(), ["127.0.0.1:8080 Main off"]);
    }

    #[test]
    fn equal_addresses_become_one_listener_unless_the_system_chooses_the_port() {
        assert_eq!(planned(&[("signal.listen", "127.0.0.1:8080")]).unwrap(), ["127.0.0.1:8080 Both off"]);
        let twice = [("http.listen", "127.0.0.1:80,127.0.0.1:80"), ("server.roles", "relay")];
        assert_eq!(planned(&twice).unwrap(), ["127.0.0.1:80 Main off"]);
        let free = [("http.listen", "127.0.0.1:0"), ("signal.listen", "127.0.0.1:0")];
        assert_eq!(planned(&free).unwrap().len(), 2);
    }

    #[test]
    fn metrics_have_a_listener_of_their_own_unless_the_main_http_is_there() {
        let metrics = |addr| planned(&[("server.roles", "relay"), ("admin.metrics_listen", addr)]).unwrap();
        assert_eq!(metrics("0.0.0.0:9641"), ["127.0.0.1:8080 Main off", "0.0.0.0:9641 Metrics off"]);
        assert_eq!(metrics("127.0.0.1:8080"), ["127.0.0.1:8080 Main off"]);
        let shared = planned(&[("admin.metrics_listen", "127.0.0.1:8443")]).unwrap();
        assert_eq!(shared, ["127.0.0.1:8080 Main off", "127.0.0.1:8443 Both off"]);
    }

    #[test]
    fn one_listener_cannot_speak_in_two_ways() {
        let shared = [("signal.listen", "127.0.0.1:8080"), ("signal.proxy_protocol", "true")];
        let error = planned(&shared).unwrap_err();
        assert!(error.contains("share 127.0.0.1:8080 but differ in `proxy_protocol`"), "{error}");
    }

    #[test]
    fn with_a_certificate_the_first_byte_decides() {
        let certificate = [("tls.certificate_file", "c"), ("tls.key_file", "k"), ("signal.tls", "on")];
        assert_eq!(planned(&certificate).unwrap(), ["127.0.0.1:8080 Main auto", "127.0.0.1:8443 Signaling on"]);
    }
}
