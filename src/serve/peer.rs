//! Which local user is at the other end of a connection.
//!
//! TCP carries no credentials, but both ends of a loopback connection are sockets of this machine, and the kernel tells
//! of every socket who made it: `/proc/net/tcp` and `tcp6`, documented in `Documentation/networking/proc_net_tcp.rst`.
//! One look per connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The tables. A client may have used an IPv6 socket to an IPv4 address.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Sockets that come and go while the kernel prints a table can hide another one's row.
const LOOKS: usize = 3;

/// The state `TCP_ESTABLISHED`. In other states (`TIME_WAIT`) the kernel may print user 0.
const ESTABLISHED: u8 = 1;

/// Whether this number stands for one user. In a user namespace it may stand for everybody who has no number there
/// (`user_namespaces(7)`, `/proc/sys/kernel/overflowuid`).
pub(super) fn is_one_user(uid: u32) -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    stands_for_one(uid, &read("/proc/self/uid_map"), &read("/proc/sys/kernel/overflowuid"))
}

fn stands_for_one(uid: u32, map: &str, overflow: &str) -> bool {
    let everybody = overflow.trim().parse().unwrap_or(65534);
    uid != everybody || map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
}

/// The user who made the socket that is `peer`, connected to `own`. `None` if there is no such socket, or if the tables
/// cannot be read; blocks for as long as it takes to read them.
pub(super) fn uid(peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    (0..LOOKS).find_map(|_| {
        TABLES.iter().find_map(|table| {
            let text = std::fs::read_to_string(table).ok()?;
            find(&text, peer, own)
        })
    })
}

fn find(table: &str, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
    let (peer, own) = (canonical(peer), canonical(own));
    let rows = table.lines().skip(1).filter_map(Row::parse);
    rows.filter(Row::is_live)
        .find(|row| row.local == peer && row.remote == own)
        .map(|row| row.uid)
}

/// An IPv4 address in an IPv6 one is the IPv4 address; scopes do not matter.
fn canonical(address: SocketAddr) -> (IpAddr, u16) {
    (address.ip().to_canonical(), address.port())
}

struct Row {
    local: (IpAddr, u16),
    remote: (IpAddr, u16),
    state: u8,
    uid: u32,
    inode: u64,
}

impl Row {
    /// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = endpoint(fields.next()?)?;
        let remote = endpoint(fields.next()?)?;
        let state = u8::from_str_radix(fields.next()?, 16).ok()?;
        let mut fields = fields.skip(3);
        let uid = fields.next()?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        Some(Self {
            local,
            remote,
            state,
            uid,
            inode,
        })
    }

    /// Whether a process has it open. Of one that nobody has the kernel prints user 0 and no inode.
    fn is_live(&self) -> bool {
        self.state == ESTABLISHED && self.inode != 0
    }
}

/// `0100007F:1F90`: the address as 32-bit words in the machine's byte order, the port as a number.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| {
        let digits = address.get(8 * index..8 * index + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(octets)).to_canonical()
        }
        _ => return None,
    };
    Some((ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    const HEADER: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    #[track_caller]
    fn check(rows: &[&str], peer: &str, own: &str, uid: Option<u32>) {
        let table = [&[HEADER], rows].concat().join("\n");
        let found = find(&table, peer.parse().unwrap(), own.parse().unwrap());
        assert_eq!(found, uid, "{peer} -> {own} in {rows:?}");
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn the_row_of_the_other_end_names_the_user() {
        let rest = "00000000:00000000 00:00000000 00000000";
        let row = |local: &str, remote: &str, state: &str, uid: u32, inode: u32| {
            format!("   0: {local} {remote} {state} {rest}  {uid}        0 {inode} 1 0000000000000000 20 4 30 10 -1")
        };
        let (peer, own) = ("127.0.0.1:40000", "127.0.0.1:8980");
        let theirs = row("0100007F:9C40", "0100007F:2314", "01", 1000, 77);
        let ours = row("0100007F:2314", "0100007F:9C40", "01", 0, 78);
        check(&[&ours, &theirs], peer, own, Some(1000));
        check(&[&ours], peer, own, None);
        check(&[], peer, own, None);
        check(&["nonsense", "0: 1 2 3", &theirs], peer, own, Some(1000));
        // Closed by the process: the kernel says that it is root's.
        check(&[&row("0100007F:9C40", "0100007F:2314", "06", 0, 0)], peer, own, None);
        check(&[&row("0100007F:9C40", "0100007F:2314", "01", 0, 0)], peer, own, None);
        // Another connection of the same port.
        check(
            &[&row("0100007F:9C40", "0100007F:2315", "01", 1000, 77)],
            peer,
            own,
            None,
        );
        // An IPv6 socket connected to an IPv4 address, and IPv6 proper.
        let mapped = "0000000000000000FFFF00000100007F";
        let row6 = row(&format!("{mapped}:9C40"), &format!("{mapped}:2314"), "01", 1001, 79);
        check(&[&row6], peer, own, Some(1001));
        check(
            &[&row6],
            "[::ffff:127.0.0.1]:40000",
            "[::ffff:127.0.0.1]:8980",
            Some(1001),
        );
        let one = "00000000000000000000000001000000";
        let row6 = row(&format!("{one}:9C40"), &format!("{one}:2314"), "01", 1002, 80);
        check(&[&row6], "[::1]:40000", "[::1]:8980", Some(1002));
    }

    #[test]
    fn the_number_of_those_without_a_number_is_nobodys() {
        let check = |uid, map, one| assert_eq!(stands_for_one(uid, map, "65534\n"), one, "{uid} {map}");
        let all = "         0          0 4294967295\n";
        check(65534, all, true);
        check(1000, all, true);
        let some = "         0     100000      65536\n";
        check(65534, some, false);
        check(1000, some, true);
        check(65534, "", false);
    }

    #[test]
    fn our_own_connections_are_ours() {
        let own = rustix::process::getuid().as_raw();
        let mut heard = 0;
        for (listen, connect) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("[::1]:0", "::1"),
            // A socket for both families sees the IPv4 client under a mapped address.
            ("[::]:0", "127.0.0.1"),
        ] {
            // A machine may be without IPv6.
            let Ok(listener) = TcpListener::bind(listen) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let ip: IpAddr = connect.parse().unwrap();
            let client = TcpStream::connect((ip, port)).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let here = server.local_addr().unwrap();
            assert_eq!(uid(peer, here), Some(own), "{listen} from {connect}");
            drop(client);
            assert_eq!(uid(peer, here), None, "{listen} from {connect}, closed");
            heard += 1;
        }
        assert!(heard > 0);
    }
}
