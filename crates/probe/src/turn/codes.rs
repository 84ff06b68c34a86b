//! What a TURN server's refusals mean, and what to do about them.

/// Cause and mend of an error code in answer to a signed request of `username`, at `now` in Unix seconds.
pub(super) fn explain(code: u16, username: &str, now: u64) -> (String, String) {
    let (cause, mend) = match code {
        300 => ("the server sends clients to another one", "probe the alternate server"),
        400 => {
            ("the server finds the request malformed", "see the server's log; something on the way may rewrite packets")
        }
        401 => return unauthorised(username, now),
        403 => ("a policy of the server forbids it", "see the server's allowed and denied addresses"),
        420 => ("the server does not know an attribute that RFC 8656 asks it to know", "update the server"),
        437 => (
            "the server knows another allocation of this address and port, or lost ours",
            "probe again; if it stays, a balancer spreads one client over several servers",
        ),
        438 => (
            "the server calls its own fresh nonce stale: its instances share an address but no nonce key, or its nonces live for no time at all",
            "send one client to one instance; look at the nonce lifetime (coturn: stale-nonce)",
        ),
        440 => ("the server has no relay address of that family", "give it one, or ask for the other family"),
        441 => (
            "the server knows another user for this allocation: a balancer or NAT reuses addresses between clients",
            "probe again from another port or network",
        ),
        442 => ("the server relays no UDP", "enable UDP relaying"),
        486 => (
            "this user has as many allocations as the server allows one",
            "raise the quota for one user (ours: relay.allocations_per_user_max, coturn: user-quota), or wait until old allocations end",
        ),
        500 => ("the server failed", "see the server's log"),
        508 => (
            "the server has no port, memory or total quota left",
            "widen the range of relay ports and the total quota (ours: relay.allocations_max, coturn: total-quota)",
        ),
        _ => ("the server refuses this request", "see the server's log"),
    };
    (cause.to_owned(), mend.to_owned())
}

/// A server says 401 for every kind of wrong credential. What can be told from here: the expiry in the name.
fn unauthorised(username: &str, now: u64) -> (String, String) {
    match expiry(username) {
        Some(expiry) if expiry <= now => (
            format!("the credential expired {} s ago by this machine's clock", now - expiry),
            "fetch or mint a fresh one; if it is fresh, one of the clocks is wrong".to_owned(),
        ),
        Some(expiry) => (
            format!("the password was made from another secret, or the server's clock is more than {} s ahead", expiry - now),
            "compare the secret with the server's (ours: relay.secrets, coturn: static-auth-secret, no newline at its end); compare the clocks".to_owned(),
        ),
        None => (
            "the server knows no such user, or the password is wrong, or its realm differs from the one the password was hashed with".to_owned(),
            "check user and password; a server with a shared secret takes no plain users: use `--secret-file`".to_owned(),
        ),
    }
}

/// The end of a time-limited name: `expiry:name`, `name:expiry` or `expiry`.
fn expiry(username: &str) -> Option<u64> {
    let (before, after) = username.split_once(':').unwrap_or((username, ""));
    before.parse().or_else(|_| after.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    #[test]
    fn a_refused_credential_is_explained_by_the_expiry_in_its_name() {
        let cause = |username: &str| explain(401, username, NOW).0;
        assert!(cause("1699999000:a").contains("expired 1000 s ago"));
        assert!(cause("a:1699999000").contains("expired"));
        assert!(cause("1700000600:a").contains("another secret"));
        assert!(cause("1700000600").contains("600 s ahead"));
        assert!(cause("alice").contains("no such user"));
    }

    #[test]
    fn codes_of_rfc_8656_have_each_a_cause_of_their_own() {
        let known = [300, 400, 401, 403, 420, 437, 438, 440, 441, 442, 486, 500, 508, 599];
        let causes = known.map(|code| explain(code, "alice", NOW).0);
        for (at, cause) in causes.iter().enumerate() {
            assert!(!causes[..at].contains(cause), "{cause}");
        }
        assert!(explain(486, "a", NOW).1.contains("quota") && explain(508, "a", NOW).1.contains("ports"));
    }
}
