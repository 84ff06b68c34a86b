//! The variables of the sync server's guide.

use super::tests::{environment, file, set};
use crate::Secret;
use crate::catalogue::{Catalogue, Reload};
use crate::origin::Origin;

const SECRET: &str = "hJ8t2Zl0mQe5mS6r1nD3xw-Kp4vT7yBu9cA";

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[test]
fn every_variable_of_the_sync_guide_sets_its_key_and_is_named_as_its_origin() {
    for (variable, text, key, value) in [
        ("DB_PATH", "/var/lib/sync", "sync.path", r#""/var/lib/sync""#),
        ("MAX_PULL_LIMIT", "250", "sync.pull_limit_max", "250"),
        ("MAX_PUSH_BATCH_SIZE", "50", "sync.push_ops_max", "50"),
        (
            "CORS_ORIGINS",
            "https://a.example, https://b.example",
            "sync.cors.origins",
            r#"["https://a.example","https://b.example"]"#,
        ),
        ("CORS_ALLOWED_ORIGINS", "*", "sync.cors.origins", r#"["*"]"#),
        ("ENABLE_CORS", "False", "sync.cors.enabled", "false"),
        ("RATE_LIMIT_RPS", "7", "sync.rate.requests_per_sec", "7"),
        ("RATE_LIMIT_BURST", "9", "sync.rate.burst", "9"),
        ("SSE_ENABLED", "false", "sync.sse.enabled", "false"),
        ("SSE_MAX_CONNECTIONS", "12", "sync.sse.connections_max", "12"),
        ("LOG_LEVEL", "WARNING", "log.level", r#""warn""#),
    ] {
        let loaded = environment(&[(variable, text)]).load().unwrap();
        let shown = serde_json::to_value(&loaded.config).unwrap();
        let found = Catalogue::get().key(key).unwrap().value_in(&shown);
        assert_eq!(found.to_string(), value, "{variable}");
        assert_eq!(loaded.origin(key), Origin::Environment { variable: variable.to_owned() });
        assert_eq!(loaded.notices, [], "{variable}");
    }
}

#[test]
fn the_guides_name_of_the_origins_wins_over_that_of_its_code() {
    let both = [("CORS_ALLOWED_ORIGINS", "https://code.example"), ("CORS_ORIGINS", "https://guide.example")];
    let loaded = environment(&both).load().unwrap();
    assert_eq!(loaded.config.sync.cors.origins, ["https://guide.example"]);
}

#[test]
fn a_wrong_value_of_a_guides_variable_is_refused_by_its_name() {
    for (variable, text, part) in [
        ("MAX_PULL_LIMIT", "0", "write 1 to"),
        ("MAX_PUSH_BATCH_SIZE", "many", "write a whole number"),
        ("ENABLE_CORS", "perhaps", "write true or false"),
        ("CORS_ORIGINS", "app.example.org", "is not a web origin"),
        ("RATE_LIMIT_RPS", "0", "write 1 to"),
    ] {
        let refused = environment(&[(variable, text)]).refused();
        assert!(refused.contains(&format!("environment variable {variable}: `sync.")), "{refused}");
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn host_and_port_mean_the_main_listener_when_sync_is_all_there_is() {
    let mut given = environment(&[("HOST", "0.0.0.0"), ("PORT", "9000")]);
    given.settings.push("server.roles=sync");
    let loaded = given.load().unwrap();
    assert_eq!(loaded.config.http.listen[0].to_string(), "0.0.0.0:9000");
    assert_eq!(loaded.config.signal.listen[0].to_string(), "127.0.0.1:8443");
}

#[test]
fn a_jwt_secret_is_the_one_key_of_sync_from_the_variable_or_from_a_file() {
    let entries = |given: super::tests::Given| {
        let loaded = given.load().unwrap();
        let keys = loaded.config.auth.sync_keys.iter().map(Secret::expose).map(str::to_owned).collect::<Vec<_>>();
        (keys, loaded.origin("auth.sync_keys").to_string())
    };
    let key = vec![format!("jwt-secret:{SECRET}")];
    let from_variable = entries(environment(&[("JWT_SECRET", SECRET)]));
    assert_eq!(from_variable, (key.clone(), "environment variable JWT_SECRET".to_owned()));
    let written = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(written.path(), format!("{SECRET}\n")).unwrap();
    let path = leaked(written.path().display().to_string());
    let from_file = entries(environment(&[("JWT_SECRET_FILE", path)]));
    assert_eq!(from_file, (key, "environment variable JWT_SECRET_FILE".to_owned()));
    let refused = environment(&[("JWT_SECRET_FILE", path), ("JWT_SECRET", SECRET)]).refused();
    assert!(refused.contains("both set"), "{refused}");
    let other = [("JWT_SECRET", SECRET), ("SANGAM_AUTH__SYNC_KEYS", "k1:0123456789abcdefghijklmnopqrstuv")];
    assert_eq!(entries(environment(&other)).0, ["k1:0123456789abcdefghijklmnopqrstuv"]);
}

#[test]
fn a_weak_jwt_secret_is_refused_where_it_stands_and_never_shown() {
    for (secret, part) in [
        ("change-me-in-production", "well-known"),
        ("your-secure-256-bit-secret-key-here", "well-known"),
        ("Zk3vQ9xLp", "it has 9 bytes, at least 32 are needed"),
        ("abababababababababababababababababab", "different characters"),
    ] {
        let refused = environment(&[("JWT_SECRET", secret)]).refused();
        assert!(refused.starts_with("environment variable JWT_SECRET: "), "{refused}");
        assert!(refused.contains(part) && refused.contains("openssl rand") && !refused.contains(secret), "{refused}");
    }
    let refused = file("[auth]\nsync_keys = [\"k1:change-me-in-production\"]\n").refused();
    assert!(refused.contains("line 2: `auth.sync_keys`") && refused.contains("entry 1 is too weak"), "{refused}");
}

#[test]
fn the_sections_of_sync_are_bounded_and_what_a_reload_replaces_is_live() {
    for (setting, part) in [
        ("sync.entity_bytes_max=16MiB", "less than `sync.request_bytes_max`"),
        ("sync.queue_ops_max=10", "write 500 to"),
        ("sync.keep.retention=1s", "out of range"),
        ("sync.store.readers=0", "write 1 to 64"),
        ("sync.cors.origins=", "`sync.cors.enabled = false`"),
        ("sync.default_db=", "a database has a name"),
        ("sync.streams.ping_interval=0s", "out of range"),
    ] {
        let refused = set(&[setting]).refused();
        assert!(refused.contains(part), "{setting}: {refused}");
    }
    let live: Vec<&str> = Catalogue::get()
        .keys()
        .iter()
        .filter(|key| key.name.starts_with("sync.") && key.reload == Reload::Live)
        .map(|key| key.name.as_str())
        .collect();
    assert_eq!(
        live,
        [
            "sync.default_db",
            "sync.log_requests",
            "sync.open",
            "sync.require_exp",
            "sync.cors.enabled",
            "sync.cors.origins",
            "sync.rate.burst",
            "sync.rate.requests_per_sec"
        ]
    );
}
