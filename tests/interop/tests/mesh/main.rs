//! Our nodes with each other and with other people's, over our servers and without.

mod agent;
mod agents;
mod browser;
mod command;
mod cycles;
mod forged;
mod many;
mod names;
mod ours;
mod relayed;
mod returns;
mod scene;
mod secure;
mod signatures;
mod synapse;
