//! Listeners, TLS, PROXY v2, the HTTP front and batched UDP: the only raw system calls.
//!
//! Every listening socket of the product is opened here; drivers get streams, requests and datagrams.
//!
//! A TCP connection passes [`TcpFront::accept`] (is there room?), [`Arrived::establish`] (PROXY v2, TLS) and becomes
//! [`Accepted`], a byte stream whose client is known. [`http::serve`] goes on from there to requests; other protocols
//! take the stream, or [detach](FrontStream::detach) it from the runtime for a thread of their own.

mod accepted;
mod address_rates;
mod admission;
mod bucket;
mod certificate;
mod detached;
pub mod http;
mod opening_rate;
mod pace;
mod poller;
mod proxy_protocol;
mod rules;
mod source;
mod stats;
mod tcp;
mod tls;
mod trusted_proxies;
pub mod udp;
mod waker;

pub use accepted::{Accepted, Arrived, EstablishError, FrontStream};
pub use address_rates::AddressRates;
pub use admission::{Admission, NotAdmitted, Place};
pub use certificate::{
    CertificateError, CertificatePaths, CertificateSnapshot, CertificateStore, ClientAuthorities, ClientCertificate,
    Reload, Validity, ValidityWarning,
};
pub use detached::DetachedStream;
pub use opening_rate::{OpeningRate, retry_after};
pub use pace::Pace;
pub use poller::Poller;
pub use proxy_protocol::{ProxyHeader, ProxyHeaderError};
pub use rules::{FrontRules, LiveRules};
pub use stats::{FrontSnapshot, FrontStats, Refused};
pub use tcp::{BindError, FrontOptions, TcpFront, TcpOptions};
pub use tls::{
    ClientTlsError, Tls, TlsFailure, TlsFront, TlsOptions, TlsSession, TlsSetupError, connect_tls_dangerous_unverified,
};
pub use trusted_proxies::{ForwardingHeader, InvalidNetwork, TrustedProxies};
pub use waker::Waker;
