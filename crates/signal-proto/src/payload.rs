use std::fmt;

use crate::api::OfferShape;

/// What participants say to each other: made, read and rewritten by dialects, carried by the core. Cheap to clone.
pub trait Payload: Clone + fmt::Debug {
    /// Bytes of memory it costs.
    fn len(&self) -> usize;

    /// Whether it costs none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Of an offer that could serve as the answer to one of equal shape.
    fn shape(&self) -> Option<OfferShape>;

    /// Of a description: whether it says that no candidate follows. Of a candidate: whether it is that word itself.
    fn ends_candidates(&self) -> bool;

    /// Writes a candidate into a description, for a receiver that takes no candidates by themselves.
    fn fold(&mut self, candidate: &Self) -> Fold;
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// It stands in the description.
    Folded,
    /// One of them is nothing that can be folded.
    Unfit,
}
