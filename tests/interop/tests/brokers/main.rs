//! Agents of USP behind other people's message brokers, and at our own STOMP endpoint.

mod mosquitto;
mod own_endpoint;
mod rabbitmq;
mod site;
