use arc_swap::ArcSwap;
use sangam_auth::turn::{RestOptions, RestSecret, RestSecrets};
use sangam_control::PartState;
use sangam_turn_proto::NonceSecret;

use super::*;

fn options() -> Options {
    let secrets = RestSecrets::new(vec![RestSecret::new("s")], RestOptions::default()).unwrap();
    let listen = vec!["127.0.0.1:0".parse().unwrap()];
    let options = Options::new(listen, "sangam", Arc::new(ArcSwap::from_pointee(secrets)), NonceSecret([0; 32]));
    Options { threads: 2, ..options }
}

fn part(server: &RelayServer) -> RelayPart {
    RelayPart::new(Arc::clone(&server.shared), Arc::downgrade(&server.groups), Arc::default())
}

#[test]
fn a_thread_that_panics_is_counted_and_reported() {
    let server = RelayServer::start(options(), &RelayMetrics::default()).unwrap();
    assert_eq!(part(&server).check_now().state, PartState::Ready);
    run_noticed(&server.shared, 1, || panic!("as a defect would"));
    let report = part(&server).check_now();
    assert_eq!(report.state, PartState::Failed);
    assert_eq!(report.detail, "1 of 2 relay threads have failed: start again");
    assert_eq!((server.snapshot().thread_failures, server.snapshot().threads_running), (1, 1));
}

#[test]
fn a_relay_whose_sockets_are_bound_but_whose_threads_do_not_answer_has_failed() {
    let groups = Arc::new(bind_listeners(&options()).unwrap());
    let wakers: Vec<Arc<Waker>> = (0..2).map(|_| Arc::new(Waker::new().unwrap())).collect();
    let directory = Arc::new(Directory::new([], &(1..=1)));
    let shared = Arc::new(Shared::new(directory, &wakers, Live::default()));
    let part = RelayPart::new(Arc::clone(&shared), Arc::downgrade(&groups), Arc::default());
    let report = part.check_now();
    assert_eq!(report.state, PartState::Failed);
    assert_eq!(report.detail, "no Binding request was answered within 500ms");
}
