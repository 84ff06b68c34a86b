//! The local adapters: what every journal does, and what a file bears.

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod ground;
