//! The data model that all devices of a root share. A device keeps only what is different with it.

mod rows;
mod tr098;
mod tr181;

use std::ops::Range;

use sangam_cwmp_proto::ValueKind;

use super::noise::Dice;

/// Which root a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// `InternetGatewayDevice.`
    Tr098,
    /// `Device.`
    Tr181,
}

/// Parameters in the order of their paths, and the objects that can be added to.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) root: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) tables: Vec<Table>,
    pub(super) named: Named,
    /// Indices of what each Inform tells.
    pub(super) forced: Vec<u16>,
    pub(super) hosts: u32,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) path: Box<str>,
    pub(super) kind: ValueKind,
    pub(super) is_writable: bool,
    pub(super) content: Content,
    /// The table it stands in, and the instance.
    pub(super) place: Option<(u8, u32)>,
}

/// An object with instances that the ACS may add and delete.
#[derive(Debug)]
pub(super) struct Table {
    /// Ends with a dot.
    pub(super) path: Box<str>,
    /// The highest instance that every device has from the factory.
    pub(super) factory_last: u32,
    /// What an instance is made of: the parameters of instance 1.
    pub(super) template: Range<u16>,
}

/// What a parameter holds until it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Text(Box<str>),
    Manufacturer,
    Oui,
    Product,
    Serial,
    Software,
    Uptime,
    AcsUrl,
    User,
    /// Can be set, and reads as nothing.
    Secret,
    Interval,
    RetryWait,
    ConnectionRequestUrl,
    Time,
    Mac,
    /// The address of the WAN; another one after each change.
    Address,
    LanAddress,
    Ssid,
    Channel,
    /// Grows with time.
    Counter,
    /// Goes up and down.
    Signal,
    Small,
    Hosts,
    Diagnostics,
}

/// Parameters that mean something to the device itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) acs_url: u16,
    pub(super) user: u16,
    pub(super) password: u16,
    pub(super) periodic_enable: u16,
    pub(super) periodic_interval: u16,
    pub(super) periodic_time: u16,
    pub(super) parameter_key: u16,
    pub(super) request_user: u16,
    pub(super) request_password: u16,
    pub(super) software: u16,
    pub(super) address: u16,
    pub(super) retry_wait: u16,
    pub(super) retry_multiplier: u16,
    pub(super) udp_address: u16,
    pub(super) nat_detected: u16,
}

impl Model {
    pub(super) fn new(root: Root, seed: u64) -> Self {
        let (root, rows, tables, forced) = match root {
            Root::Tr098 => (tr098::ROOT, tr098::ROWS, tr098::TABLES, tr098::FORCED),
            Root::Tr181 => (tr181::ROOT, tr181::ROWS, tr181::TABLES, tr181::FORCED),
        };
        let hosts = 8 + Dice::new(&[seed, 0x0d]).below(17) as u32;
        let mut all = rows::read(root, rows::COMMON, hosts);
        all.extend(rows::read(root, rows, hosts));
        all.sort_by(|one, other| one.path.cmp(&other.path));
        let paths: Vec<String> = tables.iter().map(|table| format!("{root}{table}")).collect();
        let parameters: Vec<Parameter> = all
            .into_iter()
            .map(|row| Parameter {
                place: place(&paths, &row.path),
                path: row.path.into(),
                kind: row.kind,
                is_writable: row.is_writable,
                content: row.content,
            })
            .collect();
        let index = |name: &str| find(&parameters, &format!("{root}{name}")).unwrap_or_default();
        let address = parameters.iter().position(|it| it.content == Content::Address).unwrap_or_default() as u16;
        let named = Named {
            acs_url: index("ManagementServer.URL"),
            user: index("ManagementServer.Username"),
            password: index("ManagementServer.Password"),
            periodic_enable: index("ManagementServer.PeriodicInformEnable"),
            periodic_interval: index("ManagementServer.PeriodicInformInterval"),
            periodic_time: index("ManagementServer.PeriodicInformTime"),
            parameter_key: index("ManagementServer.ParameterKey"),
            request_user: index("ManagementServer.ConnectionRequestUsername"),
            request_password: index("ManagementServer.ConnectionRequestPassword"),
            software: index("DeviceInfo.SoftwareVersion"),
            address,
            retry_wait: index("ManagementServer.CWMPRetryMinimumWaitInterval"),
            retry_multiplier: index("ManagementServer.CWMPRetryIntervalMultiplier"),
            udp_address: index("ManagementServer.UDPConnectionRequestAddress"),
            nat_detected: index("ManagementServer.NATDetected"),
        };
        let forced = forced.iter().map(|name| index(name)).collect();
        let tables = paths.iter().enumerate().map(|(at, path)| table(&parameters, at, path)).collect();
        Self { root, parameters, tables, named, forced, hosts }
    }

