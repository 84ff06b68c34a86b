//! The built binary, as an operator meets it: exit codes, sentences, files, signals.

#[cfg(test)]
mod commands;
#[cfg(test)]
mod coturn_names;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod external_address;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod networks;
#[cfg(test)]
mod node;
#[cfg(test)]
mod probe_cwmp;
#[cfg(test)]
mod relay_drain;
#[cfg(test)]
mod relay_reload;
#[cfg(test)]
mod relay_sessions;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod run;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod simulate_cpe;
#[cfg(test)]
mod simulate_sync;
#[cfg(test)]
mod simulate_usp;
#[cfg(test)]
mod start_errors;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod sync_admin;
#[cfg(test)]
mod sync_device;
#[cfg(test)]
mod tokens;
#[cfg(test)]
#[allow(dead_code, clippy::unwrap_used, clippy::panic, reason = "the relay's own tests use all of their client")]
#[path = "../../../relay-server/tests/relay/client.rs"]
mod turn_client;
#[cfg(test)]
mod turnserver_conf;
