use super::*;

/// Two pushes that are settled together, whatever comes first.
async fn together(
    rig: &Rig,
    faults: impl IntoIterator<Item = Fault>,
) -> (Result<super::super::Pushed, NotPushed>, Result<super::super::Pushed, NotPushed>) {
    rig.push("warm", "d", vec![upsert(1, "e", 1)]).await.unwrap();
    rig.control.hold();
    let begun = rig.control.begun.load(Ordering::Acquire);
    let first = rig.begin_push("warm", "d", vec![upsert(2, "e", 2)]);
    until("a commit", || rig.control.begun.load(Ordering::Acquire) == begun + 1);
    let a = rig.begin_push("a", "d", vec![upsert(1, "e", 1)]);
    until("the first that waits", || rig.service.committer.condition().waiting.0 == 2);
    let b = rig.begin_push("b", "d", vec![upsert(1, "e", 1)]);
    until("the second that waits", || rig.service.committer.condition().waiting.0 == 3);
    // The commit that is held now is not one of those that fail.
    rig.control.release_then_fail(faults);
    first.await.unwrap().unwrap();
    (a.await.unwrap(), b.await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_for_which_there_is_no_space_takes_nobody_with_it() {
    let rig = Rig::start(quiet()).await;
    let (a, b) = together(&rig, [Fault::FullFor("a")]).await;
    assert!(matches!(a, Err(NotPushed::Store(error)) if matches!(*error, StoreError::Full { .. })));
    assert_eq!(b.unwrap().accepted, 1);
    assert_eq!(rig.page("a", 0, 10).await.operations, 0);
    assert_eq!(rig.page("b", 0, 10).await.operations, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_pushes_and_goes_on_by_itself() {
    let rig = Rig::start(quiet()).await;
    rig.push("a", "d", vec![upsert(1, "e", 1)]).await.unwrap();
    rig.control.fail([Fault::FullFor("a")]);
    assert!(rig.push("a", "d", vec![upsert(2, "e", 2)]).await.is_err());
    let report = rig.server.part().check().await;
    assert_eq!(report.state, PartState::Failed);
    assert!(report.detail.contains("make room"), "{}", report.detail);
    rig.control.no_more_faults();
    until("health", || rig.service.committer.condition().trouble.is_none());
    assert_eq!(rig.server.part().check().await.state, PartState::Ready);
    assert_eq!(rig.push("a", "d", vec![upsert(2, "e", 2)]).await.unwrap().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_uncertain_commit_nobody_is_acknowledged_and_the_store_is_opened_until_it_works() {
    let rig = Rig::start(quiet()).await;
    rig.control.broken.store(2, Ordering::Release);
    let (a, b) = together(&rig, [Fault::UncertainBefore]).await;
    for refused in [a, b] {
        assert!(matches!(refused, Err(NotPushed::Store(error)) if matches!(*error, StoreError::Uncertain { .. })));
    }
    until("the store", || rig.control.reopened.load(Ordering::Acquire) == 1);
    until("health", || rig.service.committer.condition().trouble.is_none());
    assert_eq!(rig.push("a", "d", vec![upsert(1, "e", 1)]).await.unwrap().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_opened_anew_pushes_are_refused_at_once_and_the_part_says_why() {
    let rig = Rig::start(quiet()).await;
    rig.control.broken.store(usize::MAX, Ordering::Release);
    rig.control.fail([Fault::UncertainBefore]);
    assert!(rig.push("a", "d", vec![upsert(1, "e", 1)]).await.is_err());
    assert!(matches!(rig.push("a", "d", vec![upsert(1, "e", 1)]).await, Err(NotPushed::Store(_))));
    let report = rig.server.part().check().await;
    assert_eq!(report.state, PartState::Failed);
    assert!(rig.service.committer.condition().trouble.is_some_and(|trouble| trouble.reopening));
    rig.control.broken.store(0, Ordering::Release);
    until("health", || rig.service.committer.condition().trouble.is_none());
    assert_eq!(rig.server.part().check().await.state, PartState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_durable_in_the_moment_of_a_failure_is_a_repetition_afterwards() {
    let rig = Rig::start(quiet()).await;
    let (a, b) = together(&rig, [Fault::UncertainAfter]).await;
    assert!(a.is_err() && b.is_err());
    until("health", || rig.service.committer.condition().trouble.is_none());
    assert_eq!(rig.page("a", 0, 10).await.operations, 1);
    let again = rig.push("a", "d", vec![upsert(1, "e", 1)]).await.unwrap();
    assert_eq!((again.acknowledged, again.accepted, again.repeated, again.head), (1, 0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_opens_again_does_not_keep_the_server_from_stopping() {
    let rig = Rig::start(quiet()).await;
    rig.control.broken.store(usize::MAX, Ordering::Release);
    rig.control.fail([Fault::UncertainBefore]);
    assert!(rig.push("a", "d", vec![upsert(1, "e", 1)]).await.is_err());
    rig.server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_dies_is_seen() {
    let rig = Rig::start(quiet()).await;
    rig.control.fail([Fault::Panic]);
    let pushed = rig.push("a", "d", vec![upsert(1, "e", 1)]).await;
    assert!(matches!(pushed, Err(NotPushed::Stopped)));
    assert!(matches!(rig.push("a", "d", vec![upsert(1, "e", 1)]).await, Err(NotPushed::Stopped)));
    let report = rig.server.part().check().await;
    assert_eq!((report.state, report.detail.contains("has ended")), (PartState::Failed, true));
    rig.server.drain().await;
    assert_eq!(rig.server.part().check().await.state, PartState::Failed);
}
