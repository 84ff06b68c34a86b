//! A peer's candidate that the relay's host has no way to costs the datagrams sent there, never the call.
//!
//! One call of each kind here; `cargo xtask natlab-routes` makes five of each and prints a table.
//!
//! The control, `cargo xtask natlab-routes --coturn`, several runs together, coturn 4.6.1 of Debian 12: with a default route 5 of
//! 5 calls passed their bytes; with no route 0 of 13, `unreachable` 2 of 13, `prohibit` 0 of 8, `blackhole` 0 of 3. In those
//! that failed the channel opened, then nothing came back for 40 s. Nothing here asserts that.

use anyhow::{Result, ensure};
use sangam_interop::natlab::{RouteKind, UnroutableLab};

fn a_call_connects(kind: RouteKind) -> Result<()> {
    let lab = UnroutableLab::with_sangam(kind)?;
    let call = lab.call()?;
    ensure!(call.bytes == 3_000_000 && call.pair.contains("relay"), "{call:?}");
    // Else nothing was shown: the candidate must have been tried.
    ensure!(lab.unroutable()?.is_some_and(|datagrams| datagrams > 0), "no send call failed");
    Ok(())
}

#[test]
fn a_call_connects_although_the_relay_has_no_route_to_one_candidate() -> Result<()> {
    a_call_connects(RouteKind::Absent)
}

#[test]
fn a_call_connects_although_one_candidate_is_unreachable_from_the_relay() -> Result<()> {
    a_call_connects(RouteKind::Unreachable)
}

#[test]
fn a_call_connects_although_the_relay_is_prohibited_from_one_candidate() -> Result<()> {
    a_call_connects(RouteKind::Prohibit)
}

#[test]
fn a_call_connects_although_the_relays_route_to_one_candidate_is_a_black_hole() -> Result<()> {
    a_call_connects(RouteKind::Blackhole)
}
