use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

/// Where the device of this number is on loopback, where devices have addresses of their own: from one there are 28,000
/// connections a minute.
pub(crate) fn own_address(number: u32) -> Ipv4Addr {
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(127, 64 | (a & 31), b, c.clamp(1, 254))
}

/// Connects for a device: on loopback from its own address.
pub(crate) async fn open(addr: SocketAddr, own: Ipv4Addr) -> std::io::Result<TcpStream> {
    if let IpAddr::V4(ip) = addr.ip()
        && ip.is_loopback()
    {
        let socket = TcpSocket::new_v4()?;
        // Systems without such addresses use the one they have.
        if socket.bind(SocketAddr::from((own, 0))).is_ok() {
            return socket.connect(addr).await;
        }
    }
    TcpStream::connect(addr).await
}
