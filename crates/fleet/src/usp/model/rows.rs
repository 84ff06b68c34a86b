//! What a gateway of TR-181 Issue 2 (Device:2, profile of USP) has. One line for each object, below it its parameters, events
//! and commands.
//!
//! `o PATH`: an object; `l PATH`: a table that the device keeps; `t PATH`: one that a controller may add to. Parameters: name, type
//! (`s b i u l t`), access (`r` read, `c` read and changing all the time, `w` written), what is in it. Events: name and arguments.
//! Commands: name, `sync` or `async`, `<` what it must be given, `[` what else it takes, `>` what it gives. `k`: a unique key.

pub(super) const ROWS: &str = "\
o Device.
 RootDataModelVersion s r =2.19
 Boot! CommandKey,Cause,FirmwareUpdated,ParameterMap
 Reboot() sync
 FactoryReset() sync
 ScheduleTimer() async <DelaySeconds
 SelfTestDiagnostics() async >Status,Results
o Device.DeviceInfo.
 Manufacturer s r @manufacturer
 ManufacturerOUI s r @oui
 ModelName s r @product
 ModelNumber s r =1
 ProductClass s r @product
 SerialNumber s r @serial
 Description s r =A simulated gateway
 HardwareVersion s r =A1
 SoftwareVersion s r @software
 ProvisioningCode s w =
 FriendlyName s w =
 UpTime u c @uptime
 FirstUseDate t r =2024-03-01T08:00:00Z
 ActiveFirmwareImage s r =Device.DeviceInfo.FirmwareImage.1
 BootFirmwareImage s w =Device.DeviceInfo.FirmwareImage.1
 FirmwareImageNumberOfEntries u r #
 VendorConfigFileNumberOfEntries u r #
 VendorLogFileNumberOfEntries u r #
o Device.DeviceInfo.MemoryStatus.
 Total u r =524288
 Free u c @small
o Device.DeviceInfo.ProcessStatus.
 CPUUsage u c @small
o Device.DeviceInfo.TemperatureStatus.
 TemperatureSensorNumberOfEntries u r #
l Device.DeviceInfo.TemperatureStatus.TemperatureSensor.{i}. 1
 Enable b w =true
 Name s r =CPU
 Status s r =Enabled
 Value i c @small
 Reset() sync
