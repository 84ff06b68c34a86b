use anyhow::Result;
use clap::Args;
use sangam_bench_common::process::resident_bytes;
use serde::Serialize;

use crate::control::{ABREAST, cost};
use crate::service::Service;
use crate::turn::TurnClient;

#[derive(Args)]
pub(crate) struct Flood {
    #[command(flatten)]
    service: Service,
    #[arg(long, default_value_t = 5_000)]
    sources: usize,
}

/// Sources that ask before the count begins: they pay for buffers that are used for the first time, in full batches.
const WARM_UP: usize = 4 * ABREAST;

/// What a flood of unauthenticated requests showed.
#[derive(Debug, Serialize)]
struct Outcome {
    sources: usize,
    resident_bytes_per_source: f64,
    cpu_micros_per_request: f64,
    reply_bytes: usize,
}

impl Flood {
    pub(crate) fn run(&self) -> Result<impl Serialize + use<>> {
        let pid = self.service.pid;
        let credentials = self.service.credentials()?;
        let mut clients = Vec::with_capacity(WARM_UP + self.sources);
        for _ in 0..WARM_UP + self.sources {
            clients.push(TurnClient::new(self.service.server())?);
        }
        let (first, others) = clients.split_at_mut(WARM_UP);
        let mut reply_bytes = 0;
        let mut ask = |clients: &mut [TurnClient]| {
            for rank in clients.chunks_mut(ABREAST) {
                rank.iter_mut().try_for_each(TurnClient::ask_allocate)?;
                for client in rank {
                    reply_bytes = client.challenged(&credentials, 0)?;
                }
            }
            Ok(())
        };
        ask(first)?;
        let resident = resident_bytes(pid)?;
        let (cpu, _) = cost(pid, || ask(others))?;
        let grown = resident_bytes(pid)?.saturating_sub(resident);
        let each = others.len() as f64;
        Ok(Outcome {
            sources: self.sources,
            resident_bytes_per_source: grown as f64 / each,
            cpu_micros_per_request: cpu.as_secs_f64() * 1e6 / each,
            reply_bytes,
        })
    }
}
