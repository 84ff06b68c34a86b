use anyhow::Result;
use sangam_sync_proto::Name;
use sangam_sync_proto::message::PushRequest;
use std::sync::Arc;

use crate::device::{client, operation};
use crate::server;
use crate::trace::{Exchange, pushes};
use crate::tracer::Tracer;

const PUSHES: u64 = 5;

#[test]
fn the_sync_of_a_push_has_returned_before_its_answer_is_written() -> Result<()> {
    let server = server().start()?;
    let dir = tempfile::tempdir()?;
    let output = dir.path().join("trace");
    let calls = "trace=pwrite64,fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";
    let tracer = Tracer::attach(&server, &output, &["-y", "-s", "64", "-e", calls])?;
    let (db, device) = (Name::from("db"), Name::from("device"));
    let client = client(&format!("http://{}", server.listener("http")?), &db, Some(&device))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for number in 1..=PUSHES {
        let ops = vec![operation(&db, &device, number)];
        let request = PushRequest { db: Arc::clone(&db), device: Arc::clone(&device), ops };
        assert_eq!(runtime.block_on(client.push(&request))?.acknowledged, number);
    }
    tracer.detach()?;
    let trace = std::fs::read_to_string(output)?;
    let durable = Exchange { written: true, synced: true };
    assert_eq!(pushes(&trace)?, vec![durable; PUSHES as usize], "{trace}");
    Ok(())
}
