//! TR-069: what devices post, and what they are answered.

mod answered;
mod authorization;
mod device_facts;
mod duty;
mod endpoint;
mod exchange;
mod inform;
mod notice;
mod order;
mod sessions;
mod test_results;
#[cfg(test)]
mod tests;
mod transfer;
mod values;
mod work;

pub(crate) use endpoint::router;
pub(crate) use order::{check_order, stored_file, test_of};
pub(crate) use sessions::{Sessions, end_all, end_of, watch};
pub(crate) use values::{ValueOf, report_values};
