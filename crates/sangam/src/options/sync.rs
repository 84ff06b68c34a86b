//! `[sync]` for the sync server and its store.

use sangam_auth::token::Keyring;
use sangam_config::sections::sync::{Sync, cors::Cors};
use sangam_storage_sqlite::SqliteOptions;
use sangam_sync_proto::{Name, Rules};
use sangam_sync_server::{Access, CorsOrigins, Live, Options, Streams};

/// What is settled at the start.
pub(crate) fn sync_options(sync: &Sync) -> Options {
    Options {
        rules: Rules {
            push_ops_max: sync.push_ops_max,
            clock_ahead_max: sync.clock_ahead_max.get(),
            name_bytes_max: sync.name_bytes_max.as_usize(),
            body_bytes_max: sync.entity_bytes_max.as_usize(),
            database_bytes_max: sync.database_bytes_max.get(),
            entities_max: sync.entities_max,
        },
        pull_limit_max: sync.pull_limit_max,
        page_bytes_max: sync.page_bytes_max.as_usize(),
        scan_rows_max: sync.scan_rows_max,
        page_cache_bytes: sync.page_cache_bytes.as_usize(),
        body_bytes_max: sync.request_bytes_max.as_usize(),
        body_timeout: sync.request_timeout.get(),
        queue_ops_max: sync.queue_ops_max,
        queue_bytes_max: sync.queue_bytes_max.as_usize(),
        group_ops_max: sync.group_ops_max,
        databases_max: sync.databases_max,
        replicas_max: sync.replicas_max,
        history: sync.keep.history.get(),
        retention: sync.keep.retention.get(),
        remembered: sync.keep.remembered.get(),
        conflicts_kept: sync.keep.conflicts_max,
        replicas_interval: sync.keep.replicas_interval.get(),
        sweep_interval: sync.keep.sweep_interval.get(),
        streams: streams(sync),
        compression: sync.compression,
    }
}

fn streams(sync: &Sync) -> Streams {
    Streams {
        sse: sync.sse.enabled,
        sse_max: sync.sse.connections_max,
        websocket_max: sync.websocket.connections_max,
        per_replica_max: sync.streams.per_replica_max,
        per_database_max: sync.streams.per_database_max,
        ping_interval: sync.streams.ping_interval.get(),
        queue_bytes_max: sync.streams.queue_bytes_max.as_usize(),
        message_bytes_max: sync.websocket.message_bytes_max.as_usize(),
    }
}

/// What a reload replaces.
pub(crate) fn sync_live(sync: &Sync, keyring: Keyring) -> Live {
    Live {
        access: Access { keyring, default_db: sync.default_db.clone().map(Name::from), open: sync.open },
        cors: cors_origins(&sync.cors),
        rate_per_sec: sync.rate.requests_per_sec,
        rate_burst: sync.rate.burst,
        log_requests: sync.log_requests,
    }
}

fn cors_origins(cors: &Cors) -> Option<CorsOrigins> {
    if !cors.enabled {
        return None;
    }
    if cors.origins.iter().any(|origin| origin == "*") {
        return Some(CorsOrigins::Any);
    }
    // As browsers write them: without a slash at the end.
    let plain = |origin: &String| origin.trim_end_matches('/').to_owned();
    Some(CorsOrigins::Listed(cors.origins.iter().map(plain).collect()))
}

/// How the store is used.
pub(crate) fn store_options(sync: &Sync) -> SqliteOptions {
    SqliteOptions {
        readers: sync.store.readers,
        reads_waiting_max: sync.store.reads_waiting_max,
        cache_bytes: sync.store.cache_bytes.as_usize(),
        names_max: sync.store.names_max,
        wal_bytes_max: sync.store.wal_bytes_max.get(),
        wal_bytes_laid_down: sync.store.wal_bytes_laid_down.get(),
        synced: true,
    }
}

#[cfg(test)]
mod tests {
    use sangam_auth::token::TokenOptions;

    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_parts() {
        let sync = Sync::default();
        assert_eq!(format!("{:?}", sync_options(&sync)), format!("{:?}", Options::default()));
        assert_eq!(store_options(&sync), SqliteOptions::default());
    }

    #[test]
    fn origins_are_any_or_some_or_none() {
        let origins = |enabled, origins: &[&str]| {
            let cors = Cors { enabled, origins: origins.iter().map(|it| (*it).to_owned()).collect() };
            let keyring = Keyring::new(Vec::new(), TokenOptions::default()).unwrap();
            sync_live(&Sync { cors, ..Sync::default() }, keyring).cors
        };
        assert_eq!(origins(false, &["*"]), None);
        assert_eq!(origins(true, &["https://a.example", "*"]), Some(CorsOrigins::Any));
        let listed = vec!["https://a.example".to_owned(), "https://b.example".to_owned()];
        assert_eq!(origins(true, &["https://a.example/", "https://b.example"]), Some(CorsOrigins::Listed(listed)));
    }
}
