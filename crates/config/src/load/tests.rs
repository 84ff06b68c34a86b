use std::io::Write as _;

use super::*;
use crate::catalogue::Reload;
use crate::sections::{log::Level, server::Role};

/// What a load is made of; no default file.
#[derive(Default)]
pub(super) struct Given {
    file: Option<&'static str>,
    environment: Vec<(&'static str, &'static str)>,
    pub(super) settings: Vec<&'static str>,
}

impl Given {
    pub(super) fn load(&self) -> Result<Loaded, Problems> {
        let written = self.file.map(|text| {
            let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        });
        let environment: BTreeMap<String, String> =
            self.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = self.settings.iter().map(|text| Setting::parse(text)).collect::<Result<_, _>>()?;
        load(&Sources {
            file: written.as_ref().map(|file| file.path().to_owned()),
            default_file: PathBuf::from("/nonexistent/sangam.toml"),
            environment: &environment,
            settings,
        })
    }

    pub(super) fn refused(&self) -> String {
        self.load().unwrap_err().to_string()
    }

    fn notices(&self) -> Vec<String> {
        self.load().unwrap().notices.iter().map(ToString::to_string).collect()
    }
}

pub(super) fn file(text: &'static str) -> Given {
    Given { file: Some(text), ..Given::default() }
}

pub(super) fn environment(variables: &[(&'static str, &'static str)]) -> Given {
    Given { environment: variables.to_vec(), ..Given::default() }
}

