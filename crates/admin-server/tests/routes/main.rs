//! Each route as each kind of client sees it, without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod bounds;
mod device_alarms;
mod device_files;
mod device_news;
mod device_profiles;
mod device_subscriptions;
mod devices;
mod fake_devices;
mod health;
mod metrics;
mod pages;
mod ready;
mod relay;
mod rooms;
mod server;
mod stomp;
mod sync;
mod telemetry;
mod tokens;
