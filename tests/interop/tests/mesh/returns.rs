//! Links return by themselves, whatever happened. `cargo xtask links` measures how fast, with longer silences.

use std::time::Duration;

use anyhow::Result;
use sangam_interop::returning::{Trouble, TroubledPair};

/// Messages pass again after it; how fast is measured elsewhere, on a machine that does nothing else.
fn returns_after(trouble: Trouble) -> Result<()> {
    let mut pair = TroubledPair::start(trouble)?;
    let took = pair.returns(trouble)?;
    println!("{trouble}: {took:?}");
    Ok(())
}

#[test]
fn a_link_goes_on_while_the_server_restarts_and_a_new_one_forms_after_it() -> Result<()> {
    let mut pair = TroubledPair::start(Trouble::ServerRestart)?;
    pair.returns(Trouble::ServerRestart)?;
    pair.returns(Trouble::Crash)?;
    Ok(())
}

#[test]
fn a_relayed_link_returns_after_its_relay_restarted() -> Result<()> {
    returns_after(Trouble::RelayRestart)
}

#[test]
fn a_link_returns_after_a_nat_has_rebound() -> Result<()> {
    returns_after(Trouble::Rebind)
}

#[test]
fn a_link_returns_after_a_cut() -> Result<()> {
    returns_after(Trouble::Cut(Duration::from_secs(5)))
}

#[test]
fn a_link_returns_after_a_sleep() -> Result<()> {
    returns_after(Trouble::Sleep(Duration::from_secs(8)))
}

#[test]
fn a_link_returns_after_a_peer_has_crashed() -> Result<()> {
    returns_after(Trouble::Crash)
}

#[test]
fn a_link_returns_after_a_peer_stopped_and_started() -> Result<()> {
    returns_after(Trouble::StopAndStart)
}

#[test]
fn a_link_returns_after_its_address_is_gone() -> Result<()> {
    returns_after(Trouble::AddressChange)
}
