use std::io;
use std::net::{IpAddr, SocketAddr};

use super::Socket;

/// Spreads clients over the sockets that share an address: the same client always meets the same socket.
///
/// The kernel runs a small program (classic BPF) over each datagram; [`Steering::member_for`] computes the same in user
/// mode. The kernel's own hash would keep a client together too, but only as long as the number of sockets stays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steering {
    /// Makes the spread of one process differ from another's.
    seed: u32,
    members: u32,
}

/// Odd 32-bit constants with well mixed bits: the golden ratio, and two of MurmurHash3's finaliser.
const PORT_FACTOR: u32 = 0x9E37_79B1;
const ADDRESS_FACTOR: u32 = 0x85EB_CA6B;
const FINAL_FACTOR: u32 = 0xC2B2_AE35;

/// IPv4: source address at 12, ports behind a header of variable length. IPv6: next header at 6, source address at 8,
/// ports at 40 unless extension headers come between.
const V4_SOURCE: u32 = 12;
const V6_NEXT_HEADER: u32 = 6;
const V6_SOURCE: u32 = 8;
const V6_PORTS: u32 = 40;
const UDP_PROTOCOL: u32 = 17;

/// Loads relative to the network header, wherever the data pointer stands.
const NETWORK: u32 = libc::SKF_NET_OFF as u32;

impl Steering {
    pub(super) fn new(seed: u32, members: usize) -> Self {
        let members = u32::try_from(members).expect("sockets of a group are counted in descriptors");
        Self { seed, members: members.max(1) }
    }

    /// The index of the socket that datagrams of this client reach.
    pub(super) fn member_for(self, client: SocketAddr) -> usize {
        let mut hash = self.seed;
        let mut mix = |word: u32| hash = hash.wrapping_add(word).wrapping_mul(ADDRESS_FACTOR);
        match client.ip() {
            IpAddr::V4(ip) => mix(ip.to_bits()),
            IpAddr::V6(ip) => {
                for shift in [96, 64, 32, 0] {
                    mix((ip.to_bits() >> shift) as u32);
                }
            }
        }
        hash ^= u32::from(client.port()).wrapping_mul(PORT_FACTOR);
        hash = (hash ^ (hash >> 16)).wrapping_mul(FINAL_FACTOR);
        hash = (hash ^ (hash >> 13)) % self.members;
        hash as usize
    }

    /// Puts the program in force for the group that `socket` belongs to.
    pub(super) fn attach(self, socket: &Socket) -> io::Result<()> {
        let mut program = if socket.local().is_ipv4() { self.program_v4() } else { self.program_v6() };
        let len = libc::c_ushort::try_from(program.len()).expect("the program has a few dozen instructions");
        let filter = libc::sock_fprog { len, filter: program.as_mut_ptr() };
        socket.set_option(libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, &filter)
    }

    fn program_v4(self) -> Vec<libc::sock_filter> {
        let mut program = vec![
            // X = length of the IP header; A = source port, just behind it; M[1] = A * factor
            op(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, NETWORK),
            op(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, NETWORK),
            op(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, PORT_FACTOR),
            op(libc::BPF_ST, 1),
            op(libc::BPF_LD | libc::BPF_IMM, self.seed),
            op(libc::BPF_ST, 0),
        ];
        program.extend(mix_word(V4_SOURCE));
        program.extend(self.finish());
        program
    }

    fn program_v6(self) -> Vec<libc::sock_filter> {
        let mut program = vec![
            // M[1] = source port * factor, or 0 where extension headers hide the ports
            op(libc::BPF_LD | libc::BPF_IMM, 0),
            op(libc::BPF_ST, 1),
            op(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, NETWORK + V6_NEXT_HEADER),
            jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, UDP_PROTOCOL, 0, 3),
            op(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, NETWORK + V6_PORTS),
            op(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, PORT_FACTOR),
            op(libc::BPF_ST, 1),
            op(libc::BPF_LD | libc::BPF_IMM, self.seed),
            op(libc::BPF_ST, 0),
        ];
        for word in 0..4 {
            program.extend(mix_word(V6_SOURCE + 4 * word));
        }
        program.extend(self.finish());
        program
    }

    /// Mixes port into address and returns the remainder. Expects M[0] (address) and M[1] (port).
    fn finish(self) -> [libc::sock_filter; 14] {
        [
            op(libc::BPF_LD | libc::BPF_MEM, 0),
            op(libc::BPF_LDX | libc::BPF_MEM, 1),
            op(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0),
            op(libc::BPF_ST, 0),
            op(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 16),
            op(libc::BPF_LDX | libc::BPF_MEM, 0),
            op(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0),
            op(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, FINAL_FACTOR),
            op(libc::BPF_ST, 0),
            op(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 13),
            op(libc::BPF_LDX | libc::BPF_MEM, 0),
            op(libc::BPF_ALU | libc::BPF_XOR | libc::BPF_X, 0),
            op(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, self.members),
            op(libc::BPF_RET | libc::BPF_A, 0),
        ]
    }
}

/// M[0] = (M[0] + the word of the network header at `offset`) * factor
fn mix_word(offset: u32) -> [libc::sock_filter; 5] {
    [
        op(libc::BPF_LDX | libc::BPF_MEM, 0),
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, NETWORK + offset),
        op(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0),
        op(libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K, ADDRESS_FACTOR),
        op(libc::BPF_ST, 0),
    ]
}

fn op(code: u32, k: u32) -> libc::sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}
