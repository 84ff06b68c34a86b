//! Tests that a device ran and what they showed (TR-143, TR-181 `Device.IP.Diagnostics.`).

use crate::coded::coded;
use crate::task::Payload;
use crate::{DeviceId, DiagnosticId, TaskId};

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its number.
    pub id: DiagnosticId,
    /// By which device.
    pub device: DeviceId,
    /// The task that ordered it.
    pub task: TaskId,
    /// Which test.
    pub kind: DiagnosticKind,
    /// How far it is.
    pub state: DiagnosticState,
    /// The device's `DiagnosticsState` if it is not good (`Error_*`), at most 64 characters; empty otherwise.
    pub error: Box<str>,
    /// What it was to test.
    pub inputs: Payload,
    /// What it showed; empty until it is complete.
    pub results: Payload,
    /// When it was ordered, milliseconds since 1970.
    pub created_ms: u64,
    /// When its results came, milliseconds since 1970.
    pub ended_ms: Option<u64>,
}

/// Which test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosticKind {
    /// `IPPing`.
    Ping,
    /// `TraceRoute`.
    TraceRoute,
    /// `DownloadDiagnostics`.
    Download,
    /// `UploadDiagnostics`.
    Upload,
    /// `UDPEchoConfig`, `UDPEchoDiagnostics`.
    UdpEcho,
    /// `NSLookupDiagnostics`.
    NsLookup,
    /// `ServerSelectionDiagnostics`.
    ServerSelection,
    /// Another; its inputs say which.
    Other,
}

coded!(DiagnosticKind);

impl DiagnosticKind {
    /// All, in order of codes.
    pub const ALL: [Self; 8] = [
        Self::Ping,
        Self::TraceRoute,
        Self::Download,
        Self::Upload,
        Self::UdpEcho,
        Self::NsLookup,
        Self::ServerSelection,
        Self::Other,
    ];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::TraceRoute => "traceroute",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::UdpEcho => "udpecho",
            Self::NsLookup => "nslookup",
            Self::ServerSelection => "serverselection",
            Self::Other => "other",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosticState {
    /// It was ordered.
    Requested,
    /// Its results are there.
    Complete,
    /// The device could not do it, or never told.
    Failed,
}

coded!(DiagnosticState);

impl DiagnosticState {
    /// All, in order of codes.
    pub const ALL: [Self; 3] = [Self::Requested, Self::Complete, Self::Failed];

    /// As the API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }
}
