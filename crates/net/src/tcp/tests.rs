use std::io::Error;

use super::*;

fn bind(addr: &str) -> Result<TcpFront, BindError> {
    TcpFront::bind(addr.parse().unwrap(), Tls::Off, FrontOptions::default(), LiveRules::default())
}

#[tokio::test]
async fn a_port_in_use_is_said_with_its_mend() {
    let first = bind("127.0.0.1:0").unwrap();
    let error = bind(&first.local_addr().to_string()).unwrap_err();
    assert!(matches!(error, BindError::AddressInUse { addr } if addr == first.local_addr()));
    let expected = format!(
        "cannot listen on {}: the port is in use; stop the program that uses it or choose another port",
        first.local_addr()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn an_address_of_another_host_is_not_available() {
    // RFC 5737 §3: 192.0.2.0/24 is nobody's.
    let error = bind("192.0.2.1:0").unwrap_err();
    assert!(matches!(error, BindError::NotAvailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_is_free_again_at_once() {
    let first = bind("127.0.0.1:0").unwrap();
    let addr = first.local_addr();
    let client = TcpStream::connect(addr).await.unwrap();
    // The server closes first: its end is left in TIME-WAIT.
    drop(first.accept().await);
    drop((client, first));
    bind(&addr.to_string()).unwrap();
}

#[test]
fn every_cause_has_its_own_sentence() {
    let addr = "192.0.2.1:443".parse().unwrap();
    let causes = [
        (libc::EADDRINUSE, "in use"),
        (libc::EACCES, "permission denied"),
        (libc::EPERM, "permission denied"),
        (libc::EADDRNOTAVAIL, "no such address"),
        (libc::EAFNOSUPPORT, "address family"),
        (libc::EMFILE, "file descriptor"),
        (libc::ENFILE, "file descriptor"),
        (libc::EINVAL, "refused the socket"),
    ];
    for (errno, words) in causes {
        let error = BindError::from_io(addr, Error::from_raw_os_error(errno));
        assert_eq!(error.addr(), addr);
        let text = error.to_string();
        assert!(text.starts_with("cannot listen on 192.0.2.1:443: ") && text.contains(words), "{text}");
    }
}

#[test]
fn mapped_addresses_are_canonical() {
    assert_eq!(canonical("[::ffff:192.0.2.1]:80".parse().unwrap()), "192.0.2.1:80".parse().unwrap());
    assert_eq!(canonical("[2001:db8::1]:80".parse().unwrap()), "[2001:db8::1]:80".parse().unwrap());
}
