use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::{Body, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::activity::{Activity, Moment, UnderWay};
use super::endless::{EndlessAnswer, is_endless};
use super::handover::{Handover, Offer};
use super::lingering::LingeringStream;
use super::request::{BadHost, ConnectionFacts};
use super::{FrontBody, HttpOptions, RequestBody};
use crate::accepted::Accepted;
use crate::rules::LiveRules;
use crate::stats::FrontStats;

/// An error of a service or of its answers' bodies.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What all HTTP connections of a listener share.
pub(super) struct HttpShared<S> {
    service: S,
    builder: auto::Builder<TokioExecutor>,
    options: HttpOptions,
    rules: LiveRules,
    stats: Arc<FrontStats>,
}

impl<S> HttpShared<S> {
    pub(super) fn new(service: S, options: HttpOptions, rules: LiveRules, stats: Arc<FrontStats>) -> Self {
        Self { service, builder: builder(&options), options, rules, stats }
    }
}

/// Serves one connection until it ends, is idle for too long, or is drained.
pub(super) async fn serve_connection<S, B>(shared: Arc<HttpShared<S>>, accepted: Accepted, draining: CancellationToken)
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // What requests need is in memory of its own, which an endless answer gives back.
    if let Some(answer) = Box::pin(serve_requests(shared, accepted, &draining)).await {
        serve_endless(answer, &draining).await;
    }
}

/// Serves requests. If one has an endless answer, that is what the connection goes on with.
async fn serve_requests<S, B>(
    shared: Arc<HttpShared<S>>,
    accepted: Accepted,
    draining: &CancellationToken,
) -> Option<Box<EndlessAnswer<B>>>
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let activity = Arc::new(Activity::new());
    let handover = Arc::new(Handover::new(Arc::clone(&activity)));
    let facts = ConnectionFacts::of(&accepted);
    let lingering = |stream| {
        LingeringStream::new(stream, Arc::clone(&activity), shared.options.linger_limit, Arc::clone(&shared.stats))
    };
    let service = ConnectionService {
        shared: Arc::clone(&shared),
        facts: facts.clone(),
        activity: Arc::clone(&activity),
        handover: Arc::clone(&handover),
    };
    let stream = TokioIo::new(lingering(accepted.stream));
    let mut connection = Box::pin(shared.builder.serve_connection_with_upgrades(stream, service));
    let mut patience = Patience::new(&shared.options, Arc::clone(&activity));
    let mut closing = false;
    loop {
        // hyper first: it is to have done all it can when the answer is looked at.
        let step = poll_fn(|context| match connection.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Step::Ended(ended)),
            Poll::Pending => handover.take().map_or(Poll::Pending, |offer| Poll::Ready(Step::Offered(offer))),
        });
        tokio::select! {
            step = step => match step {
                Step::Ended(ended) => {
                    report(ended, &facts, &shared.stats);
                    return None;
                }
                Step::Offered(offer) if !closing && handover.is_clean(&offer) => {
                    let stream = lingering(activity.keeper().take_from(connection)?);
                    shared.stats.endless.add();
                    return Some(Box::new(EndlessAnswer::new(stream, offer.answer, offer.under_way)));
                }
                Step::Offered(offer) => handover.give_back(offer),
            },
            () = draining.cancelled(), if !closing => {
                closing = true;
                activity.is_bidden_goodbye();
                connection.as_mut().graceful_shutdown();
            }
            verdict = patience.next() => match verdict {
                Impatience::Headers => {
                    shared.stats.header_timeouts.add();
                    tracing::debug!(peer = %facts.peer, "no whole request in time; connection closed");
                    return None;
                }
                Impatience::Idle => {
                    shared.stats.idle_closed.add();
                    closing = true;
                    activity.is_bidden_goodbye();
                    connection.as_mut().graceful_shutdown();
                }
                Impatience::Stuck => return None,
            },
        }
    }
}

/// What hyper has come to.
enum Step<B> {
    Ended(Result<(), BoxError>),
    Offered(Box<Offer<B>>),
}

/// Writes an endless answer until its body ends, its client leaves, or it is drained; then the connection closes.
async fn serve_endless<B>(mut answer: Box<EndlessAnswer<B>>, draining: &CancellationToken)
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let drained = draining.run_until_cancelled(poll_fn(|context| answer.poll(context))).await;
    let outcome = match drained {
        Some(outcome) => outcome,
        None => {
            answer.end();
            poll_fn(|context| answer.poll(context)).await
        }
    };
    let mut stream = answer.into_stream();
    let closed = match outcome {
        Ok(()) => stream.shutdown().await.map_err(Into::into),
        cut_short => cut_short,
    };
    if let Err(reason) = closed {
        tracing::debug!(%reason, "an endless answer ended");
    }
}

