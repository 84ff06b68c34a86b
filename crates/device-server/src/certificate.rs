//! Whom a certificate names that a device showed when it connected (TR-069 Amendment 6 §3.3, §3.4.4; TR-369 R-SEC.0a).

use sangam_device_proto::identity::{DeviceKey, EndpointId, EndpointSays};
use sangam_net::ClientCertificate;

/// What a certificate says of a device that says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// It is that device's.
    It,
    /// It is another device's.
    Another,
    /// It is nobody's alone: all of a maker or a class may have the same, or it names something else.
    Nobody,
}

/// Before the endpoint id of an agent (TR-369 §2.2).
const ENDPOINT: &str = "urn:bbf:usp:id:";

/// Whether it names the device of that key, by the common name of its subject (`OUI-SerialNumber` or `OUI-ProductClass-SerialNumber`,
/// percent-encoded) or by the endpoint id of its agent, which is `endpoint` if that is known.
pub(crate) fn names(certificate: &ClientCertificate, key: &DeviceKey, endpoint: Option<&EndpointId>) -> Names {
    let by_name = certificate.common_name.as_deref().map_or(Names::Nobody, |name| names_by_name(name, key));
    let by_endpoints = endpoints(certificate).map(|named| names_by_endpoint(&named, key, endpoint));
    let all: Vec<Names> = by_endpoints.chain([by_name]).collect();
    if all.contains(&Names::It) {
        Names::It
    } else if all.contains(&Names::Another) {
        Names::Another
    } else {
        Names::Nobody
    }
}

/// The endpoint ids that it names.
pub(crate) fn endpoints(certificate: &ClientCertificate) -> impl Iterator<Item = EndpointId> {
    let uris = certificate.uris.iter().filter_map(|uri| uri.strip_prefix(ENDPOINT));
    uris.filter_map(|id| EndpointId::new(id).ok())
}

fn names_by_name(name: &str, key: &DeviceKey) -> Names {
    let named = match name.split('-').collect::<Vec<_>>()[..] {
        [_, _, _] => name.parse(),
        [oui, serial] => {
            // The name of a class that all devices of it show has the same form.
            let class = format!("{oui}-{serial}-x").parse::<DeviceKey>();
            if class.is_ok_and(|class| class.oui == key.oui && class.product_class == key.product_class)
                && *key.product_class != *key.serial
            {
                return Names::Nobody;
            }
            let named = format!("{oui}--{serial}").parse::<DeviceKey>();
            named.map(|named| DeviceKey { product_class: key.product_class.clone(), ..named })
        }
        // Nobody knows which part is which.
        _ => return Names::Nobody,
    };
    match named {
        Ok(named) if named == *key => Names::It,
        Ok(_) => Names::Another,
        Err(_) => Names::Nobody,
    }
}

fn names_by_endpoint(named: &EndpointId, key: &DeviceKey, known: Option<&EndpointId>) -> Names {
    if known == Some(named) {
        return Names::It;
    }
    let says = named.says();
    match says.choose([key]) {
        Some(_) => Names::It,
        // An id that says nothing may be that of an agent which is not known yet.
        None if says == EndpointSays::Nothing && known.is_none() => Names::Nobody,
        None => Names::Another,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeviceKey {
        DeviceKey::new("00D09E", "Set-Top Box", "A1").unwrap()
    }

    fn certificate(name: &str, uris: &[&str]) -> ClientCertificate {
        let uris = uris.iter().map(|uri| (*uri).into()).collect();
        ClientCertificate { common_name: (!name.is_empty()).then(|| name.into()), uris }
    }

    #[test]
    fn a_device_is_named_by_its_subject() {
        for (name, expected) in [
            ("00D09E-Set%2DTop%20Box-A1", Names::It),
            ("00d09e-Set%2DTop%20Box-A1", Names::It),
            ("00D09E-Set%2DTop Box-A1", Names::It),
            ("00D09E-A1", Names::It),
            ("00D09E-A2", Names::Another),
            ("00D09F-A1", Names::Another),
            ("00D09E-Other-A1", Names::Another),
            ("00D09E-Set%2DTop%20Box-a1", Names::Another),
            ("", Names::Nobody),
            ("00D09E", Names::Nobody),
            ("00D09E-Set%2DTop%20Box", Names::Nobody),
            ("00D09E-Set-Top Box-A1", Names::Nobody),
            ("proxy.example.net", Names::Nobody),
        ] {
            assert_eq!(names(&certificate(name, &[]), &key(), None), expected, "{name}");
        }
    }

    #[test]
    fn a_device_is_named_by_the_endpoint_id_of_its_agent() {
        let known = EndpointId::new("proto::box-a1").unwrap();
        for (uri, endpoint, expected) in [
            ("urn:bbf:usp:id:ops::00D09E-Set%2DTop%20Box-A1", None, Names::It),
            ("urn:bbf:usp:id:os::00D09E-A1", None, Names::It),
            ("urn:bbf:usp:id:os::00D09E-A2", None, Names::Another),
            ("urn:bbf:usp:id:proto::box-a1", Some(&known), Names::It),
            ("urn:bbf:usp:id:proto::box-a2", Some(&known), Names::Another),
            ("urn:bbf:usp:id:proto::box-a1", None, Names::Nobody),
            ("urn:x:proto::box-a1", Some(&known), Names::Nobody),
        ] {
            assert_eq!(names(&certificate("", &[uri]), &key(), endpoint), expected, "{uri}");
        }
    }

    #[test]
    fn of_several_names_one_that_fits_is_enough() {
        let both = certificate("00D09E-A2", &["urn:bbf:usp:id:os::00D09E-A1"]);
        assert_eq!(names(&both, &key(), None), Names::It);
    }
}
