//! The client and the replica against a server that does what a test says.

#[cfg(test)]
mod client;
#[cfg(test)]
mod replica;
#[cfg(test)]
mod server;