fn builder(options: &HttpOptions) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    let mut http1 = builder.http1();
    // `Patience` bounds the time, for both versions and from the first byte on.
    http1.timer(TokioTimer::new()).header_read_timeout(None);
    http1.max_buf_size(usize::try_from(options.header_bytes_max).unwrap_or(usize::MAX).max(HTTP1_BUFFER_MIN));
    if options.header_count_max != HTTP1_HEADERS_INLINE {
        http1.max_headers(options.header_count_max);
    }
    let mut http2 = builder.http2();
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.h2_streams_max)
        .max_header_list_size(options.header_bytes_max)
        .initial_stream_window_size(options.h2_stream_window)
        .initial_connection_window_size(options.h2_connection_window)
        .max_send_buf_size(H2_SEND_BUFFER)
        .keep_alive_interval(H2_PING_INTERVAL)
        .keep_alive_timeout(H2_PING_INTERVAL);
    if options.h2_websocket {
        http2.enable_connect_protocol();
    }
    builder
}

/// hyper refuses a smaller buffer.
const HTTP1_BUFFER_MIN: usize = 8_192;
/// hyper's default, for which it needs no allocation per request.
const HTTP1_HEADERS_INLINE: usize = 100;
/// Answer bytes held per HTTP/2 request while its client does not read.
const H2_SEND_BUFFER: usize = 64 * 1_024;
/// How often an HTTP/2 client must show that it is there, and how long it may take to answer.
const H2_PING_INTERVAL: Duration = Duration::from_secs(30);

/// Counts what a client did wrong; a client that just left did nothing wrong.
fn report(ended: Result<(), BoxError>, facts: &ConnectionFacts, stats: &FrontStats) {
    let Err(error) = ended else { return };
    let malformed = error.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_parse());
    if malformed {
        stats.connections_malformed.add();
    }
    tracing::debug!(peer = %facts.peer, %error, malformed, "HTTP connection ended");
}

/// The service of one connection: knows its peer, judges each request, hands it on.
struct ConnectionService<S, B> {
    shared: Arc<HttpShared<S>>,
    facts: ConnectionFacts,
    activity: Arc<Activity>,
    handover: Arc<Handover<B>>,
}

impl<S, B> hyper::service::Service<Request<Incoming>> for ConnectionService<S, B>
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<FrontBody<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let under_way = UnderWay::begin(&self.activity);
        if request.version() == Version::HTTP_2 {
            self.activity.never_lingers();
        }
        let moment = self.whole_request(&request);
        let mut request = request.map(|body| RequestBody::new(body, &self.activity));
        match self.facts.client_of(&request, &self.shared.rules.current()) {
            Err(BadHost) => {
                self.shared.stats.requests_refused.add();
                tracing::debug!(peer = %self.facts.peer, "request without a proper Host refused");
                Box::pin(async move { Ok(bad_request(under_way)) })
            }
            Ok(client) => {
                self.shared.stats.requests.add();
                request.extensions_mut().insert(client);
                if let Some(certificate) = &self.facts.certificate {
                    request.extensions_mut().insert(Arc::clone(certificate));
                }
                let tunnel = *request.method() == Method::CONNECT;
                // Who waits to be told to go on would be told so by reading.
                let waits = request.headers().contains_key(header::EXPECT);
                let read_over_max = if waits { Duration::ZERO } else { self.shared.options.linger_limit };
                self.activity.wants_unread();
                let answer = self.shared.service.clone().oneshot(request);
                let moment = moment.map(|moment| (moment, Arc::clone(&self.handover)));
                Box::pin(async move {
                    let mut answer = answer.await?;
                    let mut under_way = under_way;
                    if let Some((moment, handover)) = moment
                        && is_endless(&answer)
                    {
                        let offer = Offer { answer, under_way, moment };
                        Offer { answer, under_way, .. } = *Box::pin(handover.offer(Box::new(offer))).await;
                    }
                    let is_done = under_way.is_request_done_with(read_over_max).await;
                    if tunnel || answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                        under_way.hands_over();
                    } else if !is_done {
                        // Whoever sent the next request behind this one would lose it.
                        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    Ok(answer.map(|body| FrontBody::service(body, under_way)))
                })
            }
        }
    }
}

