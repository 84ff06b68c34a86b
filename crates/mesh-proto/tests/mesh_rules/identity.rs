use sangam_mesh_proto::mesh::{Event, Input, Options};
use sangam_mesh_proto::{
    DescriptionKind::{Answer, Offer},
    Failure, LinkState,
    Profile::{Sangam, Synapse},
};

use crate::bench::{Bench, closed, id, marked, sdp, secs};

fn refused(peer: &str) -> Event {
    Event::Refused { peer: id(peer), why: Failure::Identity }
}

#[test]
fn who_is_not_on_the_list_is_neither_dialled_nor_answered() {
    let mut bench = Bench::new("m", Options { allowed: vec![id("z")], ..Options::default() });
    bench.see("y", Sangam);
    bench.pass(secs(5.0));
    bench.hear("y", Sangam, marked(Offer, "x", 1, 1, 1, "new"));
    assert_eq!(bench.did(), []);
    assert!(bench.told().contains(&refused("y")));
    bench.see("z", Sangam);
    assert!(bench.offered().is_some());
}

#[test]
fn where_proof_is_required_nothing_unproven_is_taken() {
    let mut bench = Bench::new("m", Options { proof_required: true, ..Options::default() });
    bench.see("y", Synapse);
    bench.hear("x", Sangam, marked(Offer, "x", 1, 1, 1, "new"));
    assert_eq!(bench.did(), []);
    assert!(bench.told().contains(&refused("x")));
    bench.hear_proven("x", Sangam, marked(Offer, "x", 1, 1, 1, "new"), true);
    assert!(bench.answered().is_some());
    bench.see("z", Sangam);
    bench.pass(secs(0.1));
    let link = bench.offered().unwrap();
    bench.describe(link, Offer, "our1");
    bench.did();
    bench.hear("z", Sangam, sdp(Answer, "t", "AA"));
    assert_eq!(bench.did(), [], "an answer without proof changes nothing: the true one may follow");
    bench.pass(secs(9.1));
    assert_eq!(closed(&bench.did()), [(link, Failure::NoAnswer)]);
}

#[test]
fn who_has_proved_its_id_is_not_believed_without() {
    let mut bench = Bench::new("m", Options::default());
    bench.hear_proven("z", Sangam, marked(Offer, "x", 1, 1, 1, "new"), true);
    let link = bench.answered().unwrap();
    bench.describe(link, Answer, "our1");
    bench.is(link, LinkState::Open);
    bench.did();
    bench.told();
    bench.hear("z", Synapse, sdp(Offer, "forged", "AA"));
    assert_eq!((bench.did(), bench.told()), (vec![], vec![refused("z")]));
    bench.hear_proven("z", Sangam, marked(Offer, "y", 2, 2, 1, "new"), true);
    assert!(bench.answered().is_some());
}

#[test]
fn who_turns_out_to_be_another_is_no_longer_whom_it_was_taken_for() {
    let mut bench = Bench::new("m", Options::default());
    let link = bench.linked("name", Synapse);
    bench.feed(Input::Identified { link, peer: id("key1") });
    bench.see("key1", Synapse);
    bench.pass(secs(3.5));
    assert_eq!(bench.offered(), None, "it is linked under its other name");
    bench.feed(Input::Identified { link, peer: id("key2") });
    bench.see("key2", Synapse);
    bench.pass(secs(3.5));
    assert!(bench.offered().is_some_and(|dialled| bench.mesh.peer_of(dialled) == Some(&id("key1"))));
}
