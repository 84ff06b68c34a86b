//! A model that is too simple to be wrong predicts what the server says to any sequence of requests, moves, data and waits.

use proptest::collection::vec;
use proptest::prelude::*;
use sangam_turn_proto::{Limits, Method, Options};

use self::naive::Model;
use self::operation::op;
use self::played::perform;
use crate::fixture::{Client, House, UDP, options, secs};

mod naive;
mod operation;
mod played;

const CLIENTS: usize = 5;
/// The second and the last are one person with two credentials.
const USERS: [&str; 4] = ["alice", "1800000000:bob", "carol", "1800000900:bob"];
const NUMBERS: [u16; 4] = [0x4000, 0x4001, 0x4FFF, 0x5000];
const NUMBER_MAX: u16 = 0x4FFF;
/// Of allocations, of one user's, of permissions and of channels.
const LIMITS: [usize; 4] = [3, 2, 2, 2];

fn small_house() -> House {
    let [allocations, allocations_per_user, permissions, channels] = LIMITS;
    let limits = Limits { allocations, allocations_per_user, permissions, channels, ..Limits::default() };
    let nonce_lifetime = secs(1_000_000);
    House::new(Options { limits, mobility: true, nonce_lifetime, channel_number_max: NUMBER_MAX, ..options() })
}

/// Each client as each user.
fn clients_of(house: &mut House) -> Vec<[Client; USERS.len()]> {
    (1..=CLIENTS as u16).map(|port| USERS.map(|user| house.client(port, user))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_server_does_what_the_model_predicts(ops in vec(op(), 1..100)) {
        let mut house = small_house();
        let clients = clients_of(&mut house);
        let mut model = Model::default();
        for (at, op) in ops.iter().enumerate() {
            let user = model.user_of(op);
            let predicted = model.predict(op, user);
            let seen = perform(&mut house, &clients, &mut model, op, user);
            prop_assert_eq!(seen, predicted, "operation {} is {:?}", at, op);
        }
        house.pass(secs(0));
        prop_assert_eq!(house.server.stats().allocations_live, model.live().count() as u64);
        house.pass(secs(3_600));
        prop_assert_eq!(house.server.stats().allocations_live, 0);
        prop_assert_eq!(house.deadline, None, "nothing is left to wait for");
        prop_assert_eq!(house.all_closed(), house.opened(), "every socket is closed, and once");
        let mut ended: Vec<_> = house.ended_paths.iter().map(|path| played::client_at(&clients, path)).collect();
        ended.sort_unstable();
        prop_assert_eq!(ended, model.ended_paths(), "every path of a client with a ticket ends, and once");
        for (client, user) in [(0, 0), (1, 0), (2, 1)] {
            let again = house.ask(&clients[client][user], Method::ALLOCATE, &[UDP]);
            prop_assert_eq!(again.code(), None, "no quota is used up");
        }
    }
}