impl<S, B> ConnectionService<S, B> {
    /// Of a request whose answer may outlive hyper: GET, and HTTP/1.1 for its chunks.
    fn whole_request(&self, request: &Request<Incoming>) -> Option<Moment> {
        let fits = *request.method() == Method::GET && request.version() == Version::HTTP_11;
        if fits && request.body().is_end_stream() { self.activity.at_head_end() } else { None }
    }
}

fn bad_request<B>(under_way: UnderWay) -> Response<FrontBody<B>> {
    let text = "The Host header is missing, repeated or malformed.\n";
    let mut response = Response::new(FrontBody::refusal(text, under_way));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// What a connection has waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Impatience {
    /// The headers of the first request.
    Headers,
    /// Another request: say goodbye.
    Idle,
    /// The end after the goodbye: the client neither closes nor completes a request.
    Stuck,
}

/// Looks at a connection's activity when it may have been idle for too long, and not before: requests cost no timer.
struct Patience {
    activity: Arc<Activity>,
    header_timeout: Duration,
    idle_timeout: Duration,
    said_goodbye: bool,
    deadline: Instant,
}

impl Patience {
    fn new(options: &HttpOptions, activity: Arc<Activity>) -> Self {
        Self {
            deadline: activity.began() + options.header_timeout.min(options.idle_timeout),
            header_timeout: options.header_timeout,
            idle_timeout: options.idle_timeout,
            said_goodbye: false,
            activity,
        }
    }

    /// Ends when there is a reason for impatience. Cancel safe.
    async fn next(&mut self) -> Impatience {
        loop {
            tokio::time::sleep_until(self.deadline).await;
            if let Some(impatience) = self.look(Instant::now()) {
                return impatience;
            }
        }
    }

    /// Decides at the deadline and sets the next.
    fn look(&mut self, now: Instant) -> Option<Impatience> {
        if !self.activity.any_request() {
            self.deadline = self.activity.began() + self.header_timeout;
            return (now >= self.deadline).then_some(Impatience::Headers);
        }
        if self.activity.is_under_way() {
            self.deadline = now + self.idle_timeout;
            return None;
        }
        let idle_until = self.activity.idle_since() + self.idle_timeout;
        if self.said_goodbye {
            return Some(Impatience::Stuck);
        }
        if now < idle_until {
            self.deadline = idle_until;
            return None;
        }
        self.said_goodbye = true;
        self.deadline = now + self.header_timeout;
        Some(Impatience::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Patience {
        let options = HttpOptions {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            ..HttpOptions::default()
        };
        Patience::new(&options, Arc::new(Activity::new()))
    }

    #[test]
    fn a_connection_without_a_first_request_is_not_waited_for() {
        let mut patience = patience();
        assert_eq!(patience.look(patience.deadline), Some(Impatience::Headers));
    }

    #[test]
    fn a_first_request_may_take_its_time_even_where_idling_may_not() {
        let mut patience = patience();
        patience.idle_timeout = Duration::from_secs(1);
        let began = patience.activity.began();
        assert_eq!(patience.look(began + Duration::from_secs(1)), None);
        assert_eq!(patience.deadline, began + Duration::from_secs(10));
        assert_eq!(patience.look(patience.deadline), Some(Impatience::Headers));
    }

    #[test]
    fn a_request_under_way_is_waited_for_without_end() {
        let mut patience = patience();
        let _request = UnderWay::begin(&patience.activity);
        for _ in 0..5 {
            assert_eq!(patience.look(patience.deadline), None);
        }
    }

    #[test]
    fn an_idle_connection_is_told_goodbye_and_then_cut() {
        let mut patience = patience();
        drop(UnderWay::begin(&patience.activity));
        assert_eq!(patience.look(patience.deadline), None);
        assert_eq!(patience.deadline, patience.activity.idle_since() + Duration::from_secs(75));
        let goodbye = patience.deadline;
        assert_eq!(patience.look(goodbye), Some(Impatience::Idle));
        assert_eq!(patience.deadline, goodbye + Duration::from_secs(10));
        assert_eq!(patience.look(patience.deadline), Some(Impatience::Stuck));
    }

    #[test]
    fn several_requests_are_under_way_until_the_last_ends() {
        let mut patience = patience();
        let first = UnderWay::begin(&patience.activity);
        let second = UnderWay::begin(&patience.activity);
        drop(first);
        let much_later = patience.deadline + Duration::from_secs(3_600);
        assert_eq!(patience.look(much_later), None);
        drop(second);
        assert_eq!(patience.look(much_later + Duration::from_secs(3_600)), Some(Impatience::Idle));
    }
}
