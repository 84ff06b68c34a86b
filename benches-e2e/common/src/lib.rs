//! What every load generator of the benches needs: readings of the server's process from `/proc`, and one line of JSON
//! as the outcome.

pub mod outcome;
pub mod process;
