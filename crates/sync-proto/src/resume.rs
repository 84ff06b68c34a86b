//! From where a replica goes on that comes back.

/// The cursor that a handshake is answered with.
///
/// `claimed` is what the replica says itself that it has (`metadata.sinceCursor`): it knows best, also if it lost something. `stored` is
/// the highest cursor it has presented before, if its token names it (`proved`) and it was ever heard of. Nobody else is told
/// from where a replica goes on: without either it begins anew.
///
/// Never above `head`. A cursor that is above it is of another life of the log, in which other operations had the same numbers: who
/// presents one begins anew.
#[must_use]
pub fn point(stored: Option<u64>, claimed: Option<u64>, proved: bool, head: u64) -> u64 {
    let known = claimed.or(stored.filter(|_| proved));
    known.filter(|&cursor| cursor <= head).unwrap_or(0)
}

/// What is remembered of a replica after it presented `presented`: the higher of both, never above `head`.
#[must_use]
pub fn after(stored: u64, presented: u64, head: u64) -> u64 {
    if presented > head { stored } else { stored.max(presented) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_goes_on_where_it_was_only_if_its_token_names_it_or_it_says_so_itself() {
        for (stored, claimed, proved, head, expected) in [
            (None, None, true, 10, 0),
            (None, None, false, 10, 0),
            (Some(7), None, true, 10, 7),
            (Some(7), None, false, 10, 0),
            (Some(7), Some(9), true, 10, 9),
            (Some(7), Some(3), true, 10, 3),
            (Some(7), Some(0), true, 10, 0),
            (Some(7), Some(9), false, 10, 9),
            (Some(10), None, true, 10, 10),
            (Some(11), None, true, 10, 0),
            (None, Some(11), false, 10, 0),
        ] {
            assert_eq!(point(stored, claimed, proved, head), expected, "{stored:?} {claimed:?} {proved} {head}");
        }
    }

    #[test]
    fn what_is_remembered_grows_and_is_never_above_the_head() {
        assert_eq!(after(3, 5, 10), 5);
        assert_eq!(after(5, 3, 10), 5);
        assert_eq!(after(5, 11, 10), 5);
    }
}
