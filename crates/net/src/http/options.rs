use std::time::Duration;

/// Limits of HTTP connections. Bodies are the service's to bound, in size and in time.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long a new connection may take until the headers of its first request are whole.
    pub header_timeout: Duration,
    /// How long a connection may stay open with no request under way. Longer than the 60 s that nginx and most load
    /// balancers keep connections, so that they close first and never send into a closing one.
    pub idle_timeout: Duration,
    /// The most bytes of a request's line and headers together. At least 8 KiB is allowed for HTTP/1.
    pub header_bytes_max: u32,
    /// The most header lines of an HTTP/1 request.
    pub header_count_max: usize,
    /// Requests under way at once on one HTTP/2 connection.
    pub h2_streams_max: u32,
    /// Body bytes an HTTP/2 client may send ahead of the service, per request.
    pub h2_stream_window: u32,
    /// The same, for all requests of one connection together.
    pub h2_connection_window: u32,
    /// Whether WebSockets may be opened within HTTP/2 (RFC 8441). The service must then answer CONNECT.
    pub h2_websocket: bool,
    /// How long an HTTP/1 connection that closes while its client is in the midst of a request (a body that is refused
    /// unread, headers that are too large) may go on reading, so that the answer arrives: closed with bytes unread, it
    /// would be reset, and the client could lose what it was told. All that comes is thrown away, and the connection
    /// keeps its place in the listener's limits. There is no bound in bytes: nothing is kept, a client sends no more than
    /// its link carries in this time, and a bound would reset the fast. 0: close at once.
    pub linger_limit: Duration,
    /// How long requests under way may take to finish once a shutdown begins; then they are cut.
    pub drain_limit: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            header_bytes_max: 16 * 1_024,
            header_count_max: 100,
            h2_streams_max: 128,
            h2_stream_window: 256 * 1_024,
            h2_connection_window: 1_024 * 1_024,
            h2_websocket: false,
            linger_limit: Duration::from_secs(2),
            drain_limit: Duration::from_secs(5),
        }
    }
}
