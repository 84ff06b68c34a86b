mod close;
mod connect;
mod loss;
mod network;
mod refuse;
mod restart;
mod window;
