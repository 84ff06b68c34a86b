//! A relay on loopback for trying other people's clients against it. Give it a listen address, the realm, a secret
//! and, if wanted, the number of threads; it runs until its standard input ends, and then prints its figures.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use sangam_auth::turn::{RestOptions, RestSecret, RestSecrets};
use sangam_relay_server::{NonceSecret, Options, RelayServer};
use sangam_telemetry::metrics::relay::RelayMetrics;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().with_context(|| format!("{what} is missing"));
    let listen = next("the listen address")?.parse()?;
    let realm = next("the realm")?;
    let secret = RestSecret::new(next("the secret")?);
    let secrets = RestSecrets::new(vec![secret], RestOptions::default())?;
    let mut options =
        Options::new(vec![listen], realm, Arc::new(ArcSwap::from_pointee(secrets)), NonceSecret(rand::random()));
    if let Some(threads) = arguments.next() {
        options.threads = threads.parse()?;
    }
    let server = RelayServer::start(options, &RelayMetrics::default())?;
    println!("listening on {:?}", server.listen_addrs());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{:#?}", server.snapshot());
    server.stop(Duration::ZERO);
    Ok(())
}
