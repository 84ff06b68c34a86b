use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::{BoxFuture, pending};

use super::*;

/// Far longer than any of these tests may take: a bound that must not be met.
const NEVER: Duration = Duration::from_secs(600);

/// A part that does as told and counts how often it is asked.
struct Fake {
    name: &'static str,
    behaviour: Behaviour,
    asked: AtomicU32,
}

enum Behaviour {
    Answers(PartState),
    Hangs,
    Panics,
}

impl Fake {
    fn new(name: &'static str, behaviour: Behaviour) -> Arc<Self> {
        Arc::new(Self { name, behaviour, asked: AtomicU32::new(0) })
    }
}

impl Part for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn check(&self) -> BoxFuture<'_, PartReport> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.behaviour {
            Behaviour::Answers(state) => Box::pin(async move {
                tokio::task::yield_now().await;
                PartReport { state, detail: "as told".to_owned() }
            }),
            Behaviour::Hangs => Box::pin(pending()),
            Behaviour::Panics => panic!("as told"),
        }
    }
}

fn checks(parts: &[Arc<Fake>], limit: Duration, keep: Duration) -> Checks {
    let parts = parts.iter().map(|part| Arc::clone(part) as Arc<dyn Part>).collect();
    Checks::new(parts, HttpMetrics::default(), limit, keep)
}

#[tokio::test]
async fn parts_that_hang_or_panic_have_failed_and_hide_no_other() {
    let parts = [
        Fake::new("hangs", Behaviour::Hangs),
        Fake::new("hangs_too", Behaviour::Hangs),
        Fake::new("panics", Behaviour::Panics),
        Fake::new("works", Behaviour::Answers(PartState::Ready)),
    ];
    let verdict = checks(&parts, Duration::from_millis(5), NEVER).verdict().await;
    let found: Vec<_> = verdict.parts.iter().map(|part| (part.name, part.report.state)).collect();
    let failed = PartState::Failed;
    let expected = [("hangs", failed), ("hangs_too", failed), ("panics", failed), ("works", PartState::Ready)];
    assert_eq!(found, expected);
    assert_eq!(verdict.parts[0].report.detail, "the check did not answer within 5 ms");
    assert!(!verdict.ready());
}

#[tokio::test]
async fn ready_is_to_take_work_and_healthy_is_to_lack_nothing() {
    for (state, ready, healthy) in [
        (PartState::Ready, true, true),
        (PartState::Degraded, true, false),
        (PartState::Draining, false, false),
        (PartState::Failed, false, false),
    ] {
        let parts = [Fake::new("a", Behaviour::Answers(PartState::Ready)), Fake::new("b", Behaviour::Answers(state))];
        let verdict = checks(&parts, NEVER, NEVER).verdict().await;
        assert_eq!((verdict.ready(), verdict.healthy()), (ready, healthy), "{state:?}");
    }
}

#[tokio::test]
async fn a_crowd_costs_one_round() {
    let parts = [Fake::new("a", Behaviour::Answers(PartState::Ready))];
    let checks = checks(&parts, NEVER, NEVER);
    join_all((0..100).map(|_| checks.verdict())).await;
    assert_eq!(parts[0].asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_verdict_past_its_time_is_made_anew() {
    let parts = [Fake::new("a", Behaviour::Answers(PartState::Ready))];
    let checks = checks(&parts, NEVER, Duration::ZERO);
    checks.verdict().await;
    checks.verdict().await;
    assert_eq!(parts[0].asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_client_that_leaves_during_a_round_blocks_nobody() {
    let parts = [Fake::new("a", Behaviour::Answers(PartState::Ready))];
    let checks = checks(&parts, NEVER, NEVER);
    assert!(checks.verdict().now_or_never().is_none(), "the round has begun and waits for the part");
    assert!(checks.verdict().await.ready());
}
