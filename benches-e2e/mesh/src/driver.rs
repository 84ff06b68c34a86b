use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use sangam_testkit::network::{Host, Impairment, Network};
use serde::Serialize;

use crate::process::{self, End, Kind};

/// Two hosts on one internet, with an end on each.
pub(crate) struct Pair {
    pub(crate) offerer: End,
    pub(crate) answerer: End,
    // In this order: the internet goes last.
    _hosts: [Host; 2],
    _network: Network,
}

/// What lies between the ends.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Way {
    /// Round trip in milliseconds; 0 is a plain cable
    #[arg(long, default_value_t = 0)]
    round_trip_millis: u64,
}

/// Connects one after the other.
#[derive(Args)]
pub(crate) struct Connect {
    #[command(flatten)]
    kind: Kind,
    #[command(flatten)]
    way: Way,
    /// How many, after one that warms up
    #[arg(long, default_value_t = 20)]
    connects: u64,
}

/// How long each took.
#[derive(Debug, Serialize)]
pub(crate) struct Connected {
    millis: Vec<f64>,
}

impl Pair {
    pub(crate) fn start(kind: &Kind, way: Way) -> Result<Self> {
        let network = Network::new()?;
        let delay = Duration::from_millis(way.round_trip_millis) / 2;
        let impairment = (!delay.is_zero()).then(|| Impairment { delay, ..Impairment::default() });
        let one = network.host_over("one", &[IpAddr::V4(Ipv4Addr::new(20, 0, 0, 1))], impairment)?;
        let other = network.host("other", &[IpAddr::V4(Ipv4Addr::new(20, 0, 1, 1))])?;
        let offerer = End::start(kind, &one, 0)?;
        let answerer = End::start(kind, &other, 1)?;
        Ok(Self { offerer, answerer, _hosts: [one, other], _network: network })
    }

    pub(crate) fn connect(&mut self, link: u64) -> Result<()> {
        process::connect(&mut self.offerer, &mut self.answerer, link)
    }

    pub(crate) fn close(&mut self, link: u64) -> Result<()> {
        self.offerer.close(link)?;
        self.answerer.close(link)
    }
}

impl Connect {
    pub(crate) fn run(&self) -> Result<Connected> {
        let mut pair = Pair::start(&self.kind, self.way)?;
        process::raise_threads(&self.kind)?;
        let mut millis = Vec::new();
        for link in 0..=self.connects {
            let began = Instant::now();
            pair.connect(link)?;
            if link > 0 {
                millis.push(began.elapsed().as_secs_f64() * 1e3);
            }
            pair.close(link)?;
        }
        Ok(Connected { millis })
    }
}
