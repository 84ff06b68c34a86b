/// The steps of an agent, by the names IF.swarm gives them. Each says what its `metadata` holds, or which member it fills. A node
/// tells of those that it takes; it never falls back to a relay, for one, as it has gathered relays from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentEventKind {
    /// Registered at a signaling server: `server`, its place in the configuration.
    SignalingConnected,
    /// We offer: `sdp_hash`.
    OfferCreated,
    /// We answer: `sdp_hash`.
    AnswerCreated,
    /// An answer came: `sdp_hash`.
    AnswerReceived,
    /// A candidate of ours was told: `ice_candidate`.
    IceCandidateSent,
    /// `state`: as WebRTC names it.
    ConnectionStateChanged,
    /// Messages pass.
    DataChannelOpen,
    /// `error`.
    DataChannelError,
    /// Messages pass no longer.
    DataChannelClosed,
    /// `message_id`, `sequence_num`.
    MessageSent,
    /// `message_id`, `sequence_num`.
    MessageReceived,
    /// We closed a link.
    PeerDisconnected,
    /// The agent stops.
    AgentDisconnected,
    /// `reason`, `timeout_ms`, `connectionState`, `iceConnectionState`.
    TurnFallbackInitiated,
    /// `sdp_hash`.
    TurnFallbackOfferSent,
    /// `connectionState`, `iceConnectionState`.
    TurnFallbackUnnecessary,
    /// A relay carries the link: `candidateType`.
    TurnConnectionDetected,
    /// `valid`, `reason`, `fingerprint`, `algorithm`, `self_signed`.
    CertificateValidated,
    /// `dtls_fingerprint`, `srtp_key_id`, `security_level`, `ice_policy`.
    SessionEstablished,
    /// A link fell silent, and is sought again.
    PeerDisconnectedAutoHeal,
    /// `attempt_number`, `backoff_delay_ms`, `strategy`, `failed_attempts`.
    ReconnectionScheduled,
    /// An attempt to come back began.
    ReconnectionStarted,
    /// It failed.
    ReconnectionFailed,
    /// It uses a relay.
    ReconnectionUsingTurn,
    /// `total_attempts`, `total_downtime_ms`, `strategy`, `failed_attempts`.
    PeerReconnected,
    /// It is not sought any more.
    PeerUnreachable,
    /// The application asked for an attempt.
    ManualReconnection,
    /// The link is slow or loses much.
    QualityDegraded,
    /// It is as it should be again.
    QualityRestored,
}

impl AgentEventKind {
    /// Every one of them.
    pub const ALL: [Self; 29] = [
        Self::SignalingConnected,
        Self::OfferCreated,
        Self::AnswerCreated,
        Self::AnswerReceived,
        Self::IceCandidateSent,
        Self::ConnectionStateChanged,
        Self::DataChannelOpen,
        Self::DataChannelError,
        Self::DataChannelClosed,
        Self::MessageSent,
        Self::MessageReceived,
        Self::PeerDisconnected,
        Self::AgentDisconnected,
        Self::TurnFallbackInitiated,
        Self::TurnFallbackOfferSent,
        Self::TurnFallbackUnnecessary,
        Self::TurnConnectionDetected,
        Self::CertificateValidated,
        Self::SessionEstablished,
        Self::PeerDisconnectedAutoHeal,
        Self::ReconnectionScheduled,
        Self::ReconnectionStarted,
        Self::ReconnectionFailed,
        Self::ReconnectionUsingTurn,
        Self::PeerReconnected,
        Self::PeerUnreachable,
        Self::ManualReconnection,
        Self::QualityDegraded,
        Self::QualityRestored,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignalingConnected => "signaling_connected",
            Self::OfferCreated => "webrtc_offer_created",
            Self::AnswerCreated => "webrtc_answer_created",
            Self::AnswerReceived => "webrtc_answer_received",
            Self::IceCandidateSent => "ice_candidate_sent",
            Self::ConnectionStateChanged => "connection_state_changed",
            Self::DataChannelOpen => "datachannel_open",
            Self::DataChannelError => "datachannel_error",
            Self::DataChannelClosed => "datachannel_closed",
            Self::MessageSent => "ifmessage_sent",
            Self::MessageReceived => "ifmessage_received",
            Self::PeerDisconnected => "peer_disconnected",
            Self::AgentDisconnected => "agent_disconnected",
            Self::TurnFallbackInitiated => "turn_fallback_initiated",
            Self::TurnFallbackOfferSent => "turn_fallback_offer_sent",
            Self::TurnFallbackUnnecessary => "turn_fallback_unnecessary",
            Self::TurnConnectionDetected => "turn_connection_detected",
            Self::CertificateValidated => "webrtc_cert_validated",
            Self::SessionEstablished => "webrtc_session_established",
            Self::PeerDisconnectedAutoHeal => "peer_disconnected_auto_heal",
            Self::ReconnectionScheduled => "reconnection_attempt_scheduled",
            Self::ReconnectionStarted => "reconnection_attempt_started",
            Self::ReconnectionFailed => "reconnection_attempt_failed",
            Self::ReconnectionUsingTurn => "reconnection_using_turn",
            Self::PeerReconnected => "peer_reconnected_successfully",
            Self::PeerUnreachable => "peer_permanently_unreachable",
            Self::ManualReconnection => "manual_reconnection_triggered",
            Self::QualityDegraded => "webrtc_quality_degraded",
            Self::QualityRestored => "webrtc_quality_restored",
        }
    }
}
