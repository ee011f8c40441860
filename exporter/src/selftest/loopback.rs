//! Gives the loopback interface of a new network namespace addresses.
//!
//! In: addresses. Out: an interface that is up and has them. Never: another interface, or another network namespace than the
//! caller's own.
//! Sources: rtnetlink(7), netlink(7).

use std::io;
use std::net::Ipv4Addr;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, sendto, socket};

/// Number of the loopback interface: the first of every network namespace.
const LOOPBACK: u32 = 1;

/// Sets the interface up, with these addresses beside its own.
///
/// # Errors
/// What the kernel says.
pub(super) fn set_up(addresses: &[Ipv4Addr]) -> io::Result<()> {
    let up = libc::IFF_UP as u32;
    // struct ifinfomsg: family, type, index, flags, which of them change.
    let mut link = vec![0; 4];
    for word in [LOOPBACK, up, up] {
        link.extend(word.to_ne_bytes());
    }
    ask(libc::RTM_NEWLINK, 0, &link)?;
    for address in addresses {
        let octets = address.octets();
        // struct ifaddrmsg: family, length of the prefix, flags, scope, index; then the address as IFA_LOCAL and IFA_ADDRESS.
        let mut message = vec![libc::AF_INET as u8, 32, 0, 0];
        message.extend(LOOPBACK.to_ne_bytes());
        for kind in [libc::IFA_LOCAL, libc::IFA_ADDRESS] {
            message.extend(8u16.to_ne_bytes());
            message.extend(kind.to_ne_bytes());
            message.extend(octets);
        }
        ask(libc::RTM_NEWADDR, libc::NLM_F_CREATE as u16, &message)?;
    }
    Ok(())
}

/// Sends one request, and waits for its answer.
fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let socket = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let flags = flags | (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    let mut request = Vec::new();
    request.extend((16 + body.len() as u32).to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend([0; 8]);
    request.extend(body);
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(&socket, &request, SendFlags::empty(), &kernel)?;
    let mut answer = [0u8; 256];
    let (len, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    // struct nlmsghdr, and the error with its sign.
    match answer.get(16..20).and_then(|error| error.try_into().ok()) {
        Some(error) if len >= 20 => match i32::from_ne_bytes(error) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(-error)),
        },
        _ => Err(io::Error::other("the kernel gave no answer")),
    }
}
