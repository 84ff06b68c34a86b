use crate::Name;

/// The names read last, so that operations that follow each other share them.
#[derive(Debug, Default)]
pub(crate) struct Names {
    db: Option<Name>,
    device: Option<Name>,
    collection: Option<Name>,
}

impl Names {
    pub(crate) fn db(&mut self, text: &str) -> Name {
        shared(&mut self.db, text)
    }

    pub(crate) fn device(&mut self, text: &str) -> Name {
        shared(&mut self.device, text)
    }

    pub(crate) fn collection(&mut self, text: &str) -> Name {
        shared(&mut self.collection, text)
    }
}

fn shared(last: &mut Option<Name>, text: &str) -> Name {
    match last {
        Some(name) if **name == *text => Name::clone(name),
        _ => Name::clone(last.insert(Name::from(text))),
    }
}
