//! Which TCP listeners there will be: equal addresses become one.

use std::net::SocketAddr;

use sangam_config::{Config, Role, TlsMode};

/// One TCP listener to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedListener {
    /// Port 0 lets the system choose.
    pub(crate) addr: SocketAddr,
    /// The section that asks for it.
    pub(crate) section: &'static str,
    /// What it serves.
    pub(crate) serves: Serves,
    /// What it speaks.
    pub(crate) tls: TlsMode,
    /// Whether connections begin with a PROXY v2 header.
    pub(crate) proxy_protocol: bool,
}

impl PlannedListener {
    /// The key that asks for it.
    pub(crate) fn key(&self) -> String {
        if self.serves == Serves::METRICS {
            "admin.metrics_listen".to_owned()
        } else {
            format!("{}.listen", self.section)
        }
    }
}

/// What a listener serves: at least one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Serves {
    /// The main HTTP, which has all that the others have at paths of their own.
    pub(crate) main: bool,
    /// JSON signaling at any path.
    pub(crate) signaling: bool,
    /// Socket.IO, and the guide's `/health`.
    pub(crate) socketio: bool,
    /// CWMP at any path, and `/files/`.
    pub(crate) cwmp: bool,
    /// `/metrics`.
    pub(crate) metrics: bool,
}

impl Serves {
    pub(crate) const MAIN: Self = Self { main: true, ..Self::NOTHING };
    pub(crate) const SIGNALING: Self = Self { signaling: true, ..Self::NOTHING };
    pub(crate) const SOCKETIO: Self = Self { socketio: true, ..Self::NOTHING };
    pub(crate) const CWMP: Self = Self { cwmp: true, ..Self::NOTHING };
    pub(crate) const METRICS: Self = Self { metrics: true, ..Self::NOTHING };
    const NOTHING: Self = Self { main: false, signaling: false, socketio: false, cwmp: false, metrics: false };

    fn and(self, other: Self) -> Self {
        Self {
            main: self.main || other.main,
            signaling: self.signaling || other.signaling,
            socketio: self.socketio || other.socketio,
            cwmp: self.cwmp || other.cwmp,
            metrics: self.metrics || other.metrics,
        }
    }
}

/// Two listeners on one address that cannot be one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{first}.listen` and `{second}.listen` share {addr} but differ in `{what}`; set `{first}.{what}` and `{second}.{what}` to the same, or choose two addresses"
)]
pub(crate) struct ConflictingListeners {
    first: &'static str,
    second: &'static str,
    addr: SocketAddr,
    what: &'static str,
}

/// Plans the TCP listeners of the roles that run.
pub(crate) fn plan(config: &Config) -> Result<Vec<PlannedListener>, ConflictingListeners> {
    let default_tls = if config.tls.is_configured() { TlsMode::Auto } else { TlsMode::Off };
    let (http, signal, socketio) = (&config.http, &config.signal, &config.signal.socketio);
    let mut wanted = vec![("http", &http.listen, Serves::MAIN, http.tls, http.proxy_protocol)];
    if config.server.plays(Role::Signal) {
        wanted.push(("signal", &signal.listen, Serves::SIGNALING, signal.tls, signal.proxy_protocol));
        let of_socketio = (socketio.tls, socketio.proxy_protocol);
        wanted.push(("signal.socketio", &socketio.listen, Serves::SOCKETIO, of_socketio.0, of_socketio.1));
    }
    if config.server.plays(Role::Devices) {
        let devices = &config.devices;
        wanted.push(("devices", &devices.listen, Serves::CWMP, devices.tls, devices.proxy_protocol));
    }
    let mut planned: Vec<PlannedListener> = Vec::new();
    for (section, listen, serves, tls, proxy_protocol) in wanted {
        for addr in listen {
            let tls = tls.unwrap_or(default_tls);
            add(&mut planned, PlannedListener { addr: addr.get(), section, serves, tls, proxy_protocol })?;
        }
    }
    for addr in &config.admin.metrics_listen {
        add_metrics(&mut planned, addr.get());
    }
    Ok(planned)
}

