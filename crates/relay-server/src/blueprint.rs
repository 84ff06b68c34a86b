use std::io;
use std::sync::Arc;

use sangam_net::udp::ListenGroup;
use sangam_turn_proto::{Options as CoreOptions, RelayAddress, SharedCounts};

use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::incarnation::Incarnation;
use crate::options::Options;
use crate::policy::Premises;
use crate::shared::Shared;
use crate::thread::ThreadSeed;

/// Everything that each life of each relay thread is made from.
#[derive(Debug)]
pub(crate) struct Blueprint {
    groups: Arc<Vec<ListenGroup>>,
    core: CoreOptions,
    premises: Premises,
    credentials: Credentials,
    options: Arc<Options>,
    shared: Arc<Shared>,
    clock: Clock,
}

impl Blueprint {
    pub(crate) fn new(
        options: Options,
        relay_addresses: Vec<RelayAddress>,
        groups: Arc<Vec<ListenGroup>>,
        shared: Arc<Shared>,
    ) -> Self {
        let premises = Premises::new(&options);
        let core = CoreOptions {
            policy: premises.policy(&options.live, &relay_addresses),
            relay_addresses,
            alternates: options.live.alternates.clone(),
            lifetimes: options.lifetimes,
            mobility: options.mobility,
            limits: options.live.limits,
            shared: Arc::new(SharedCounts::new(rand::random())),
            // A client that may choose chooses the better, which of a user's key by MD5 cannot be made.
            offers_password_algorithms: options.offers_password_algorithms
                && options.users.load().are_passwords_known(),
            offers_username_anonymity: options.offers_username_anonymity,
            nonce_lifetime: options.nonce_lifetime,
            ..CoreOptions::new(options.realm.clone(), options.nonce_secret)
        };
        let credentials = Credentials::of(&options, &shared);
        Self { groups, core, premises, credentials, options: Arc::new(options), shared, clock: Clock::start() }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// What one life of a thread needs: a fresh core, and the listening sockets that belong to its place. What can fail,
    /// fails here.
    pub(crate) fn seed(&self, incarnation: Arc<Incarnation>) -> io::Result<ThreadSeed> {
        let index = usize::from(incarnation.owner.thread);
        let listeners = self.groups.iter().map(|group| group.sockets()[index].try_clone());
        let listeners = listeners.collect::<Result<Vec<_>, _>>()?;
        let poller = ThreadSeed::poller(&listeners, &self.shared.threads[index])?;
        Ok(ThreadSeed {
            index,
            core: CoreOptions { server_index: incarnation.owner.thread, ..self.core.clone() },
            incarnation,
            listeners,
            poller,
            premises: self.premises.clone(),
            credentials: self.credentials.clone(),
            options: Arc::clone(&self.options),
            shared: Arc::clone(&self.shared),
            clock: self.clock,
        })
    }
}
