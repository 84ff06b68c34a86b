use std::io::{IsTerminal as _, Write as _, stderr};

/// What is being done, on one line of a terminal; elsewhere nothing, since each wait is short.
pub(super) struct Progress {
    shown: bool,
}

/// Back to the start of the line, and the line emptied.
const CLEAR: &str = "\r\x1b[K";

impl Progress {
    pub(super) fn new(json: bool) -> Self {
        Self { shown: !json && stderr().is_terminal() }
    }

    pub(super) fn show(&self, doing: &str) {
        self.write(&format!("{CLEAR}… {doing}"));
    }

    pub(super) fn clear(&self) {
        self.write(CLEAR);
    }

    fn write(&self, text: &str) {
        if self.shown {
            let mut terminal = stderr();
            // Nobody is served by a probe that fails because its progress cannot be shown.
            drop(terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush()));
        }
    }
}
