//! `[http]` and `[tls]` for `net`.

use anyhow::Context as _;
use sangam_config::Config;
use sangam_config::sections::http::{ForwardingHeader, Http};
use sangam_config::sections::relay::Relay;
use sangam_config::sections::tls::Tls;
use sangam_net::http::{AllowedOrigins, HttpOptions};
use sangam_net::{CertificatePaths, FrontOptions, FrontRules, TlsOptions, TrustedProxies};

pub(crate) fn front_rules(config: &Config) -> anyhow::Result<FrontRules> {
    let http = &config.http;
    Ok(FrontRules {
        trusted_proxies: http.trusted_proxies.iter().map(|network| network.get()).collect::<TrustedProxies>(),
        forwarding_header: match http.forwarding_header {
            ForwardingHeader::XForwardedFor => sangam_net::ForwardingHeader::XForwardedFor,
            ForwardingHeader::Forwarded => sangam_net::ForwardingHeader::Forwarded,
        },
        allowed_origins: AllowedOrigins::parse(&http.origins).context("`http.origins` cannot be used")?,
        allow_plain: http.allow_plain,
    })
}

pub(crate) fn front_options(http: &Http, proxy_protocol: bool) -> FrontOptions {
    FrontOptions {
        proxy_protocol,
        connections_max: http.connections_max,
        connections_per_address_max: http.connections_per_address_max,
        first_byte_timeout: http.first_byte_timeout.get(),
        ..FrontOptions::default()
    }
}

pub(crate) fn http_options(http: &Http) -> HttpOptions {
    HttpOptions {
        header_timeout: http.header_timeout.get(),
        idle_timeout: http.idle_timeout.get(),
        header_bytes_max: u32::try_from(http.header_bytes_max.get()).unwrap_or(u32::MAX),
        header_count_max: http.header_count_max,
        h2_streams_max: http.h2_streams_max,
        linger_limit: http.linger_limit.get(),
        drain_limit: http.drain_limit.get(),
        ..HttpOptions::default()
    }
}

/// For the relay's TCP and TLS listeners.
pub(crate) fn relay_front_options(http: &Http, relay: &Relay) -> FrontOptions {
    FrontOptions {
        connections_max: relay.connections_max,
        connections_per_address_max: relay.connections_per_address_max,
        ..front_options(http, relay.proxy_protocol)
    }
}

pub(crate) fn relay_tls_options(tls: &Tls) -> TlsOptions {
    TlsOptions { alpn: TlsOptions::turn().alpn, ..tls_options(tls) }
}

pub(crate) fn tls_options(tls: &Tls) -> TlsOptions {
    TlsOptions {
        handshake_timeout: tls.handshake_timeout.get(),
        handshakes_max: tls.handshakes_max,
        handshakes_per_second: tls.handshakes_per_sec,
        handshakes_burst: tls.handshakes_burst,
        ..TlsOptions::http()
    }
}

/// The certificate's files, if there is a certificate.
pub(crate) fn certificate_paths(tls: &Tls) -> Option<CertificatePaths> {
    Some(CertificatePaths { chain: tls.certificate_file.clone()?, key: tls.key_file.clone()? })
}
