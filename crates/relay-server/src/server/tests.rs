mod replacement;

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

#[test]
fn a_relay_whose_sockets_are_bound_but_whose_threads_do_not_answer_has_failed() {
    let groups = Arc::new(bind_listeners(&options()).unwrap());
    let faces = (0..2).map(|_| ThreadFace::new(Arc::new(Waker::new().unwrap()), 1, 1, 1)).collect();
    let directory = Arc::new(Directory::new([], &(1..=1)));
    let shared = Arc::new(Shared::new(directory, faces, Live::default(), Vec::new()));
    let part = RelayPart::new(Arc::clone(&shared), Arc::downgrade(&groups), Arc::default());
    let report = part.check_now();
    assert_eq!(report.state, PartState::Failed);
    let addr = groups[0].local();
    let expected = format!(
        "no allocation could be made: thread 0 does not turn; thread 1 does not turn; \
         thread A on UDP {addr}, Allocate without a credential: no answer; \
         thread B on UDP {addr}, Allocate without a credential: no answer"
    );
    let named = |[a, b]: [&str; 2]| expected.replace("thread A", a).replace("thread B", b);
    let expected = [["thread 0", "thread 1"], ["thread 1", "thread 0"]].map(named);
    assert!(expected.contains(&report.detail), "{report:?}");
}
