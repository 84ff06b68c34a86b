use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::activity::UnderWay;

pin_project! {
    /// The body of an answer: the service's, or a refusal of the front's own. A request counts as under way until
    /// its answer's body is dropped.
    #[derive(Debug)]
    pub struct FrontBody<B> {
        #[pin]
        kind: Kind<B>,
        _under_way: UnderWay,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = KindProjection]
    enum Kind<B> {
        Service { #[pin] body: B },
        Refusal { #[pin] body: Full<Bytes> },
    }
}

impl<B> FrontBody<B> {
    pub(super) fn service(body: B, under_way: UnderWay) -> Self {
        Self { kind: Kind::Service { body }, _under_way: under_way }
    }

    pub(super) fn refusal(text: &'static str, under_way: UnderWay) -> Self {
        Self { kind: Kind::Refusal { body: Full::from(text) }, _under_way: under_way }
    }
}

impl<B: Body<Data = Bytes>> Body for FrontBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Service { body } => body.poll_frame(cx),
            KindProjection::Refusal { body } => body.poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Service { body } => body.is_end_stream(),
            Kind::Refusal { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Service { body } => body.size_hint(),
            Kind::Refusal { body } => body.size_hint(),
        }
    }
}