/// Whatever else a listener serves, it serves `/metrics` in its own way.
fn add_metrics(planned: &mut Vec<PlannedListener>, addr: SocketAddr) {
    match planned.iter_mut().find(|known| known.addr == addr && addr.port() != 0) {
        Some(known) => known.serves = known.serves.and(Serves::METRICS),
        None => planned.push(PlannedListener {
            addr,
            section: "admin",
            serves: Serves::METRICS,
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
    let differ = |what| ConflictingListeners { first: known.section, second: new.section, addr: new.addr, what };
    if known.tls != new.tls {
        return Err(differ("tls"));
    }
    if known.proxy_protocol != new.proxy_protocol {
        return Err(differ("proxy_protocol"));
    }
    known.serves = known.serves.and(new.serves);
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
        Ok(plan.iter().map(|it| format!("{} {} {}", it.addr, words(it.serves), it.tls.as_str())).collect())
    }

    fn words(serves: Serves) -> String {
        let Serves { main, signaling, socketio, cwmp, metrics } = serves;
        let all =
            [(main, "main"), (signaling, "signaling"), (socketio, "socketio"), (cwmp, "cwmp"), (metrics, "metrics")];
        all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect::<Vec<_>>().join("+")
    }

    #[test]
    fn each_role_has_its_own_listener() {
        assert_eq!(
            planned(&[]).unwrap(),
            [
                "127.0.0.1:8080 main off",
                "127.0.0.1:8443 signaling off",
                "127.0.0.1:3001 socketio off",
                "127.0.0.1:3002 socketio off",
                "127.0.0.1:7547 cwmp off"
            ]
        );
        assert_eq!(planned(&[("server.roles", "relay")]).unwrap(), ["127.0.0.1:8080 main off"]);
    }

    #[test]
    fn equal_addresses_become_one_listener_unless_the_system_chooses_the_port() {
        assert_eq!(
            planned(&[("signal.listen", "127.0.0.1:8080"), ("signal.socketio.listen", "127.0.0.1:8080")]).unwrap(),
            ["127.0.0.1:8080 main+signaling+socketio off", "127.0.0.1:7547 cwmp off"]
        );
        let devices = [("server.roles", "devices"), ("devices.listen", "127.0.0.1:8080")];
        assert_eq!(planned(&devices).unwrap(), ["127.0.0.1:8080 main+cwmp off"]);
        let twice = [("http.listen", "127.0.0.1:80,127.0.0.1:80"), ("server.roles", "relay")];
        assert_eq!(planned(&twice).unwrap(), ["127.0.0.1:80 main off"]);
        let free = [
            ("http.listen", "127.0.0.1:0"),
            ("signal.listen", "127.0.0.1:0"),
            ("signal.socketio.listen", "127.0.0.1:0"),
            ("devices.listen", "127.0.0.1:0"),
        ];
        assert_eq!(planned(&free).unwrap().len(), 4);
    }

    #[test]
    fn metrics_have_a_listener_of_their_own_unless_the_main_http_is_there() {
        let metrics = |addr| planned(&[("server.roles", "relay"), ("admin.metrics_listen", addr)]).unwrap();
        assert_eq!(metrics("0.0.0.0:9641"), ["127.0.0.1:8080 main off", "0.0.0.0:9641 metrics off"]);
        assert_eq!(metrics("127.0.0.1:8080"), ["127.0.0.1:8080 main+metrics off"]);
        let shared = planned(&[("admin.metrics_listen", "127.0.0.1:8443")]).unwrap();
        assert_eq!(shared[1], "127.0.0.1:8443 signaling+metrics off");
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
        assert_eq!(planned(&certificate).unwrap()[..2], ["127.0.0.1:8080 main auto", "127.0.0.1:8443 signaling on"]);
    }
}
