use std::collections::BTreeMap;
use std::str::FromStr;

use anyhow::{Context, Error, Result};
use clap::Args;
use sangam_sync_proto::Operation;
use serde::Serialize;

use crate::operation::number_of;
use crate::target::{Replica, Target};

#[derive(Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    target: Target,
    /// A replica and the number of the last operation that the server acknowledged to it: `r0=1200`
    #[arg(long = "acknowledged")]
    acknowledged: Vec<Acknowledged>,
}

#[derive(Clone, Debug)]
struct Acknowledged {
    device: String,
    last: u64,
}

impl FromStr for Acknowledged {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (device, last) = text.split_once('=').context("no `=`")?;
        Ok(Self { device: device.to_owned(), last: last.parse()? })
    }
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Audited {
    /// Operations that the log holds, whoever pushed them.
    operations: u64,
    acknowledged: u64,
    /// Of these, those that the log does not hold.
    missing: u64,
}

/// What the log was seen to hold of one replica.
struct Seen {
    expected: u64,
    last: u64,
    count: u64,
}

impl Audit {
    pub(crate) async fn run(&self) -> Result<Audited> {
        let mut replica = Replica::connect(&self.target, "auditor").await?;
        let (mut ledger, mut since) = (Ledger::new(&self.acknowledged), 0);
        loop {
            let page = replica.page(since, 1_000).await?;
            page.ops.iter().for_each(|op| ledger.see(op));
            since = page.next;
            if !page.has_more {
                return Ok(ledger.close());
            }
        }
    }
}

struct Ledger {
    operations: u64,
    replicas: BTreeMap<String, Seen>,
}

impl Ledger {
    fn new(acknowledged: &[Acknowledged]) -> Self {
        let replicas =
            acknowledged.iter().map(|a| (a.device.clone(), Seen { expected: a.last, last: 0, count: 0 })).collect();
        Self { operations: 0, replicas }
    }

    /// The log is read in order, and a replica pushes in order of its numbers: one that comes again is not new.
    fn see(&mut self, op: &Operation) {
        self.operations += 1;
        let Some(seen) = self.replicas.get_mut(&*op.device) else { return };
        // In a pull `opId` is the cursor.
        let Some(number) = number_of(&op.entity) else { return };
        if number > seen.last && number <= seen.expected {
            seen.last = number;
            seen.count += 1;
        }
    }

    fn close(self) -> Audited {
        let sum = |figure: fn(&Seen) -> u64| self.replicas.values().map(figure).sum();
        let acknowledged: u64 = sum(|seen| seen.expected);
        Audited { operations: self.operations, acknowledged, missing: acknowledged - sum(|seen| seen.count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operations;

    #[test]
    fn what_was_acknowledged_and_is_not_there_is_missing() {
        let mut ledger = Ledger::new(&["a=5".parse().unwrap(), "b=2".parse().unwrap()]);
        let (mut ops, _) = Operations::new("d", "a").take(7);
        let again = ops[0].clone();
        ops.remove(3);
        ops.push(again);
        // As the server gives them.
        for (at, op) in ops.iter_mut().enumerate() {
            op.op_id = 1_000 + at as u64;
        }
        ops.iter().for_each(|op| ledger.see(op));
        // Number 4 of a, both of b; numbers 6 and 7 were not acknowledged and may be there.
        assert_eq!(ledger.close(), Audited { operations: 7, acknowledged: 7, missing: 3 });
    }
}