l Device.DeviceInfo.FirmwareImage.{i}. 2
 Alias s w =
 Name s r =firmware
 Version s r @software
 Available b w =true
 Status s r =Available
 Download() async <URL [AutoActivate,Username,Password,FileSize,CheckSumAlgorithm,CheckSum,CommandKey
 Activate() async [TimeWindow
l Device.DeviceInfo.VendorConfigFile.{i}. 1
 Alias s w =
 Name s r =config
 Version s r =1
 Backup() async <URL [Username,Password
 Restore() async <URL [Username,Password,FileSize,TargetFileName,CheckSumAlgorithm,CheckSum
l Device.DeviceInfo.VendorLogFile.{i}. 2
 Alias s w =
 Name s r =syslog
 MaximumSize u r =65536
 Persistent b r =false
 Upload() async <URL [Username,Password
o Device.LocalAgent.
 EndpointID s r @endpoint
 SoftwareVersion s r =1
 UpTime u c @uptime
 SupportedProtocols s r =WebSocket,STOMP,MQTT
 MTPNumberOfEntries u r #
 ControllerNumberOfEntries u r #
 SubscriptionNumberOfEntries u r #
 RequestNumberOfEntries u r #
 Periodic!
 TransferComplete! Command,CommandKey,Requestor,TransferType,Affected,TransferURL,StartTime,CompleteTime,FaultCode,FaultString
l Device.LocalAgent.MTP.{i}. 1
 Alias s w =
 Enable b w =true
 Status s r =Up
 Protocol s r @mtp
l Device.LocalAgent.Controller.{i}. 1
 Alias s w =
 EndpointID s r @controller
 Enable b w =true
 ProvisioningCode s w =
 AssignedRole s r =Device.LocalAgent.ControllerTrust.Role.1
 PeriodicNotifInterval u w @interval
 PeriodicNotifTime t w =0001-01-01T00:00:00Z
 USPNotifRetryMinimumWaitInterval u w =5
 USPNotifRetryIntervalMultiplier u w =2000
 k EndpointID
 SendOnBoardRequest() sync
 ScheduleTimer() async <DelaySeconds
t Device.LocalAgent.Subscription.{i}. 0
 Alias s w =
 Enable b w =false
 Recipient s r =
 ID s w =
 CreationDate t r =0001-01-01T00:00:00Z
 NotifType s w =
 ReferenceList s w =
 Persistent b w =false
 TimeToLive u w =0
 NotifRetry b w =false
 NotifExpiration u w =0
 k Alias
 k Recipient,ID
l Device.LocalAgent.Request.{i}. 0
 Alias s w =
 Originator s r =
 Command s r =
 CommandKey s r =
 Status s r =
 Cancel() sync
o Device.Time.
 Enable b w =true
 Status s r =Synchronized
 CurrentLocalTime t c @time
 NTPServer1 s w =
 LocalTimeZone s w =UTC0
o Device.Ethernet.
 InterfaceNumberOfEntries u r #
l Device.Ethernet.Interface.{i}. 5
 Enable b w =true
 Status s r =Up
 Name s r =eth
 MACAddress s r @mac
 MaxBitRate i w =-1
 CurrentBitRate u r =1000
o Device.Ethernet.Interface.{i}.Stats.
 BytesSent l c @counter
 BytesReceived l c @counter
 PacketsSent l c @counter
 PacketsReceived l c @counter
 ErrorsReceived u r =0
o Device.WiFi.
 RadioNumberOfEntries u r #
 SSIDNumberOfEntries u r #
 AccessPointNumberOfEntries u r #
 NeighboringWiFiDiagnostic() async >Status
l Device.WiFi.Radio.{i}. 2
 Enable b w =true
 Status s r =Up
 Channel u w @channel
 AutoChannelEnable b w =true
 TransmitPower i w =100
o Device.WiFi.Radio.{i}.Stats.
 BytesSent l c @counter
 Noise i c @noise
t Device.WiFi.SSID.{i}. 4
 Alias s w =
 Enable b w =true
 Status s r =Up
 BSSID s r @mac
 SSID s w @ssid
 LowerLayers s w =Device.WiFi.Radio.1
 k Alias
o Device.WiFi.SSID.{i}.Stats.
 BytesSent l c @counter
 BytesReceived l c @counter
t Device.WiFi.AccessPoint.{i}. 4
 Alias s w =
 Enable b w =true
 Status s r =Enabled
 SSIDReference s w =
 SSIDAdvertisementEnabled b w =true
 AssociatedDeviceNumberOfEntries u c @small
 k Alias
o Device.WiFi.AccessPoint.{i}.Security.
 ModeEnabled s w =WPA2-Personal
 KeyPassphrase s x =
o Device.IP.
 InterfaceNumberOfEntries u r #
t Device.IP.Interface.{i}. 2
 Alias s w =
 Enable b w =true
 Status s r =Up
 Name s r =ip
 LowerLayers s w =
 MaxMTUSize u w =1500
 Reset() sync
 k Alias
o Device.IP.Interface.{i}.Stats.
 BytesSent l c @counter
 BytesReceived l c @counter
t Device.IP.Interface.{i}.IPv4Address.{i}. 1
 Alias s w =
 Enable b w =true
 IPAddress s w @address
 SubnetMask s w =255.255.0.0
 AddressingType s r =DHCP
 k Alias
o Device.IP.Diagnostics.
 IPv4PingSupported b r =true
 IPPing() async <Host [Interface,ProtocolVersion,NumberOfRepetitions,Timeout,DataBlockSize,DSCP \
>Status,IPAddressUsed,SuccessCount,FailureCount,AverageResponseTime,MinimumResponseTime,MaximumResponseTime
 TraceRoute() async <Host [Interface,ProtocolVersion,NumberOfTries,Timeout,DataBlockSize,DSCP,MaxHopCount \
>Status,IPAddressUsed,ResponseTime
 DownloadDiagnostics() async <DownloadURL [Interface,DSCP,EthernetPriority,TimeBasedTestDuration,ProtocolVersion,NumberOfConnections \
>Status,ROMTime,BOMTime,EOMTime,TestBytesReceived,TotalBytesReceived,TotalBytesSent
 UploadDiagnostics() async <UploadURL [Interface,DSCP,EthernetPriority,TestFileLength,ProtocolVersion,NumberOfConnections \
>Status,ROMTime,BOMTime,EOMTime,TestBytesSent,TotalBytesReceived,TotalBytesSent
 UDPEchoDiagnostics() async <Host,Port [Interface,NumberOfRepetitions,Timeout,DataBlockSize \
>Status,SuccessCount,FailureCount,AverageResponseTime,MinimumResponseTime,MaximumResponseTime
 ServerSelectionDiagnostics() async <HostList [Interface,Protocol,Port,NumberOfRepetitions,Timeout \
>Status,FastestHost,AverageResponseTime,MinimumResponseTime,MaximumResponseTime
t Device.NAT.PortMapping.{i}. 1
 Alias s w =
 Enable b w =false
 ExternalPort u w =0
 InternalPort u w =0
 Protocol s w =TCP
 InternalClient s w =
 Description s w =
 k Alias
l Device.DNS.Client.Server.{i}. 2
 DNSServer s w =198.18.0.2
t Device.Users.User.{i}. 1
 Alias s w =
 Enable b w =true
 Username s w =admin
 Password s x =
 k Alias
o Device.Hosts.
 HostNumberOfEntries u r #
l Device.Hosts.Host.{i}. 6
 PhysAddress s r @mac
 IPAddress s r @lan
 HostName s r =host
 Active b r =true
o Device.SoftwareModules.
 DeploymentUnitNumberOfEntries u r #
 InstallDU() async <URL [UUID,Username,Password,ExecutionEnvRef
 DUStateChange! UUID,DeploymentUnitRef,Version,CurrentState,Resolved,StartTime,CompleteTime,OperationPerformed,Fault.FaultCode,Fault.FaultString
l Device.SoftwareModules.DeploymentUnit.{i}. 0
 UUID s r =
 Name s r =
 Version s r =1
 Status s r =Installed
 URL s r =
 Update() async [URL,Username,Password
 Uninstall() async
";

/// What small agents do without.
pub(super) const NOT_SLIM: [&str; 8] = [
    "Device.LocalAgent.Request.{i}.",
    "Device.SoftwareModules.",
    "Device.Users.",
    "Device.Hosts.",
    "Device.DNS.",
    "Device.WiFi.AccessPoint.{i}.",
    "Device.DeviceInfo.TemperatureStatus.",
    "Device.NAT.",
];

/// Parameters that they do without as well, with their objects.
pub(super) const NOT_SLIM_PARAMETERS: [(&str, &str); 4] = [
    ("Device.LocalAgent.Subscription.{i}.", "NotifExpiration"),
    ("Device.LocalAgent.Subscription.{i}.", "TimeToLive"),
    ("Device.LocalAgent.Subscription.{i}.", "Alias"),
    ("Device.LocalAgent.Controller.{i}.", "PeriodicNotifTime"),
];
