use sangam_mesh_proto::mesh::{Action, Event, Options};
use sangam_mesh_proto::{
    DescriptionKind::{Answer, Offer},
    Failure, LinkState,
    Profile::{Agent, Sangam, Synapse},
};

use crate::bench::{Bench, closed, id, marked, sdp, secs};

#[test]
fn the_larger_id_gives_its_offer_up_and_answers() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("a", Sangam);
    bench.pass(secs(2.1));
    let ours = bench.offered().unwrap();
    bench.describe(ours, Offer, "our1");
    bench.did();
    bench.hear("a", Sangam, marked(Offer, "their1", 7, 5, 1, "new"));
    assert_eq!(closed(&bench.acts), [(ours, Failure::Replaced)]);
    let theirs = bench.answered().unwrap();
    assert_ne!(theirs, ours, "an answer is a connection of its own");
    assert!(bench.told().contains(&Event::Glare { peer: id("a"), kept: false }));
}

#[test]
fn the_smaller_id_ignores_the_offer_that_crosses_its_own() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let ours = bench.offered().unwrap();
    bench.describe(ours, Offer, "our1");
    bench.did();
    bench.hear("z", Sangam, marked(Offer, "their1", 7, 5, 1, "new"));
    assert_eq!(bench.did(), []);
    assert!(bench.told().contains(&Event::Glare { peer: id("z"), kept: true }));
}

#[test]
fn an_offer_that_was_not_told_yet_gives_way_whoever_has_the_smaller_id() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let ours = bench.offered().unwrap();
    bench.hear("z", Sangam, marked(Offer, "their1", 7, 5, 1, "new"));
    assert_eq!(closed(&bench.acts), [(ours, Failure::Replaced)]);
    assert!(bench.answered().is_some());
}

#[test]
fn an_offer_of_synapse_that_crosses_ours_is_ignored_and_the_answer_taken() {
    let mut bench = Bench::new("z", Options::default());
    bench.see("a", Synapse);
    let ours = bench.offered().unwrap();
    bench.describe(ours, Offer, "our1");
    bench.did();
    bench.hear("a", Synapse, sdp(Offer, "their1", "AA"));
    assert_eq!(bench.did(), []);
    let answer = sdp(Answer, "their2", "BB");
    bench.hear("a", Synapse, answer.clone());
    assert_eq!(bench.did(), [Action::Accept { link: ours, answer }]);
    bench.hear("a", Synapse, sdp(Offer, "their3", "AA"));
    assert_eq!(bench.did(), [], "nor one that was overtaken by the answer");
    bench.is(ours, LinkState::Open);
    assert_eq!(bench.mesh.link_of(&id("a")), Some((ours, LinkState::Open)));
}

#[test]
fn an_agent_is_answered_whatever_was_offered_to_it() {
    let mut bench = Bench::new("a", Options::default());
    bench.see("z", Agent);
    bench.pass(secs(3.1));
    let ours = bench.offered().unwrap();
    bench.describe(ours, Offer, "our1");
    bench.did();
    bench.hear("z", Agent, sdp(Offer, "their1", "AA"));
    assert_eq!(closed(&bench.acts), [(ours, Failure::Replaced)]);
    assert!(bench.answered().is_some());
}

#[test]
fn renewals_that_cross_follow_the_same_order() {
    for (us, peer, kept) in [("m", "z", true), ("m", "a", false)] {
        let mut bench = Bench::new(us, Options::default());
        let link = bench.linked(peer, Sangam);
        bench.feed(sangam_mesh_proto::mesh::Input::NetworkChanged);
        bench.pass(secs(0.3));
        assert!(matches!(bench.did()[..], [Action::Restart { link: restarted, .. }] if restarted == link));
        bench.describe(link, Offer, "our2");
        let restart = bench.acts.iter().find_map(crate::bench::sent_description).unwrap();
        let session = crate::bench::session_of(&restart);
        bench.did();
        bench.hear(peer, Sangam, marked(Offer, "their2", session, 5, 11, "restart"));
        let renewed = matches!(bench.did()[..], [Action::Reanswer { link: renewed, .. }] if renewed == link);
        assert_eq!(renewed, !kept);
        assert!(bench.told().contains(&Event::Glare { peer: id(peer), kept }));
    }
}

/// As when a server drops one of two offers that meet.
#[test]
fn the_smaller_id_gives_way_to_an_offer_that_is_said_again_while_its_own_stays_unanswered() {
    let mut bench = Bench::new("m", Options::default());
    bench.see("z", Sangam);
    let ours = bench.offered().unwrap();
    bench.describe(ours, Offer, "our1");
    let offer = marked(Offer, "their1", 7, 5, 1, "new");
    bench.hear("z", Sangam, offer.clone());
    assert!(bench.answered().is_none());
    bench.pass(secs(1.6));
    bench.hear("z", Sangam, offer);
    assert!(bench.answered().is_some());
}
