//! A gateway of TR-098 (`InternetGatewayDevice:1`). What a row says is in [`super::rows`].

pub(super) const ROOT: &str = "InternetGatewayDevice.";

/// Objects that AddObject and DeleteObject are for.
pub(super) const TABLES: &[&str] = &[
    "LANDevice.1.WLANConfiguration.",
    "LANDevice.1.LANHostConfigManagement.DHCPStaticAddress.",
    "Layer3Forwarding.Forwarding.",
    "WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.",
];

pub(super) const FORCED: &[&str] = &[
    "DeviceSummary",
    "DeviceInfo.SpecVersion",
    "DeviceInfo.HardwareVersion",
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "ManagementServer.ConnectionRequestURL",
    "ManagementServer.ParameterKey",
    "WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress",
];

pub(super) const ROWS: &str = "\
DeviceSummary s r =InternetGatewayDevice:1.4[](Baseline:1, EthernetLAN:1, WiFiLAN:1, Time:1, IPPing:1)
LANDeviceNumberOfEntries u r =1
WANDeviceNumberOfEntries u r =1
DeviceInfo.SpecVersion s r =1.0
DeviceInfo.FirstUseDate t r =2024-03-01T08:00:00Z
LANDevice.1.LANEthernetInterfaceNumberOfEntries u r =4
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.Enable b w =1
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.Status s r =Up
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.MACAddress s r @mac
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.MaxBitRate s w =Auto
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.Stats.BytesSent u r @counter
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.Stats.BytesReceived u r @counter
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.Stats.PacketsSent u r @counter
LANDevice.1.LANEthernetInterfaceConfig.{1-4}.Stats.PacketsReceived u r @counter
LANDevice.1.LANHostConfigManagement.DHCPServerEnable b w =1
LANDevice.1.LANHostConfigManagement.MinAddress s w =192.168.1.100
LANDevice.1.LANHostConfigManagement.MaxAddress s w =192.168.1.199
LANDevice.1.LANHostConfigManagement.SubnetMask s w =255.255.255.0
LANDevice.1.LANHostConfigManagement.DNSServers s w =192.168.1.1
LANDevice.1.LANHostConfigManagement.DHCPLeaseTime i w =86400
LANDevice.1.LANHostConfigManagement.DHCPStaticAddress.1.Enable b w =0
LANDevice.1.LANHostConfigManagement.DHCPStaticAddress.1.Chaddr s w =
LANDevice.1.LANHostConfigManagement.DHCPStaticAddress.1.Yiaddr s w =
LANDevice.1.WLANConfiguration.{1-4}.Enable b w =1
LANDevice.1.WLANConfiguration.{1-4}.Status s r =Up
LANDevice.1.WLANConfiguration.{1-4}.Name s r =wlan
LANDevice.1.WLANConfiguration.{1-4}.BSSID s r @mac
LANDevice.1.WLANConfiguration.{1-4}.SSID s w @ssid
LANDevice.1.WLANConfiguration.{1-4}.Channel u w @channel
LANDevice.1.WLANConfiguration.{1-4}.AutoChannelEnable b w =1
LANDevice.1.WLANConfiguration.{1-4}.BeaconType s w =11i
LANDevice.1.WLANConfiguration.{1-4}.KeyPassphrase s w @secret
LANDevice.1.WLANConfiguration.{1-4}.TransmitPower u w =100
LANDevice.1.WLANConfiguration.{1-4}.TotalAssociations u r @small
LANDevice.1.WLANConfiguration.{1-4}.TotalBytesSent u r @counter
LANDevice.1.WLANConfiguration.{1-4}.TotalBytesReceived u r @counter
LANDevice.1.Hosts.HostNumberOfEntries u r @hosts
LANDevice.1.Hosts.Host.{1-H}.IPAddress s r @lan
LANDevice.1.Hosts.Host.{1-H}.MACAddress s r @mac
LANDevice.1.Hosts.Host.{1-H}.HostName s r =host
LANDevice.1.Hosts.Host.{1-H}.Active b r =1
LANDevice.1.Hosts.Host.{1-H}.LeaseTimeRemaining i r @small
Layer3Forwarding.DefaultConnectionService s w =InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection.1
Layer3Forwarding.Forwarding.1.Enable b w =1
Layer3Forwarding.Forwarding.1.DestIPAddress s w =0.0.0.0
Layer3Forwarding.Forwarding.1.DestSubnetMask s w =0.0.0.0
Layer3Forwarding.Forwarding.1.GatewayIPAddress s w =198.18.0.1
Layer3Forwarding.Forwarding.1.ForwardingMetric i w =0
WANDevice.1.WANCommonInterfaceConfig.EnabledForInternet b w =1
WANDevice.1.WANCommonInterfaceConfig.WANAccessType s r =DSL
WANDevice.1.WANCommonInterfaceConfig.Layer1UpstreamMaxBitRate u r =40000000
WANDevice.1.WANCommonInterfaceConfig.Layer1DownstreamMaxBitRate u r =250000000
WANDevice.1.WANCommonInterfaceConfig.TotalBytesSent u r @counter
WANDevice.1.WANCommonInterfaceConfig.TotalBytesReceived u r @counter
WANDevice.1.WANDSLInterfaceConfig.Enable b w =1
WANDevice.1.WANDSLInterfaceConfig.Status s r =Up
WANDevice.1.WANDSLInterfaceConfig.DownstreamNoiseMargin i r @signal
WANDevice.1.WANDSLInterfaceConfig.UpstreamNoiseMargin i r @signal
WANDevice.1.WANDSLInterfaceConfig.DownstreamAttenuation i r @signal
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.Enable b w =1
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ConnectionStatus s r =Connected
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ConnectionType s w =IP_Routed
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.Name s w =internet
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.Uptime u r @uptime
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.NATEnabled b w =1
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.AddressingType s w =DHCP
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.ExternalIPAddress s r @address
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.SubnetMask s r =255.255.0.0
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.DefaultGateway s r =198.18.0.1
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.DNSServers s w =198.18.0.2,198.18.0.3
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.MACAddress s r @mac
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.PortMappingEnabled b w =0
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.RemoteHost s w =
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.ExternalPort u w =8443
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.InternalPort u w =443
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.PortMappingProtocol s w =TCP
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.InternalClient s w =192.168.1.10
WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.PortMapping.1.PortMappingDescription s w =
IPPingDiagnostics.DiagnosticsState s w @diagnostics
IPPingDiagnostics.Interface s w =
IPPingDiagnostics.Host s w =
IPPingDiagnostics.NumberOfRepetitions u w =4
IPPingDiagnostics.Timeout u w =1000
IPPingDiagnostics.DataBlockSize u w =64
IPPingDiagnostics.SuccessCount u r =0
IPPingDiagnostics.FailureCount u r =0
IPPingDiagnostics.AverageResponseTime u r =0
IPPingDiagnostics.MinimumResponseTime u r =0
IPPingDiagnostics.MaximumResponseTime u r =0
TraceRouteDiagnostics.DiagnosticsState s w @diagnostics
TraceRouteDiagnostics.Interface s w =
TraceRouteDiagnostics.Host s w =
TraceRouteDiagnostics.NumberOfTries u w =3
TraceRouteDiagnostics.Timeout u w =5000
TraceRouteDiagnostics.DataBlockSize u w =38
TraceRouteDiagnostics.MaxHopCount u w =30
TraceRouteDiagnostics.ResponseTime u r =0
TraceRouteDiagnostics.NumberOfRouteHops u r =0
TraceRouteDiagnostics.RouteHops.{1-3}.HopHost s r =
TraceRouteDiagnostics.RouteHops.{1-3}.HopHostAddress s r =
TraceRouteDiagnostics.RouteHops.{1-3}.HopErrorCode u r =0
TraceRouteDiagnostics.RouteHops.{1-3}.HopRTTimes s r =
DownloadDiagnostics.DiagnosticsState s w @diagnostics
DownloadDiagnostics.Interface s w =
DownloadDiagnostics.DownloadURL s w =
DownloadDiagnostics.ROMTime t r =0001-01-01T00:00:00Z
DownloadDiagnostics.BOMTime t r =0001-01-01T00:00:00Z
DownloadDiagnostics.EOMTime t r =0001-01-01T00:00:00Z
DownloadDiagnostics.TestBytesReceived u r =0
DownloadDiagnostics.TotalBytesReceived u r =0
UploadDiagnostics.DiagnosticsState s w @diagnostics
UploadDiagnostics.UploadURL s w =
UploadDiagnostics.TestFileLength u w =0
UploadDiagnostics.ROMTime t r =0001-01-01T00:00:00Z
UploadDiagnostics.BOMTime t r =0001-01-01T00:00:00Z
UploadDiagnostics.EOMTime t r =0001-01-01T00:00:00Z
UploadDiagnostics.TotalBytesSent u r =0
";
