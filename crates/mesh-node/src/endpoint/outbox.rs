use std::collections::VecDeque;

use super::{EndpointFigures, Woken};

/// What the parts of an endpoint tell its owner.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) events: VecDeque<Woken>,
    pub(super) figures: EndpointFigures,
}
