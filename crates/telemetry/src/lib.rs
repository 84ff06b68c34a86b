//! Metric definitions and logs.

pub mod logs;
pub mod metrics;
