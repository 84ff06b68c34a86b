//! A gateway of TR-181 Issue 2 (`Device:2`). What a row says is in [`super::rows`].

pub(super) const ROOT: &str = "Device.";

/// Objects that AddObject and DeleteObject are for.
pub(super) const TABLES: &[&str] =
    &["IP.Interface.", "NAT.PortMapping.", "Routing.Router.1.IPv4Forwarding.", "Users.User.", "WiFi.SSID."];

pub(super) const FORCED: &[&str] = &[
    "RootDataModelVersion",
    "DeviceInfo.HardwareVersion",
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "ManagementServer.ParameterKey",
    "ManagementServer.ConnectionRequestURL",
    "ManagementServer.AliasBasedAddressing",
];

pub(super) const ROWS: &str = "\
RootDataModelVersion s r =2.11
InterfaceStackNumberOfEntries u r =6
DeviceInfo.FirstUseDate t r =2024-03-01T08:00:00Z
DeviceInfo.MemoryStatus.Total u r =524288
DeviceInfo.MemoryStatus.Free u r @small
DeviceInfo.ProcessStatus.CPUUsage u r @small
DeviceInfo.TemperatureStatus.TemperatureSensor.1.Value i r @signal
ManagementServer.AliasBasedAddressing b r =0
ManagementServer.InstanceMode s w =InstanceNumber
Ethernet.InterfaceNumberOfEntries u r =5
Ethernet.Interface.{1-5}.Enable b w =1
Ethernet.Interface.{1-5}.Status s r =Up
Ethernet.Interface.{1-5}.MACAddress s r @mac
Ethernet.Interface.{1-5}.MaxBitRate i w =-1
Ethernet.Interface.{1-5}.CurrentBitRate u r =1000
Ethernet.Interface.{1-5}.Stats.BytesSent l r @counter
Ethernet.Interface.{1-5}.Stats.BytesReceived l r @counter
Ethernet.Interface.{1-5}.Stats.PacketsSent l r @counter
Ethernet.Interface.{1-5}.Stats.PacketsReceived l r @counter
Ethernet.Interface.{1-5}.Stats.ErrorsReceived u r =0
IP.InterfaceNumberOfEntries u r =2
IP.Interface.{1-2}.Enable b w =1
IP.Interface.{1-2}.Status s r =Up
IP.Interface.{1-2}.Name s r =ip
IP.Interface.{1-2}.LowerLayers s w =
IP.Interface.{1-2}.MaxMTUSize u w =1500
IP.Interface.1.IPv4Address.1.IPAddress s w @address
IP.Interface.1.IPv4Address.1.SubnetMask s w =255.255.0.0
IP.Interface.1.IPv4Address.1.AddressingType s r =DHCP
IP.Interface.2.IPv4Address.1.IPAddress s w =192.168.1.1
IP.Interface.2.IPv4Address.1.SubnetMask s w =255.255.255.0
IP.Interface.2.IPv4Address.1.AddressingType s r =Static
IP.Interface.{1-2}.Stats.BytesSent l r @counter
IP.Interface.{1-2}.Stats.BytesReceived l r @counter
IP.Diagnostics.IPPing.DiagnosticsState s w @diagnostics
IP.Diagnostics.IPPing.Interface s w =
IP.Diagnostics.IPPing.Host s w =
IP.Diagnostics.IPPing.NumberOfRepetitions u w =4
IP.Diagnostics.IPPing.Timeout u w =1000
IP.Diagnostics.IPPing.DataBlockSize u w =64
IP.Diagnostics.IPPing.SuccessCount u r =0
IP.Diagnostics.IPPing.FailureCount u r =0
IP.Diagnostics.IPPing.AverageResponseTime u r =0
IP.Diagnostics.IPPing.MinimumResponseTime u r =0
IP.Diagnostics.IPPing.MaximumResponseTime u r =0
IP.Diagnostics.TraceRoute.DiagnosticsState s w @diagnostics
IP.Diagnostics.TraceRoute.Interface s w =
IP.Diagnostics.TraceRoute.Host s w =
IP.Diagnostics.TraceRoute.NumberOfTries u w =3
IP.Diagnostics.TraceRoute.Timeout u w =5000
IP.Diagnostics.TraceRoute.DataBlockSize u w =38
IP.Diagnostics.TraceRoute.MaxHopCount u w =30
IP.Diagnostics.TraceRoute.ResponseTime u r =0
IP.Diagnostics.TraceRoute.RouteHopsNumberOfEntries u r =0
IP.Diagnostics.TraceRoute.RouteHops.{1-3}.Host s r =
IP.Diagnostics.TraceRoute.RouteHops.{1-3}.HostAddress s r =
IP.Diagnostics.TraceRoute.RouteHops.{1-3}.ErrorCode u r =0
IP.Diagnostics.TraceRoute.RouteHops.{1-3}.RTTimes s r =
IP.Diagnostics.DownloadDiagnostics.DiagnosticsState s w @diagnostics
IP.Diagnostics.DownloadDiagnostics.Interface s w =
IP.Diagnostics.DownloadDiagnostics.DownloadURL s w =
IP.Diagnostics.DownloadDiagnostics.ROMTime t r =0001-01-01T00:00:00Z
IP.Diagnostics.DownloadDiagnostics.BOMTime t r =0001-01-01T00:00:00Z
IP.Diagnostics.DownloadDiagnostics.EOMTime t r =0001-01-01T00:00:00Z
IP.Diagnostics.DownloadDiagnostics.TestBytesReceived u r =0
IP.Diagnostics.DownloadDiagnostics.TotalBytesReceived u r =0
IP.Diagnostics.UploadDiagnostics.DiagnosticsState s w @diagnostics
IP.Diagnostics.UploadDiagnostics.UploadURL s w =
IP.Diagnostics.UploadDiagnostics.TestFileLength u w =0
IP.Diagnostics.UploadDiagnostics.ROMTime t r =0001-01-01T00:00:00Z
IP.Diagnostics.UploadDiagnostics.BOMTime t r =0001-01-01T00:00:00Z
IP.Diagnostics.UploadDiagnostics.EOMTime t r =0001-01-01T00:00:00Z
IP.Diagnostics.UploadDiagnostics.TotalBytesSent u r =0
WiFi.RadioNumberOfEntries u r =2
WiFi.SSIDNumberOfEntries u r =4
WiFi.Radio.{1-2}.Enable b w =1
WiFi.Radio.{1-2}.Status s r =Up
WiFi.Radio.{1-2}.Channel u w @channel
WiFi.Radio.{1-2}.AutoChannelEnable b w =1
WiFi.Radio.{1-2}.TransmitPower i w =100
WiFi.Radio.{1-2}.Stats.Noise i r @signal
WiFi.SSID.{1-4}.Enable b w =1
WiFi.SSID.{1-4}.Status s r =Up
WiFi.SSID.{1-4}.BSSID s r @mac
WiFi.SSID.{1-4}.SSID s w @ssid
WiFi.SSID.{1-4}.LowerLayers s w =Device.WiFi.Radio.1.
WiFi.SSID.{1-4}.Stats.BytesSent l r @counter
WiFi.SSID.{1-4}.Stats.BytesReceived l r @counter
WiFi.AccessPoint.{1-4}.Enable b w =1
WiFi.AccessPoint.{1-4}.SSIDReference s w =
WiFi.AccessPoint.{1-4}.SSIDAdvertisementEnabled b w =1
WiFi.AccessPoint.{1-4}.Security.ModeEnabled s w =WPA2-Personal
WiFi.AccessPoint.{1-4}.Security.KeyPassphrase s w @secret
WiFi.AccessPoint.{1-4}.AssociatedDeviceNumberOfEntries u r @small
DHCPv4.Server.Enable b w =1
DHCPv4.Server.Pool.1.Enable b w =1
DHCPv4.Server.Pool.1.MinAddress s w =192.168.1.100
DHCPv4.Server.Pool.1.MaxAddress s w =192.168.1.199
DHCPv4.Server.Pool.1.LeaseTime i w =86400
DNS.Client.Server.1.DNSServer s w =198.18.0.2
DNS.Client.Server.2.DNSServer s w =198.18.0.3
NAT.PortMapping.1.Enable b w =0
NAT.PortMapping.1.ExternalPort u w =8443
NAT.PortMapping.1.InternalPort u w =443
NAT.PortMapping.1.Protocol s w =TCP
NAT.PortMapping.1.InternalClient s w =192.168.1.10
NAT.PortMapping.1.Description s w =
Routing.Router.1.Enable b w =1
Routing.Router.1.IPv4Forwarding.1.Enable b w =1
Routing.Router.1.IPv4Forwarding.1.DestIPAddress s w =0.0.0.0
Routing.Router.1.IPv4Forwarding.1.GatewayIPAddress s w =198.18.0.1
Routing.Router.1.IPv4Forwarding.1.ForwardingMetric i w =0
Users.User.1.Enable b w =1
Users.User.1.Username s w =admin
Users.User.1.Password s w @secret
Hosts.HostNumberOfEntries u r @hosts
Hosts.Host.{1-H}.PhysAddress s r @mac
Hosts.Host.{1-H}.IPAddress s r @lan
Hosts.Host.{1-H}.HostName s r =host
Hosts.Host.{1-H}.Active b r =1
";
