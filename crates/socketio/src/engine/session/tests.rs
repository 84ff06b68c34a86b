use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use super::*;
use crate::engine::table::Entry;
use crate::engine::{Clock, EngineOptions};
use crate::upper::{Forbidden, Lower, Opening, Upper};

/// Counts how often it heard of the end.
#[derive(Clone, Default)]
struct Nothing(Arc<AtomicU32>);

impl UpperFactory for Nothing {
    type Upper = Self;

    fn open(&self, _: Opening) -> Result<Self, Forbidden> {
        Ok(self.clone())
    }
}

impl Upper for Nothing {
    fn received(&mut self, _: Mono, _: Frame, _: &mut dyn Lower) {}

    fn woken(&mut self, _: Mono, _: &mut dyn Lower) {}

    fn deadline(&self) -> Option<Mono> {
        None
    }

    fn closed(&mut self, _: Mono, reason: CloseReason) {
        assert_eq!(reason, CloseReason::TransportClose);
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What stands above, boxed or not, comes on top of this. The task's own header takes about a hundred bytes more.
const TASK_BYTES_MAX: usize = 1_024;

fn task() -> (Arc<Shared<Nothing>>, Box<SessionTask<Nothing>>) {
    let shared = Arc::new(Shared::new(EngineOptions::default(), Nothing::default(), Clock::since(Instant::now())));
    let sid = Sid::random();
    let core = Session::open("s1", TransportKind::Polling, shared.options.session, Mono::ZERO);
    let place = shared.admission.admit([192, 0, 2, 1].into()).unwrap();
    let wake = Arc::new(Notify::new());
    shared.table.insert(sid, Entry { wake: Arc::clone(&wake), gate: None });
    let parts = Parts { sid, core, upper: shared.factory.clone(), wake, place };
    let task = SessionTask::new(Arc::clone(&shared), parts);
    (shared, task)
}

#[test]
fn a_session_whose_websocket_never_opens_is_ended_and_forgotten() {
    let (shared, task) = task();
    let sid = task.sid;
    assert!(shared.table.find(sid).is_some());
    drop(task);
    assert!(shared.table.find(sid).is_none());
    assert_eq!((shared.admission.open(), shared.factory.0.load(Ordering::Relaxed)), (0, 1));
}

#[test]
fn a_session_that_waits_is_small() {
    let (_shared, task) = task();
    let state = size_of_val(&*task);
    let (_orders, receiver) = tokio::sync::mpsc::channel(1);
    let (answer, _reply) = tokio::sync::oneshot::channel();
    let future = size_of_val(&task.on_polling(Polling::new(receiver, answer)).run());
    println!(
        "core {}, state {state}, task {future}, WebSocket {}, polling {}",
        size_of::<Session>(),
        size_of::<Socket>(),
        size_of::<Polling>(),
    );
    assert!(state + future <= TASK_BYTES_MAX, "{state} and {future} bytes");
}
