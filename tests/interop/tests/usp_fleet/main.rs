//! A fleet of USP agents of every kind does all that operators can order, by every transport: WebSocket, our own STOMP endpoint,
//! somebody else's brokers.

#[cfg(test)]
mod fleet;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod transports;
