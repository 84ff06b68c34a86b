//! What a command prints for its caller.

use std::io::{self, Write as _};

use anyhow::Context as _;

/// Prints `text` on standard output. A reader that has seen enough (`sangam config print | head`) is no error.
///
/// # Errors
///
/// The output cannot be written, to a full disk for instance.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output cannot be written; check where it leads and whether there is room"),
    }
}