pub(super) fn set(settings: &[&'static str]) -> Given {
    Given { settings: settings.to_vec(), ..Given::default() }
}

fn listen(loaded: &Loaded) -> [String; 3] {
    let config = &loaded.config;
    [&config.http.listen, &config.signal.listen, &config.relay.listen].map(|listen| listen[0].to_string())
}

#[test]
fn without_any_source_everything_is_on_loopback() {
    let loaded = Given::default().load().unwrap();
    assert_eq!(listen(&loaded), ["127.0.0.1:8080", "127.0.0.1:8443", "127.0.0.1:3478"]);
    assert_eq!(loaded.origin("relay.realm"), Origin::Default);
    assert_eq!(loaded.notices, []);
    assert_eq!(loaded.file, None);
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let mut given = file("[relay]\nrealm = \"file\"\n");
    let realm = |given: &Given| {
        let loaded = given.load().unwrap();
        (loaded.config.relay.realm.clone(), loaded.origin("relay.realm").to_string())
    };
    let (value, origin) = realm(&given);
    assert!(value == "file" && origin.ends_with("line 2"), "{value} {origin}");
    given.environment.push(("SANGAM_RELAY__REALM", "environment"));
    assert_eq!(realm(&given), ("environment".to_owned(), "environment variable SANGAM_RELAY__REALM".to_owned()));
    given.settings.push("relay.realm=flag");
    assert_eq!(realm(&given), ("flag".to_owned(), "--set relay.realm".to_owned()));
}

#[test]
fn our_variable_wins_over_the_alias_of_a_guide() {
    let given = environment(&[("LOG_LEVEL", "DEBUG"), ("SANGAM_LOG__LEVEL", "warn")]);
    assert_eq!(given.load().unwrap().config.log.level, Level::Warn);
    assert_eq!(environment(&[("LOG_LEVEL", "Debug")]).load().unwrap().config.log.level, Level::Debug);
}

#[test]
fn empty_variables_count_as_not_set() {
    let given = environment(&[("EXTERNAL_IP", ""), ("SANGAM_RELAY__REALM", ""), ("PORT", ""), ("REDIS_URL", "")]);
    let loaded = given.load().unwrap();
    assert_eq!((loaded.config.relay.realm.as_str(), loaded.notices.len()), ("sangam", 0));
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_one() {
    let error = file("[relay]\n\nrelm = \"x\"\n").refused();
    assert!(error.contains("line 3: there is no key `relay.relm`; did you mean `relay.realm`?"), "{error}");
    let error = file("[realy]\nrealm = \"x\"\n").refused();
    assert!(error.contains("line 2: there is no section `realy`; did you mean `relay`?"), "{error}");
    let error = file("[nonsense]\n").refused();
    assert!(error.contains("line 1: there is no section `nonsense`"), "{error}");
    let error = environment(&[("SANGAM_RELAY__RELM", "x")]).refused();
    assert!(error.contains("SANGAM_RELAY__RELM: there is no key `relay.relm`"), "{error}");
    let error = set(&["relay.relm=x"]).refused();
    assert!(error.contains("--set relay.relm: there is no key"), "{error}");
}

#[test]
fn wrong_values_are_refused_where_they_stand_with_what_to_write() {
    for (text, expected) in [
        ("[signal]\ndrain_limit = 5\n", "line 2: `signal.drain_limit` cannot be used: the number 5 is not a duration"),
        ("[signal]\ndrain_limit = \"soon\"\n", "write a number with its unit"),
        ("[signal]\nmessage_bytes_max = \"big\"\n", "write bytes or a unit"),
        ("[signal]\nopen = \"yes\"\n", "write true or false"),
        ("[http]\nlisten = [\"8080\"]\n", "write an IP address and a port"),
        ("[http]\nlisten = []\n", "write at least one address"),
        ("[http]\norigins = [\"example.org\"]\n", "is not a web origin"),
        ("[http]\ntrusted_proxies = [\"proxy\"]\n", "write an address or a prefix"),
        ("[http]\ntls = \"maybe\"\n", "`off`, `on`, `auto`"),
        ("[http]\ntls = \"on\"\n", "set `tls.certificate_file` and `tls.key_file`"),
        ("[tls]\ncertificate_file = \"a.pem\"\n", "set `tls.key_file` too"),
        ("[server]\nroles = [\"router\"]\n", "`router` is no role; the roles are relay, signal, sync and devices"),
        ("[server]\nworker_threads = 0\n", "write 1 to 64"),
        ("[server]\nworker_threads = -1\n", "write a whole number that is not negative"),
        ("[relay]\nexternal_ip = [\"auto-detect\"]\n", "name some in `relay.stun_servers`"),
        ("[relay]\nexternal_ip = [\"auto\"]\n", "write \"PUBLIC\", \"PUBLIC/PRIVATE\" or \"auto-detect\""),
        ("[relay]\nstun_servers = [\"stun:a\"]\n", "write \"HOST:PORT\""),
        ("[relay]\nchannel_lifetime = \"5s\"\n", "out of range"),
        ("[relay]\nmin_port = 60000\nmax_port = 50000\n", "is above `relay.max_port`"),
        ("[log]\nlevel = \"loud\"\n", "write error, warn, info, debug or trace"),
        ("[ice]\nservers = [{ urls = \"http://a\" }]\n", "is not a stun:"),
        ("[admin]\nallow = [\"0.0.0.0/0\"]\n", "to everybody"),
        ("[auth]\nadmin_keys = [\"short\"]\n", "entry 1 is not KID:SECRET"),
    ] {
        let error = file(text).refused();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(error.contains(".toml line "), "{text}: {error}");
    }
}

#[test]
fn every_problem_is_found_in_one_go() {
    let problems = file("[relay]\nrelm = 1\nmin_port = \"low\"\n[log]\nlevel = \"loud\"\n").load().unwrap_err();
    assert_eq!(problems.count(), 3);
    assert!(problems.to_string().ends_with("(and 2 more: `sangam config check` lists them)"), "{problems}");
}

#[test]
fn a_named_file_must_be_there() {
    let environment = BTreeMap::new();
    let file = Some(PathBuf::from("/nonexistent/other.toml"));
    let default_file = PathBuf::from(DEFAULT_FILE);
    let error = load(&Sources { file, default_file, environment: &environment, settings: vec![] }).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/other.toml cannot be read"), "{error}");
}

#[test]
fn a_secret_is_refused_as_an_argument() {
    for text in ["relay.secrets=hunter2hunter2hunter2", "auth.admin_keys=a:b", "ice.servers=[]"] {
        let error = Setting::parse(text).unwrap_err().to_string();
        assert!(error.contains("would show a secret") && !error.contains("hunter2"), "{error}");
    }
    assert!(Setting::parse("relay.secrets_file=/run/secret").is_ok());
    assert!(matches!(Setting::parse("relay.realm"), Err(Problem::MalformedSetting { .. })));
}

#[test]
fn a_wrong_secret_is_refused_without_being_shown() {
    for text in ["[relay]\nsecrets = \"hunter2\"\n", "[ice]\nservers = [{ urls = 1, credential = \"hunter2\" }]\n"] {
        let error = file(text).refused();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn secrets_are_read_from_files_and_the_stronger_source_wins() {
    let mut secret = tempfile::NamedTempFile::new().unwrap();
    secret.write_all(b"one\n\n  two \n").unwrap();
    let path: &'static str = Box::leak(secret.path().display().to_string().into_boxed_str());
    for variable in ["SANGAM_RELAY__SECRETS_FILE", "TURN_AUTH_SECRET_FILE"] {
        let mut given = environment(&[(variable, path)]);
        given.file = Some("[relay]\nsecrets = [\"from the file\"]\n");
        let loaded = given.load().unwrap();
        let secrets: Vec<&str> = loaded.config.relay.secrets.iter().map(crate::Secret::expose).collect();
        assert_eq!(secrets, ["one", "two"]);
        assert_eq!(loaded.origin("relay.secrets").to_string(), format!("environment variable {variable}"));
        given.environment.push(("SANGAM_RELAY__SECRETS", "a"));
        assert!(given.refused().contains("both set"), "{}", given.refused());
    }
}

#[test]
fn an_unreadable_or_empty_secret_file_is_refused() {
    let error = environment(&[("SANGAM_RELAY__SECRETS_FILE", "/nonexistent/secret")]).refused();
    assert!(error.contains("/nonexistent/secret of `relay.secrets_file` cannot be read"), "{error}");
    let error = environment(&[("SANGAM_RELAY__SECRETS_FILE", "/dev/null")]).refused();
    assert!(error.contains("it holds no secret"), "{error}");
}

#[test]
fn the_aliases_of_the_guides_set_our_keys() {
    let given = environment(&[
        ("EXTERNAL_IP", "198.51.100.7"),
        ("TURN_AUTH_SECRET", "with,comma"),
        ("NEXT_PUBLIC_APP_URL", "https://app.example.org/"),
        ("TLS_CERT_PATH", "/c.pem"),
        ("TLS_KEY_PATH", "/k.pem"),
        ("SANGAM_DATA_DIR", "/var/lib/sangam"),
        (
            "ICE_SERVERS_JSON",
            r#"[{"urls":"stun:a"},{"urls":["turn:b"],"username":"u","credential":"c","credentialType":"password"},{"urls":"stun:c","username":null}]"#,
        ),
    ]);
    let loaded = given.load().unwrap();
    let config = &loaded.config;
    assert_eq!(config.relay.external_ip[0].to_string(), "198.51.100.7");
    assert_eq!(config.relay.secrets[0].expose(), "with,comma");
    assert_eq!(config.http.origins, ["https://app.example.org"]);
    assert!(config.tls.is_configured());
    assert_eq!(config.data.dir, PathBuf::from("/var/lib/sangam"));
    assert_eq!(config.ice.servers.len(), 3);
    assert_eq!(config.ice.servers[1].credential.as_ref().unwrap().expose(), "c");
    assert_eq!(loaded.notices, []);
}

#[test]
fn ice_servers_that_are_not_json_are_refused_without_being_shown() {
    let error = environment(&[("ICE_SERVERS_JSON", "turn:a?credential=hunter2")]).refused();
    assert!(error.contains("ICE_SERVERS_JSON") && error.contains("JSON array"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn host_and_port_mean_the_listener_of_the_single_role() {
    let variables = [("HOST", "0.0.0.0"), ("PORT", "9000")];
    let with_roles = |roles: &'static str| {
        let given = Given { environment: variables.to_vec(), settings: vec![roles], ..Given::default() };
        listen(&given.load().unwrap())
    };
    assert_eq!(with_roles("server.roles=relay"), ["127.0.0.1:8080", "127.0.0.1:8443", "0.0.0.0:9000"]);
    assert_eq!(with_roles("server.roles=signal"), ["127.0.0.1:8080", "0.0.0.0:9000", "127.0.0.1:3478"]);
    assert_eq!(with_roles("server.roles=relay,signal"), ["0.0.0.0:9000", "127.0.0.1:8443", "127.0.0.1:3478"]);
    assert_eq!(listen(&environment(&[("PORT", "9")]).load().unwrap())[0], "127.0.0.1:9");
    assert_eq!(listen(&environment(&[("HOST", "::1")]).load().unwrap())[0], "[::1]:8080");
    let ours = environment(&[("PORT", "9"), ("SANGAM_HTTP__LISTEN", "127.0.0.1:10")]);
    assert_eq!(listen(&ours.load().unwrap())[0], "127.0.0.1:10");
}

#[test]
fn a_host_that_is_a_name_is_reported_and_a_port_that_is_none_is_refused() {
    let given = environment(&[("HOST", "workstation")]);
    assert_eq!(listen(&given.load().unwrap())[0], "127.0.0.1:8080");
    assert!(given.notices()[0].contains("HOST is set but not honoured"), "{:?}", given.notices());
    assert!(
        environment(&[("PORT", "http")]).refused().contains("PORT: `http.listen` cannot be used: it is not a port")
    );
}

#[test]
fn what_cannot_be_honoured_yet_is_reported() {
    for variable in ["REDIS_URL", "DATABASE_URL", "WITNESS_LOGGER_URL", "TURN_REALM"] {
        let notices = environment(&[(variable, "x")]).notices();
        assert!(notices[0].starts_with(&format!("{variable} is set but not honoured")), "{notices:?}");
    }
}

#[test]
fn the_variables_of_a_synapse_node_are_a_nodes() {
    let given = environment(&[
        ("RENDEZVOUS_URL", "http://r:8080"),
        ("BOOTSTRAP_NODES", "http://a:8000, http://b:8000"),
        ("OWN_URL", "http://me:8001"),
        ("NODE_PORT", "8001"),
        ("SUBSCRIBED_CHANNELS", "sviluppo_ui,ricerca"),
        ("DISABLE_MDNS", "True"),
        ("ICE_SERVERS_JSON", r#"[{"urls":"turn:t","username":"u","credential":"c"}]"#),
    ]);
    let loaded = given.load().unwrap();
    let node = &loaded.config.node;
    assert_eq!(
        (&node.rendezvous[..], &node.bootstrap[..]),
        (&["http://r:8080".to_owned()][..], &["http://a:8000".to_owned(), "http://b:8000".to_owned()][..])
    );
    assert_eq!((node.url.as_deref(), node.listen[0].to_string().as_str()), (Some("http://me:8001"), "0.0.0.0:8001"));
    assert_eq!((&node.channels[..], node.mdns.enabled), (&["sviluppo_ui".to_owned(), "ricerca".to_owned()][..], false));
    assert_eq!((node.ice_servers.len(), loaded.config.ice.servers.len()), (1, 1));
    assert_eq!(given.notices(), [""; 0]);
}

#[test]
fn an_unset_rendezvous_and_a_mdns_that_is_not_disabled_change_nothing() {
    let node = environment(&[("RENDEZVOUS_URL", ""), ("DISABLE_MDNS", "false")]).load().unwrap().config.node;
    assert!(node.rendezvous.is_empty() && node.mdns.enabled);
    assert!(environment(&[("NODE_PORT", "many")]).refused().contains("NODE_PORT: `node.listen` cannot be used"));
}

#[test]
fn the_guides_socket_port_is_the_one_port_of_socketio_and_opens_to_the_lan_like_a_default() {
    let listen = |variables: &[(&'static str, &'static str)]| {
        let socketio = environment(variables).load().unwrap().config.signal.socketio;
        socketio.listen.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(listen(&[]), ["127.0.0.1:3001", "127.0.0.1:3002"]);
    assert_eq!(listen(&[("SOCKET_PORT", "3005")]), ["127.0.0.1:3005"]);
    assert_eq!(listen(&[("SOCKET_PORT", "3005"), ("SANGAM_SERVER__LAN", "true")]), ["0.0.0.0:3005"]);
    assert_eq!(listen(&[("SANGAM_SIGNAL__SOCKETIO__LISTEN", "127.0.0.1:9"), ("SOCKET_PORT", "1")]), ["127.0.0.1:9"]);
}

#[test]
fn a_section_inside_a_section_is_set_from_every_source() {
    let strict = |given: Given| given.load().unwrap().config.signal.socketio.strict;
    assert!(strict(file("[signal.socketio]\nstrict = true\n")));
    assert!(strict(file("signal.socketio.strict = true\n")));
    assert!(strict(environment(&[("SANGAM_SIGNAL__SOCKETIO__STRICT", "true")])));
    assert!(strict(set(&["signal.socketio.strict=true"])));
    let error = file("[signal.socketio]\nstrikt = true\n").refused();
    assert!(error.contains("line 2") && error.contains("did you mean `signal.socketio.strict`"), "{error}");
}

#[test]
fn external_ip_may_be_found_out_by_a_stun_server_and_only_with_one() {
    let with = [("EXTERNAL_IP", "auto-detect"), ("SANGAM_RELAY__STUN_SERVERS", "stun.example.net:3478")];
    let relay = environment(&with).load().unwrap().config.relay;
    assert_eq!((relay.external_ip[0].external, relay.stun_servers[0].port), (None, 3_478));
    let problems = environment(&with[..1]).load().unwrap_err().to_string();
    assert!(problems.contains("EXTERNAL_IP") && problems.contains("`relay.stun_servers`"), "{problems}");
}

#[test]
fn a_variable_with_one_underscore_is_reported() {
    let notices = environment(&[("SANGAM_RELAY_REALM", "x")]).notices();
    assert!(notices[0].contains("did you mean SANGAM_RELAY__REALM?"), "{notices:?}");
}

#[test]
fn lan_opens_the_listeners_that_nobody_set() {
    let loaded = set(&["server.lan=true", "signal.listen=127.0.0.1:0"]).load().unwrap();
    assert_eq!(listen(&loaded), ["0.0.0.0:8080", "127.0.0.1:0", "0.0.0.0:3478"]);
    assert_eq!(loaded.origin("http.listen").to_string(), "--set server.lan");
}

#[test]
fn a_file_with_secrets_that_others_may_read_is_reported() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut config = tempfile::NamedTempFile::new().unwrap();
    config.write_all(b"[relay]\nsecrets = [\"x\"]\n").unwrap();
    let environment = BTreeMap::new();
    let sources = Sources {
        file: Some(config.path().to_owned()),
        default_file: PathBuf::from(DEFAULT_FILE),
        environment: &environment,
        settings: vec![],
    };
    let notices = |mode| {
        std::fs::set_permissions(config.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        load(&sources).unwrap().notices.len()
    };
    assert_eq!(notices(0o600), 0);
    assert_eq!(notices(0o640), 1);
}

#[test]
fn changes_name_their_keys_and_see_secrets_without_showing_them() {
    let before = file("[relay]\nsecrets = [\"one\"]\nrealm = \"a\"\n").load().unwrap();
    let after = file("[relay]\nsecrets = [\"two\"]\nrealm = \"b\"\n[log]\nlevel = \"INFO\"\n").load().unwrap();
    let changed: Vec<(String, Reload)> =
        before.changes_to(&after).into_iter().map(|change| (change.name, change.reload)).collect();
    assert_eq!(
        changed,
        [("relay.realm".to_owned(), Reload::Restart), ("relay.secrets".to_owned(), Reload::Live)],
        "log.level has its default value in both"
    );
    assert!(!format!("{after:?}").contains("two"));
    assert_eq!(after.config.server.roles, Role::ALL);
}
