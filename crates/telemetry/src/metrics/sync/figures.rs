use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) endpoint: &'static str,
    pub(super) method: &'static str,
    pub(super) status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Endpoint {
    pub(super) endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfReason {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfKind {
    pub(super) kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OfOutcome {
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Transport {
    pub(super) transport: &'static str,
}

/// Upper bounds of requests, in seconds: the original server's.
const REQUEST_SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Of pushes and pulls: its own too.
const WORK_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Of bodies: its own too.
const BYTES: [f64; 9] = [100.0, 500.0, 1_000.0, 5_000.0, 10_000.0, 50_000.0, 100_000.0, 500_000.0, 1_000_000.0];

/// Of a sync of the disk.
const COMMIT_SECONDS: [f64; 10] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5];

/// Of requests that became durable together.
const GROUP_LEN: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// Every figure of the sync server. Those that the original server has without labels stand by themselves.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) requests: Family<RequestLabels, Counter>,
    pub(super) request_seconds: Family<Endpoint, Histogram, fn() -> Histogram>,
    pub(super) all_request_seconds: Histogram,
    pub(super) request_errors: Counter,
    pub(super) request_bytes: Histogram,
    pub(super) response_bytes: Histogram,
    pub(super) operations: Family<OfOutcome, Counter>,
    pub(super) push_seconds: Histogram,
    pub(super) pulled: Counter,
    pub(super) pull_seconds: Histogram,
    pub(super) refusals: Family<OfReason, Counter>,
    pub(super) pulls_ahead: Counter,
    pub(super) streams: Family<Transport, Gauge>,
    pub(super) all_streams: Gauge,
    pub(super) streams_opened: Family<Transport, Counter>,
    pub(super) streams_lagged: Family<Transport, Counter>,
    pub(super) commit_seconds: Histogram,
    pub(super) commit_requests: Histogram,
    pub(super) commit_operations: Counter,
    pub(super) store_failures: Family<OfKind, Counter>,
    pub(super) swept: Counter,
    pub(super) pages: Family<OfOutcome, Counter>,
    pub(super) databases: Gauge,
    pub(super) log_len: Gauge,
    pub(super) cursors: Gauge,
    pub(super) bytes: Gauge,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            all_request_seconds: Histogram::new(REQUEST_SECONDS),
            request_errors: Counter::default(),
            request_bytes: Histogram::new(BYTES),
            response_bytes: Histogram::new(BYTES),
            operations: Family::default(),
            push_seconds: Histogram::new(WORK_SECONDS),
            pulled: Counter::default(),
            pull_seconds: Histogram::new(WORK_SECONDS),
            refusals: Family::default(),
            pulls_ahead: Counter::default(),
            streams: Family::default(),
            all_streams: Gauge::default(),
            streams_opened: Family::default(),
            streams_lagged: Family::default(),
            commit_seconds: Histogram::new(COMMIT_SECONDS),
            commit_requests: Histogram::new(GROUP_LEN),
            commit_operations: Counter::default(),
            store_failures: Family::default(),
            swept: Counter::default(),
            pages: Family::default(),
            databases: Gauge::default(),
            log_len: Gauge::default(),
            cursors: Gauge::default(),
            bytes: Gauge::default(),
        }
    }
}

impl Figures {
    /// Under our names; the registry has the prefix.
    pub(super) fn register(&self, to: &mut Registry) {
        self.register_requests(to);
        let help = "Operations of pushes, by what became of them";
        to.register("operations", help, self.operations.clone());
        to.register("pulled_operations", "Operations handed out in pages", self.pulled.clone());
        to.register("push_seconds", "From a push to its answer", self.push_seconds.clone());
        to.register("pull_seconds", "From a pull to its answer", self.pull_seconds.clone());
        let help =
            "Pulls from a cursor that their database has not reached: a restored backup, or another server's client";
        to.register("pulls_ahead", help, self.pulls_ahead.clone());
        to.register("pages", "Pages asked for, by whether they were at hand already encoded", self.pages.clone());
        self.register_streams(to);
        self.register_store(to);
    }

    fn register_requests(&self, to: &mut Registry) {
        to.register("requests", "Requests answered, by route, method and status", self.requests.clone());
        let help = "From a request's headers to its answer's, by route";
        to.register("request_seconds", help, self.request_seconds.clone());
        to.register("request_bytes", "Bodies of requests as they came", self.request_bytes.clone());
        to.register("response_bytes", "Bodies of answers, where known beforehand", self.response_bytes.clone());
        to.register("refusals", "What was refused, by reason", self.refusals.clone());
    }

    fn register_streams(&self, to: &mut Registry) {
        to.register("streams", "Streams open now, by transport", self.streams.clone());
        to.register("streams_opened", "Streams that opened, by transport", self.streams_opened.clone());
        let help = "How often what waited for a slow stream was dropped for a hint to pull, by transport";
        to.register("streams_lagged", help, self.streams_lagged.clone());
    }

    fn register_store(&self, to: &mut Registry) {
        to.register("commit_seconds", "What making a group durable took", self.commit_seconds.clone());
        to.register("commit_requests", "Requests made durable together", self.commit_requests.clone());
        to.register("commit_operations", "Operations made durable", self.commit_operations.clone());
        to.register("store_failures", "Failures of the store, by kind", self.store_failures.clone());
        to.register("swept_operations", "Operations dropped that nobody needs any more", self.swept.clone());
        to.register("databases", "Databases", self.databases.clone());
        to.register("log_operations", "Operations held in all logs", self.log_len.clone());
        to.register("cursors", "Sum of the newest cursors of all databases", self.cursors.clone());
        to.register("stored_bytes", "Bytes of names and entities held", self.bytes.clone());
    }

    /// Under the original server's names; the registry has the prefix.
    pub(super) fn register_aliases(&self, to: &mut Registry) {
        let outcome = |outcome| self.operations.get_or_create_owned(&OfOutcome { outcome });
        let streams = |transport| self.streams.get_or_create_owned(&Transport { transport });
        let help = "Requests answered (the original's name)";
        to.register("requests", help, self.requests.clone());
        to.register(
            "request_errors",
            "Requests answered 400 or more (the original's name)",
            self.request_errors.clone(),
        );
        to.register("operations_pushed", "Operations accepted (the original's name)", outcome("accepted"));
        to.register("operations_pulled", "Operations handed out (the original's name)", self.pulled.clone());
        to.register("conflicts", "Operations in conflict (the original's name)", outcome("conflict"));
        to.register("active_connections", "Streams open (the original's name)", self.all_streams.clone());
        to.register("sse_connections", "Event streams open (the original's name)", streams("sse"));
        to.register("websocket_connections", "WebSockets open (the original's name)", streams("websocket"));
        to.register("oplog_size", "Operations held (the original's name)", self.log_len.clone());
        to.register("server_cursor", "Sum of the newest cursors (the original's name)", self.cursors.clone());
        let help = "From a request to its answer (the original's name)";
        to.register("request_duration_seconds", help, self.all_request_seconds.clone());
        to.register(
            "push_duration_seconds",
            "From a push to its answer (the original's name)",
            self.push_seconds.clone(),
        );
        to.register(
            "pull_duration_seconds",
            "From a pull to its answer (the original's name)",
            self.pull_seconds.clone(),
        );
        to.register("request_size_bytes", "Bodies of requests (the original's name)", self.request_bytes.clone());
        to.register("response_size_bytes", "Bodies of answers (the original's name)", self.response_bytes.clone());
    }
}
