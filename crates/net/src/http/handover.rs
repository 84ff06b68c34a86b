use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use http::Response;

use super::activity::{Activity, Moment, UnderWay};
use crate::accepted::FrontStream;

/// An answer on its way from the service, which hyper drives, to the connection, which may take hyper's place.
///
/// The connection looks after hyper has done all it could: an answer that lies here then is either taken, and hyper
/// dropped, or returned, and hyper writes it.
pub(super) struct Handover<B> {
    activity: Arc<Activity>,
    place: Mutex<Place<B>>,
}

enum Place<B> {
    Empty,
    Offered(Box<Offer<B>>),
    Returned(Box<Offer<B>>),
}

/// An endless answer, and when its request had come: nothing but it.
pub(super) struct Offer<B> {
    pub(super) answer: Response<B>,
    pub(super) under_way: UnderWay,
    pub(super) moment: Moment,
}

impl<B> Handover<B> {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { activity, place: Mutex::new(Place::Empty) }
    }

    /// Offers the connection an answer. Ready if it does not want it.
    pub(super) async fn offer(&self, offer: Box<Offer<B>>) -> Box<Offer<B>> {
        self.activity.awaits_flush();
        *self.place() = Place::Offered(offer);
        // Whoever returns it polls this, too.
        poll_fn(|_| self.poll_returned()).await
    }

    fn poll_returned(&self) -> Poll<Box<Offer<B>>> {
        let mut place = self.place();
        match mem::replace(&mut *place, Place::Empty) {
            Place::Returned(offer) => Poll::Ready(offer),
            other => {
                *place = other;
                Poll::Pending
            }
        }
    }

    /// Whether nothing but the request has come, and nothing of earlier answers is left to write: then hyper holds nothing of
    /// the connection that would be missed.
    pub(super) fn is_clean(&self, offer: &Offer<B>) -> bool {
        self.activity.is_flushed() && self.activity.heard_nothing_since(offer.moment)
    }

    /// What the connection is offered now.
    pub(super) fn take(&self) -> Option<Box<Offer<B>>> {
        let mut place = self.place();
        match mem::replace(&mut *place, Place::Empty) {
            Place::Offered(offer) => Some(offer),
            other => {
                *place = other;
                None
            }
        }
    }

    /// The connection does not want it. Whoever calls this polls hyper next.
    pub(super) fn give_back(&self, offer: Box<Offer<B>>) {
        *self.place() = Place::Returned(offer);
    }

    fn place(&self) -> MutexGuard<'_, Place<B>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a stream goes when hyper, which owns it, is dropped.
#[derive(Debug, Default)]
pub(super) struct Keeper(Mutex<Kept>);

#[derive(Debug, Default)]
enum Kept {
    /// Nobody wants it: it closes.
    #[default]
    Nobody,
    Wanted,
    Here(FrontStream),
}

impl Keeper {
    /// Drops what owns the stream, and gives the stream. `None` if the owner has closed it.
    pub(super) fn take_from<T>(&self, owner: T) -> Option<FrontStream> {
        *self.kept() = Kept::Wanted;
        drop(owner);
        match mem::take(&mut *self.kept()) {
            Kept::Here(stream) => Some(stream),
            Kept::Nobody | Kept::Wanted => None,
        }
    }

    pub(super) fn is_left(&self, stream: FrontStream) {
        let mut kept = self.kept();
        if matches!(*kept, Kept::Wanted) {
            *kept = Kept::Here(stream);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(activity: &Arc<Activity>, moment: Moment) -> (Handover<()>, Box<Offer<()>>) {
        let under_way = UnderWay::begin(activity);
        let handover = Handover::new(Arc::clone(activity));
        (handover, Box::new(Offer { answer: Response::new(()), under_way, moment }))
    }

    #[test]
    fn an_answer_is_not_taken_before_a_flush_or_after_more_was_read() {
        let activity = Arc::new(Activity::new());
        assert_eq!(activity.at_head_end(), None);
        activity.heard(40, true);
        let (handover, offer) = offered(&activity, activity.at_head_end().unwrap());
        assert!(!handover.is_clean(&offer), "earlier answers may be left to write");
        activity.flushed();
        assert!(handover.is_clean(&offer));
        activity.awaits_flush();
        assert!(!handover.is_clean(&offer), "something was written since");
        activity.flushed();
        activity.heard(40, true);
        assert!(!handover.is_clean(&offer), "another request came");
    }

    #[tokio::test]
    async fn an_answer_that_is_given_back_is_the_services_again() {
        let activity = Arc::new(Activity::new());
        activity.heard(40, true);
        let (handover, offer) = offered(&activity, activity.at_head_end().unwrap());
        activity.flushed();
        let mut offering = std::pin::pin!(handover.offer(offer));
        assert!(handover.take().is_none());
        assert!(futures_util::poll!(offering.as_mut()).is_pending());
        assert!(!activity.is_flushed(), "a flush from before says nothing");
        let offer = handover.take().unwrap();
        assert!(handover.take().is_none());
        handover.give_back(offer);
        assert!(handover.take().is_none());
        offering.await;
    }
}
