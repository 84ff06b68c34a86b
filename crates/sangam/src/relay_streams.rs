//! The relay's TCP and TLS listeners: bound before it starts, served by it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use sangam_config::{Config, Role};
use sangam_net::{CertificateStore, FrontOptions, FrontStats, LiveRules, TcpFront, Tls, TlsFront};
use sangam_relay_server::RelayServer;
use sangam_telemetry::metrics::listener::ReadListener;

use crate::listeners::sum;
use crate::options::front::{relay_front_options, relay_tls_options};
use crate::start_report::ListenerRow;

/// Listeners that are open and serve nothing yet.
#[derive(Debug, Default)]
pub(crate) struct RelayStreams {
    tcp: Vec<TcpFront>,
    tls: Vec<TcpFront>,
    /// Plain connections that begin with a PROXY v2 header.
    proxied: Vec<TcpFront>,
}

/// The key whose listeners want a PROXY v2 header whatever the others do.
const PROXIED: &str = "relay.listen_proxy";

impl RelayStreams {
    /// Opens every listener, or none; none where there is no relay.
    pub(crate) fn bind(
        config: &Config,
        certificates: Option<&Arc<CertificateStore>>,
        rules: &LiveRules,
    ) -> anyhow::Result<Self> {
        let relay = &config.relay;
        if !config.server.plays(Role::Relay) {
            return Ok(Self::default());
        }
        let options = relay_front_options(&config.http, relay);
        let open = |key: &'static str, addrs: Vec<SocketAddr>, tls: &Tls| {
            let proxy_protocol = options.proxy_protocol || key == PROXIED;
            let options = FrontOptions { proxy_protocol, ..options.clone() };
            let bind = |addr| TcpFront::bind(addr, tls.clone(), options.clone(), rules.clone());
            let fronts: Result<Vec<TcpFront>, _> = addrs.into_iter().map(bind).collect();
            fronts.with_context(|| format!("the relay cannot start: `{key}`"))
        };
        // The key that names the address, for whoever must mend it.
        let asked_by = |own: bool, key| if own { key } else { "relay.listen" };
        let tcp = open(asked_by(relay.listen_tcp.is_some(), "relay.listen_tcp"), relay.tcp_addrs(), &Tls::Off)?;
        let proxied = open(PROXIED, relay.proxy_addrs(), &Tls::Off)?;
        let tls_addrs = relay.tls_addrs(certificates.is_some());
        let Some(store) = certificates else {
            anyhow::ensure!(
                tls_addrs.is_empty(),
                "`relay.listen_tls` names an address and there is no certificate; set `tls.certificate_file`"
            );
            return Ok(Self { tcp, proxied, tls: Vec::new() });
        };
        let front = TlsFront::new(Arc::clone(store), relay_tls_options(&config.tls)).context("TLS cannot be set up")?;
        let key = asked_by(relay.listen_tls.is_some(), "relay.listen_tls");
        Ok(Self { tcp, proxied, tls: open(key, tls_addrs, &Tls::On(front))? })
    }

    pub(crate) fn tcp_port(&self) -> Option<u16> {
        self.tcp.first().map(|front| front.local_addr().port())
    }

    pub(crate) fn tls_port(&self) -> Option<u16> {
        self.tls.first().map(|front| front.local_addr().port())
    }

    /// A line of the table for each.
    pub(crate) fn rows(&self) -> Vec<ListenerRow> {
        let rows = |name, tls, fronts: &[TcpFront]| {
            let row = |front: &TcpFront| {
                let addr = front.local_addr();
                ListenerRow { name, addr, transport: "tcp", tls, serves: "STUN and TURN" }
            };
            fronts.iter().map(row).collect::<Vec<_>>()
        };
        [rows("turn", "off", &self.tcp), rows("turn_proxy", "off", &self.proxied), rows("turns", "on", &self.tls)]
            .concat()
    }

    /// The counters by name, those of one name added up.
    pub(crate) fn figures(&self) -> Vec<(&'static str, ReadListener)> {
        let named = [("turn", &self.tcp), ("turn_proxy", &self.proxied), ("turns", &self.tls)];
        let of_name = |(name, fronts): (&'static str, &Vec<TcpFront>)| {
            let stats: Vec<Arc<FrontStats>> = fronts.iter().map(TcpFront::stats).collect();
            let read: ReadListener = Arc::new(move || sum(&stats));
            (name, read)
        };
        named.into_iter().filter(|(_, fronts)| !fronts.is_empty()).map(of_name).collect()
    }

    /// Has the relay serve them.
    pub(crate) fn serve(self, relay: &RelayServer) {
        self.tcp.into_iter().chain(self.proxied).chain(self.tls).for_each(|front| relay.serve_streams(front));
    }
}
