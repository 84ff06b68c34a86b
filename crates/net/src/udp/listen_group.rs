use std::net::SocketAddr;

use super::steering::Steering;
use super::{BindError, Socket, SocketBuffers};

/// The sockets that share one listen address, one for each thread. They belong to the process: a thread that is
/// started again gets the same socket back, and no client moves.
#[derive(Debug)]
pub struct ListenGroup {
    sockets: Vec<Socket>,
    steering: Option<Steering>,
}

/// How a listen address is bound.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// How many sockets share the address: 1 to the number of threads.
    pub sockets: usize,
    /// Kernel buffers of each.
    pub buffers: SocketBuffers,
    /// Random: which client meets which socket shall not be foreseeable.
    pub seed: u32,
}

impl ListenGroup {
    /// Binds `addr`; port 0 takes a free port, the same for all.
    ///
    /// # Errors
    ///
    /// The address cannot be bound. It is also in use if another server of the same user shares it with itself.
    pub fn bind(addr: SocketAddr, options: ListenOptions) -> Result<Self, BindError> {
        // The first is bound for itself alone and shares only afterwards: bound as sharing, it would join the group of
        // another server that runs here, take half of its clients, and nobody would be told.
        let first = Socket::bind(addr, options.buffers)?;
        let addr = first.local();
        let sockets = Self::fill(first, options).map_err(|source| BindError::new(addr, source))?;
        let steering = Steering::new(options.seed, sockets.len());
        let steering = match steering.attach(&sockets[0]) {
            Ok(()) => Some(steering),
            Err(error) => {
                tracing::warn!(%addr, %error, "the kernel refused our steering program; its own hash spreads the clients");
                None
            }
        };
        Ok(Self { sockets, steering })
    }

    fn fill(first: Socket, options: ListenOptions) -> std::io::Result<Vec<Socket>> {
        let addr = first.local();
        first.share()?;
        let mut sockets = vec![first];
        while sockets.len() < options.sockets {
            sockets.push(Socket::bind_beside(addr, options.buffers)?);
        }
        for socket in sockets.iter().filter(|socket| socket.is_wildcard()) {
            socket.tell_local_address()?;
        }
        Ok(sockets)
    }

    /// The address, with its real port.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.sockets[0].local()
    }

    /// The sockets in the order of their threads.
    #[must_use]
    pub fn sockets(&self) -> &[Socket] {
        &self.sockets
    }

    /// The index of the socket that datagrams of this client reach; `None` where the kernel decides by itself.
    #[must_use]
    pub fn member_for(&self, client: SocketAddr) -> Option<usize> {
        if self.sockets.len() == 1 {
            return Some(0);
        }
        self.steering.map(|steering| steering.member_for(client))
    }
}
