//! Faults that a test strikes relay threads with. Compiled for this crate's own tests alone (`cfg(test)`): no feature
//! turns it on, so no build that anybody runs has it.

use std::sync::{Arc, Condvar, Mutex};
use std::{io, panic};

/// Where in its wake a thread is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before it serves anything.
    Wake,
    /// When it is about to send what a wake brought.
    Flush,
}

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Panic,
    /// As if its readiness queue were broken.
    Error,
    Hang(Spell),
}

/// Holds a thread until it is broken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spell(Arc<(Mutex<bool>, Condvar)>);

impl Spell {
    pub(crate) fn break_it(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn hold(&self) {
        let guard = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(guard, |broken| !*broken).unwrap());
    }
}

/// What a thread will be struck with, once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Option<(Place, Fault)>>);

impl Faults {
    pub(crate) fn prepare(&self, place: Place, fault: Fault) {
        *self.0.lock().unwrap() = Some((place, fault));
    }

    pub(crate) fn strike(&self, here: Place) -> io::Result<()> {
        let fault = self.0.lock().unwrap().take_if(|(place, _)| *place == here).map(|(_, fault)| fault);
        match fault {
            None => Ok(()),
            // Without the hook, whose backtrace of a debug build takes longer than a test may.
            Some(Fault::Panic) => panic::resume_unwind(Box::new("as a defect would")),
            Some(Fault::Error) => Err(io::Error::other("as a broken queue would")),
            Some(Fault::Hang(spell)) => {
                spell.hold();
                Ok(())
            }
        }
    }
}
