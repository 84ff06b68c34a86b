//! Values of a device's parameters, in pages of 64 by the index of their name, and what changes in them.

mod cell;
mod diff;
mod page;

pub use cell::Cell;
pub use diff::{Diff, HistoryRow, Reported, ValueRules, carry_over, diff, pages_of};
pub use page::{CELLS, Page, PageError, cell_of, page_of};
