use std::time::Duration;

use super::*;
use crate::rig::{Rig, hello, quiet, until, upsert};

async fn with_ten(options: Options) -> Rig {
    let rig = Rig::start(options).await;
    let ops = (1..=10).map(|n| upsert(n, &format!("e{n}"), 1)).collect();
    rig.push("notes", "writer", ops).await.unwrap();
    rig
}

fn presented(rig: &Rig, device: &str, cursor: u64) {
    rig.service.replicas.presented(&"notes".into(), &device.into(), cursor);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_replica_begins_at_the_beginning_and_goes_on_where_it_has_got_to() {
    let rig = with_ten(quiet()).await;
    let first = rig.welcome("notes", "d").await;
    assert_eq!((first.resume, first.head, first.reset), (0, 10, false));
    presented(&rig, "d", 4);
    presented(&rig, "d", 7);
    presented(&rig, "d", 5);
    assert_eq!(rig.welcome("notes", "d").await.resume, 7);
    presented(&rig, "d", 11);
    assert_eq!(rig.welcome("notes", "d").await.resume, 7, "nobody has got above the head");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_point_outlasts_a_restart() {
    let rig = with_ten(quiet()).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    let rig = rig.restart(quiet()).await;
    presented(&rig, "d", 8);
    until("the load", || rig.service.replicas.resume_min("notes", 0) == Some(8));
    assert_eq!(rig.welcome("notes", "d").await.resume, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_points_are_written_from_time_to_time_and_with_the_next_commit() {
    let rig = with_ten(Options { replicas_interval: Duration::from_millis(1), ..quiet() }).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    until("it is written", || rig.service.replicas.dirty("notes", 9).is_empty());
    let rig = with_ten(quiet()).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    assert_eq!(rig.service.replicas.dirty("notes", 9).len(), 1);
    rig.push("notes", "writer", vec![upsert(11, "e", 1)]).await.unwrap();
    assert!(rig.service.replicas.dirty("notes", 9).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_remembered_of_a_replica_that_its_token_does_not_name() {
    let rig = with_ten(quiet()).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    let unproved = Hello { proved: false, ..hello("notes", "d") };
    assert_eq!(rig.service.replicas.welcome(unproved.clone()).await.unwrap().resume, 0);
    let claims = Hello { claimed: Some(3), ..unproved };
    assert_eq!(rig.service.replicas.welcome(claims).await.unwrap().resume, 3);
    assert_eq!(rig.welcome("notes", "d").await.resume, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_says_itself_counts_before_what_is_remembered() {
    let rig = with_ten(quiet()).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    let say = |claimed| rig.service.replicas.welcome(Hello { claimed: Some(claimed), ..hello("notes", "d") });
    assert_eq!(say(2).await.unwrap().resume, 2, "it has lost the rest");
    assert_eq!(rig.welcome("notes", "d").await.resume, 2);
    assert_eq!(say(99).await.unwrap().resume, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_of_another_life_begins_anew() {
    let rig = with_ten(quiet()).await;
    let epoch = epoch_hex(rig.welcome("notes", "d").await.epoch);
    presented(&rig, "d", 7);
    let say =
        |epoch: &str| rig.service.replicas.welcome(Hello { epoch: Some(epoch.to_owned()), ..hello("notes", "d") });
    let same = say(&epoch).await.unwrap();
    assert_eq!((same.resume, same.reset), (7, false));
    let other = say("00").await.unwrap();
    assert_eq!((other.resume, other.reset), (0, true));
    assert_eq!(rig.welcome("notes", "d").await.resume, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_emptied_knows_no_replica_and_takes_no_cursor_of_before() {
    let rig = with_ten(quiet()).await;
    let before = rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    let admin = rig.server.admin();
    let emptied = admin.reset_database("notes".to_owned()).await.unwrap();
    assert_eq!((emptied.head, emptied.entities, emptied.log_len), (0, 0, 0));
    assert_ne!(emptied.epoch, epoch_hex(before.epoch));
    let ops = (1..=10).map(|n| upsert(n, "other", 5 + n)).collect();
    assert_eq!(rig.push("notes", "writer", ops).await.unwrap().head, 10);
    presented(&rig, "d", 7);
    let after = rig.welcome("notes", "d").await;
    assert_eq!((after.resume, after.head), (0, 10));
    assert!(rig.pull("notes", 0, 3).await.iter().all(|op| &*op.entity == "other"));
    drop(admin);
    let rig = rig.restart(quiet()).await;
    assert_eq!(rig.welcome("notes", "d").await.resume, 0);
    assert_eq!(epoch_hex(rig.welcome("notes", "d").await.epoch), emptied.epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_reset_begins_anew_whatever_it_still_presents() {
    let rig = with_ten(quiet()).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    let admin = rig.server.admin();
    admin.reset_replica("notes".to_owned(), "d".to_owned()).await.unwrap();
    presented(&rig, "d", 9);
    assert_eq!(rig.welcome("notes", "d").await.resume, 0);
    presented(&rig, "d", 9);
    assert_eq!(rig.welcome("notes", "d").await.resume, 9);
    assert!(admin.reset_replica("notes".to_owned(), "nobody".to_owned()).await.is_err());
    assert!(admin.reset_replica("nothing".to_owned(), "d".to_owned()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_replicas_the_one_that_was_not_heard_of_for_the_longest_is_forgotten() {
    let rig = with_ten(Options { replicas_max: 3, ..quiet() }).await;
    for device in ["a", "b", "c", "d"] {
        rig.welcome("notes", device).await;
        presented(&rig, device, 7);
        rig.pass(Duration::from_secs(60));
    }
    let (known, has_more) = rig.service.replicas.list(&"notes".into(), None, 9).await.unwrap();
    let names: Vec<&str> = known.iter().map(|replica| &*replica.device).collect();
    assert_eq!((names, has_more), (vec!["b", "c", "d"], false));
    assert_eq!(rig.service.pages.figures(&"notes".into()).await.unwrap().replicas, 3);
    let (some, has_more) = rig.service.replicas.list(&"notes".into(), Some("b"), 1).await.unwrap();
    assert_eq!((&*some[0].device, has_more), ("c", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_databases_replicas_conflicts_and_what_an_entity_went_through() {
    let rig = with_ten(quiet()).await;
    rig.welcome("notes", "d").await;
    presented(&rig, "d", 7);
    rig.push("notes", "writer", vec![upsert(11, "e1", 2)]).await.unwrap();
    assert_eq!(rig.push("notes", "d", vec![upsert(1, "e1", 2)]).await.unwrap().conflicts.len(), 1);
    let admin = rig.server.admin();
    let databases = admin.databases(None, 1).await.unwrap();
    assert_eq!((databases.items.len(), databases.has_more), (1, false));
    let database = admin.database("notes".to_owned()).await.unwrap();
    assert_eq!(databases.items[0], database);
    assert_eq!((database.head, database.entities, database.log_len, database.superseded), (11, 10, 11, 1));
    let replicas = admin.replicas("notes".to_owned(), None, 5).await.unwrap().items;
    assert_eq!((replicas.len(), replicas[0].resume, replicas[0].lag), (1, 7, 4));
    assert_eq!((&*replicas[0].seen_at, &*replicas[0].client), ("2023-12-14T16:00:00.000Z", "test 1"));
    let conflicts = admin.conflicts("notes".to_owned(), None, 5).await.unwrap().items;
    assert_eq!((conflicts.len(), conflicts[0].client_version, conflicts[0].again), (1, 2, false));
    let of = |entity: &str| ("notes".to_owned(), "tasks".to_owned(), entity.to_owned());
    let (db, collection, entity) = of("e1");
    let history = admin.history(db, collection, entity, 1).await.unwrap();
    assert_eq!((history.items[0].cursor, history.items[0].version, history.has_more), (11, 2, true));
    let (db, collection, entity) = of("nothing");
    assert!(admin.history(db, collection, entity, 1).await.is_err());
    assert!(admin.database("nothing".to_owned()).await.is_err());
}
