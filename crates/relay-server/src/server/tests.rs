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
    let faces = (0..2).map(|_| ThreadFace::new(Arc::new(Waker::new().unwrap()), 1, 1)).collect();
    let directory = Arc::new(Directory::new([], &(1..=1)));
    let shared = Arc::new(Shared::new(directory, faces, Live::default()));
    let part = RelayPart::new(Arc::clone(&shared), Arc::downgrade(&groups), Arc::default());
    let report = part.check_now();
    assert_eq!(report.state, PartState::Failed);
    assert_eq!(report.detail, "no Binding request was answered within 500ms");
}
