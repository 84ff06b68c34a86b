use sangam_turn_proto::{Attribute, EndCause, ErrorCode, Event, Method};

use crate::fixture::{House, options, secs};

#[test]
fn a_refresh_makes_an_allocation_last_from_now() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    house.pass(secs(500));
    let reply = house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(1_000)]);
    assert_eq!((reply.code(), reply.lifetime_secs()), (None, 1_000));
    assert_eq!(house.deadline.unwrap().at, house.now.mono + secs(1_000));
    assert!(matches!(house.events.last(), Some(Event::Refreshed { lifetime, .. }) if *lifetime == secs(1_000)));
    house.pass(secs(999));
    assert_eq!(house.ask(&client, Method::REFRESH, &[]).lifetime_secs(), 600);
}

#[test]
fn a_refresh_with_lifetime_zero_ends_the_allocation_at_once() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let reply = house.ask(&client, Method::REFRESH, &[Attribute::Lifetime(0)]);
    assert_eq!((reply.code(), reply.lifetime_secs()), (None, 0));
    assert!(matches!(house.events.last(), Some(Event::Deleted { cause: EndCause::Client, .. })));
    assert_eq!((house.closed.len(), house.deadline), (1, None));
    assert_eq!(house.refresh(&client, 0), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn a_refresh_without_an_allocation_gets_437() {
    let mut house = House::new(options());
    let client = house.client(1, "alice");
    assert_eq!(house.refresh(&client, 600), Some(ErrorCode::AllocationMismatch));
}

#[test]
fn a_refresh_that_names_a_family_must_name_the_allocations() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    for (family, code) in
        [(1, None), (2, Some(ErrorCode::PeerAddressFamilyMismatch)), (9, Some(ErrorCode::PeerAddressFamilyMismatch))]
    {
        let reply = house.ask(&client, Method::REFRESH, &[Attribute::RequestedAddressFamily(family)]);
        assert_eq!(reply.code(), code, "{family}");
    }
}

#[test]
fn a_malformed_lifetime_changes_nothing() {
    let mut house = House::new(options());
    let client = house.allocated(1);
    let malformed = Attribute::Other(sangam_turn_proto::AttributeType::LIFETIME, &[0, 0]);
    assert_eq!(house.ask(&client, Method::REFRESH, &[malformed]).code(), Some(ErrorCode::BadRequest));
    assert_eq!(house.server.stats().allocations_live, 1);
}
