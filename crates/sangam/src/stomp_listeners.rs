//! The listeners of our own STOMP endpoint: bound before device management starts, served by it.

use std::sync::Arc;

use anyhow::Context as _;
use sangam_config::{Config, Role, TlsMode};
use sangam_device_server::DeviceServer;
use sangam_net::{FrontStats, LiveRules, TcpFront, Tls, TlsFront};
use sangam_telemetry::metrics::listener::ReadListener;

use crate::listeners::sum;
use crate::options::front::front_options;
use crate::start_report::ListenerRow;

/// Listeners that are open and serve nothing yet.
#[derive(Debug, Default)]
pub(crate) struct StompListeners {
    fronts: Vec<TcpFront>,
    mode: &'static str,
}

const NAME: &str = "stomp";
const KEY: &str = "devices.usp.stomp_endpoint.listen";

impl StompListeners {
    /// Opens every listener, or none; none where no devices are managed.
    pub(crate) fn bind(config: &Config, tls: Option<&TlsFront>, rules: &LiveRules) -> anyhow::Result<Self> {
        let endpoint = &config.devices.usp.stomp_endpoint;
        if !config.server.plays(Role::Devices) {
            return Ok(Self::default());
        }
        let default = if config.tls.is_configured() { TlsMode::Auto } else { TlsMode::Off };
        let mode = endpoint.tls.unwrap_or(default);
        let tls = match (mode, tls) {
            (TlsMode::Off, _) => Tls::Off,
            (TlsMode::On, Some(tls)) => Tls::On(tls.clone()),
            (TlsMode::Auto, Some(tls)) => Tls::Auto(tls.clone()),
            (TlsMode::On | TlsMode::Auto, None) if endpoint.listen.is_empty() => Tls::Off,
            (TlsMode::On | TlsMode::Auto, None) => {
                anyhow::bail!("`{KEY}` is to speak TLS and there is no certificate; set `tls.certificate_file`")
            }
        };
        let options = front_options(&config.http, endpoint.proxy_protocol);
        let bind =
            |addr: &sangam_config::ListenAddr| TcpFront::bind(addr.get(), tls.clone(), options.clone(), rules.clone());
        let fronts: Result<Vec<TcpFront>, _> = endpoint.listen.iter().map(bind).collect();
        Ok(Self { fronts: fronts.with_context(|| format!("`{KEY}`"))?, mode: mode.as_str() })
    }

    /// A line of the table for each.
    pub(crate) fn rows(&self) -> Vec<ListenerRow> {
        let row = |front: &TcpFront| {
            let addr = front.local_addr();
            ListenerRow { name: NAME, addr, transport: "tcp", tls: self.mode, serves: "USP agents (STOMP 1.2)" }
        };
        self.fronts.iter().map(row).collect()
    }

    /// The counters, added up.
    pub(crate) fn figures(&self) -> Option<(&'static str, ReadListener)> {
        let stats: Vec<Arc<FrontStats>> = self.fronts.iter().map(TcpFront::stats).collect();
        (!stats.is_empty()).then(|| (NAME, Arc::new(move || sum(&stats)) as ReadListener))
    }

    /// Has device management serve them.
    pub(crate) fn serve(self, devices: &DeviceServer) {
        for front in self.fronts {
            let addr = front.local_addr();
            if !devices.serve_stomp(front) {
                tracing::warn!(%addr, "agents of USP are not served: nobody is answered at the STOMP endpoint");
            }
        }
    }
}
