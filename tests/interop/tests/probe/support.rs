use std::path::PathBuf;

use anyhow::Result;
use sangam_interop::{Probe, Probed};
use tempfile::TempDir;

/// Runs a probe without anything in its environment.
pub(crate) fn probe(words: &[&str]) -> Result<Probed> {
    Probe::new(words)?.run()
}

/// Runs a probe with one variable.
pub(crate) fn probe_with(variable: (&str, &str), words: &[&str]) -> Result<Probed> {
    Probe::new(words)?.environment(variable.0, variable.1).run()
}

/// Asserts exit 0 and that nothing is wrong.
#[track_caller]
pub(crate) fn assert_fine(probed: &Probed) {
    assert_eq!(probed.code, Some(0), "{}", probed.output);
    assert_eq!(probed.report["ok"], true, "{}", probed.output);
    assert_eq!(probed.finding("failed"), "");
}

/// Asserts exit 1 and that the failure, its cause or its mend says all these words.
#[track_caller]
pub(crate) fn assert_no(probed: &Probed, words: &[&str]) {
    assert_eq!(probed.code, Some(1), "{}", probed.output);
    assert_eq!(probed.report["ok"], false, "{}", probed.output);
    let failure = probed.finding("failed");
    assert!(failure.contains("\"cause\"") && failure.contains("\"mend\""), "{failure}");
    for word in words {
        assert!(failure.contains(word), "`{word}` is not in {failure}");
    }
}

/// A certificate for `localhost` that nobody signed, its key, and the directory they lie in.
pub(crate) struct Certificate {
    pub(crate) dir: TempDir,
}

impl Certificate {
    pub(crate) fn make() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        std::fs::write(dir.path().join("cert.pem"), made.cert.pem())?;
        std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem())?;
        Ok(Self { dir })
    }

    pub(crate) fn cert(&self) -> String {
        text(self.dir.path().join("cert.pem"))
    }

    pub(crate) fn key(&self) -> String {
        text(self.dir.path().join("key.pem"))
    }
}

fn text(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
