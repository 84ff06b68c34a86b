//! `[devices.usp.stomp]`, `[devices.usp.mqtt]` and `[devices.usp.stomp_endpoint]` for device management.

use anyhow::Context as _;
use sangam_config::sections::devices::usp::Usp;
use sangam_config::sections::devices::usp::mqtt::MqttVersion;
use sangam_config::{BrokerUrl, Secret};
use sangam_device_server::{BrokerOptions, BrokerTls, BrokerWire, Login, StompOptions};

/// The brokers that are configured.
pub(crate) fn broker_options(usp: &Usp) -> anyhow::Result<Vec<BrokerOptions>> {
    let (stomp, mqtt) = (&usp.stomp, &usp.mqtt);
    let mut all = Vec::new();
    if let Some(url) = &stomp.url {
        let wire = BrokerWire::Stomp {
            vhost: Some(stomp.vhost.clone()),
            destination: stomp.destination.clone(),
            heart_beat: stomp.heart_beat.get(),
        };
        all.push(BrokerOptions {
            tls: tls(url, stomp.ca_file.clone()),
            login: login("devices.usp.stomp.credentials", &stomp.credentials)?,
            is_believed: stomp.believed,
            agents_at: stomp.agents_at.clone(),
            ..bounded(usp, wire, url)
        });
    }
    if let Some(url) = &mqtt.url {
        let version = match mqtt.version {
            MqttVersion::V5 => sangam_device_server::MqttVersion::V5,
            MqttVersion::V311 => sangam_device_server::MqttVersion::V311,
        };
        let wire = BrokerWire::Mqtt {
            version,
            client_id: mqtt.client_id.clone(),
            topic: mqtt.topic.clone(),
            keep_alive: mqtt.keep_alive.get(),
        };
        all.push(BrokerOptions {
            tls: tls(url, mqtt.ca_file.clone()),
            login: login("devices.usp.mqtt.credentials", &mqtt.credentials)?,
            is_believed: mqtt.believed,
            agents_at: mqtt.agents_at.clone(),
            ..bounded(usp, wire, url)
        });
    }
    Ok(all)
}

/// Our own endpoint.
pub(crate) fn stomp_options(usp: &Usp) -> StompOptions {
    let endpoint = &usp.stomp_endpoint;
    let mut options = StompOptions { queue_bytes_max: endpoint.queue_bytes_max.as_usize(), ..StompOptions::default() };
    options.server.controller_destination = endpoint.destination.clone();
    options.server.connect_within = endpoint.connect_timeout.get();
    options.server.heart_beat = (endpoint.heart_beat.get(), endpoint.heart_beat.get());
    options
}

fn bounded(usp: &Usp, wire: BrokerWire, url: &BrokerUrl) -> BrokerOptions {
    let bounds = &usp.brokers;
    BrokerOptions {
        agents_max: bounds.agents_max,
        working_max: bounds.working_max,
        per_agent_max: bounds.per_agent_max,
        waiting_max: bounds.waiting_max,
        waiting_bytes_max: bounds.waiting_bytes_max.as_usize(),
        send_within: bounds.send_within.get(),
        answer_within: bounds.answer_within.get(),
        retry_min: bounds.retry_min.get(),
        retry_max: bounds.retry_max.get(),
        outage_max: bounds.outage_max.get(),
        ..BrokerOptions::new(wire, url.host(), url.port())
    }
}

fn tls(url: &BrokerUrl, ca_file: Option<std::path::PathBuf>) -> Option<BrokerTls> {
    url.is_tls().then_some(BrokerTls { ca_file })
}

fn login(key: &str, credentials: &[Secret]) -> anyhow::Result<Option<Login>> {
    let Some((user, password)) = credentials.first().and_then(|pair| pair.expose().split_once(':')) else {
        return Ok(None);
    };
    let secret = sangam_device_server::Secret::new(password);
    let secret = secret.with_context(|| format!("`{key}` has a password of more than 512 bytes"))?;
    Ok(Some(Login { user: user.into(), secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_those_of_the_parts() {
        let mut usp = Usp::default();
        assert!(broker_options(&usp).unwrap().is_empty());
        assert_eq!(stomp_options(&usp), StompOptions::default());
        usp.stomp.url = serde_json::from_str("\"stomp://broker\"").unwrap();
        usp.mqtt.url = serde_json::from_str("\"mqtts://broker\"").unwrap();
        let brokers = broker_options(&usp).unwrap();
        let plain = |options: &BrokerOptions| BrokerOptions {
            tls: options.tls.clone(),
            ..BrokerOptions::new(options.wire.clone(), options.host.clone(), options.port)
        };
        for options in &brokers {
            assert_eq!(options, &plain(options));
        }
        assert!(brokers[0].tls.is_none() && brokers[1].tls.is_some());
        assert_eq!((brokers[0].port, brokers[1].port), (61_613, 8_883));
    }

    #[test]
    fn a_broker_is_logged_in_to_and_its_password_not_shown() {
        let mut usp = Usp::default();
        usp.mqtt.url = serde_json::from_str("\"mqtt://broker\"").unwrap();
        usp.mqtt.credentials = vec![Secret::new("acs:hunter2")];
        let brokers = broker_options(&usp).unwrap();
        assert_eq!(brokers[0].login.as_ref().map(|login| login.secret.expose()), Some("hunter2"));
        assert!(!format!("{brokers:?}").contains("hunter2"));
    }
}