    /// The parameter with this path.
    pub(super) fn find(&self, path: &str) -> Option<u16> {
        find(&self.parameters, path)
    }

    /// Those whose path begins so.
    pub(super) fn under(&self, prefix: &str) -> Range<u16> {
        under(&self.parameters, prefix)
    }

    pub(super) fn at(&self, index: u16) -> Option<&Parameter> {
        self.parameters.get(usize::from(index))
    }
}

fn find(parameters: &[Parameter], path: &str) -> Option<u16> {
    let at = parameters.binary_search_by(|it| (*it.path).cmp(path)).ok()?;
    u16::try_from(at).ok()
}

fn under(parameters: &[Parameter], prefix: &str) -> Range<u16> {
    let begin = parameters.partition_point(|it| &*it.path < prefix);
    let rest = parameters.get(begin..).unwrap_or_default();
    let end = begin + rest.partition_point(|it| it.path.starts_with(prefix));
    begin as u16..end as u16
}

/// The table and the instance that a path stands in.
fn place(tables: &[String], path: &str) -> Option<(u8, u32)> {
    tables.iter().zip(0..).find_map(|(table, at)| {
        let (instance, _) = path.strip_prefix(table.as_str())?.split_once('.')?;
        Some((at, instance.parse().ok()?))
    })
}

fn table(parameters: &[Parameter], at: usize, path: &str) -> Table {
    let instances = parameters.iter().filter_map(|it| it.place).filter(|(table, _)| usize::from(*table) == at);
    let factory_last = instances.map(|(_, instance)| instance).max().unwrap_or_default();
    Table { path: path.into(), factory_last, template: under(parameters, &format!("{path}1.")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_hundreds_of_parameters_in_order_and_all_that_a_device_needs() {
        for (root, seed) in [(Root::Tr098, 1), (Root::Tr181, 2), (Root::Tr098, 3)] {
            let model = Model::new(root, seed);
            assert!((200..1_000).contains(&model.parameters.len()), "{}", model.parameters.len());
            assert!(model.parameters.windows(2).all(|pair| pair[0].path < pair[1].path));
            let name = |index: u16| &*model.at(index).unwrap().path;
            let named = model.named;
            for (index, end) in [
                (named.user, "ManagementServer.Username"),
                (named.password, "ManagementServer.Password"),
                (named.periodic_enable, "PeriodicInformEnable"),
                (named.periodic_time, "PeriodicInformTime"),
                (named.parameter_key, "ParameterKey"),
                (named.software, "SoftwareVersion"),
                (named.address, "IPAddress"),
                (named.request_password, "ConnectionRequestPassword"),
            ] {
                assert!(name(index).ends_with(end), "{} is no {end}", name(index));
            }
            let forced: std::collections::BTreeSet<u16> = model.forced.iter().copied().collect();
            assert!(forced.len() == model.forced.len() && forced.len() >= 7);
        }
    }

    #[test]
    fn what_stands_under_a_path_is_found() {
        let model = Model::new(Root::Tr181, 1);
        let under = model.under("Device.WiFi.SSID.2.");
        assert!(under.len() > 4);
        assert!(under.into_iter().all(|at| model.at(at).unwrap().place.is_some_and(|place| place.1 == 2)));
        assert!(model.under("Device.Nothing.").is_empty());
        assert_eq!(model.under("Device.").len(), model.parameters.len());
        let ssids = model.tables.iter().find(|table| &*table.path == "Device.WiFi.SSID.").unwrap();
        assert_eq!((ssids.factory_last, ssids.template.len()), (4, model.under("Device.WiFi.SSID.1.").len()));
    }
}
