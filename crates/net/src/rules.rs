use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::http::AllowedOrigins;
use crate::trusted_proxies::{ForwardingHeader, TrustedProxies};

/// What a listener believes and lets in. All of it may change while connections live.
#[derive(Clone, Debug, Default)]
pub struct FrontRules {
    /// Proxies whose PROXY v2 header or forwarding headers say who the client is. Empty: nobody's.
    pub trusted_proxies: TrustedProxies,
    /// The one forwarding header that the trusted proxies write. The other is not read: a proxy that does not
    /// know it passes on what the client made up.
    pub forwarding_header: ForwardingHeader,
    /// Web origins besides our own that may open WebSockets and read answers.
    pub allowed_origins: AllowedOrigins,
    /// Whether a listener with [`Tls::Auto`](crate::Tls::Auto) takes plain text from beyond loopback.
    pub allow_plain: bool,
}

/// The rules in force: cheap to clone, shared by the listeners that follow them, replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct LiveRules(Arc<ArcSwap<FrontRules>>);

impl LiveRules {
    /// Puts `rules` in force.
    #[must_use]
    pub fn new(rules: FrontRules) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(rules)))
    }

    /// The rules in force now. Keep the answer for one decision, not for the life of a connection.
    #[must_use]
    pub fn current(&self) -> Arc<FrontRules> {
        self.0.load_full()
    }

    /// Puts other rules in force: for the next connection, and for the next request of the open ones.
    pub fn replace(&self, rules: FrontRules) {
        self.0.store(Arc::new(rules));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_clone_sees_replaced_rules() {
        let rules = LiveRules::default();
        let listener = rules.clone();
        assert!(!listener.current().allow_plain);
        rules.replace(FrontRules { allow_plain: true, ..FrontRules::default() });
        assert!(listener.current().allow_plain);
    }
}
