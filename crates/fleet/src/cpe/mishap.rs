use super::noise::Dice;

/// Something that goes wrong with one exchange, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mishap {
    /// The connection ends when the request has left, before anything was answered.
    LostAnswer,
    /// The answer came, and the device went down with its session before it read it: it begins another.
    Crash,
    /// The same, and the device boots.
    PowerLoss,
    /// The request is no HTTP body of SOAP.
    Garbage,
    /// The same bytes are sent twice, with the same answer to the challenge. The first answer counts.
    Twice,
    /// The body comes in pieces, with pauses.
    Slow,
    /// The `Retry-After` of a 503 is not heard: the device comes when it thinks fit.
    Deaf,
}

/// All, with the name of each.
pub(super) const ALL: [(Mishap, &str); 7] = [
    (Mishap::LostAnswer, "lost_answer"),
    (Mishap::Crash, "crash"),
    (Mishap::PowerLoss, "power_loss"),
    (Mishap::Garbage, "garbage"),
    (Mishap::Twice, "twice"),
    (Mishap::Slow, "slow"),
    (Mishap::Deaf, "deaf"),
];

impl Mishap {
    /// Whether something goes wrong this time, and what.
    pub(super) fn draw(dice: &mut Dice, share: f64) -> Option<Self> {
        if share <= 0.0 || dice.unit() >= share {
            return None;
        }
        ALL.get(dice.below(ALL.len() as u64) as usize).map(|(mishap, _)| *mishap)
    }

    pub(super) fn name(self) -> &'static str {
        ALL.iter().find(|(mishap, _)| *mishap == self).map_or("", |(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_goes_wrong_as_is_to_and_everything_does_at_times() {
        let mut dice = Dice::new(&[4]);
        assert!((0..1_000).all(|_| Mishap::draw(&mut dice, 0.0).is_none()));
        let drawn: Vec<Mishap> = (0..1_000).filter_map(|_| Mishap::draw(&mut dice, 0.5)).collect();
        assert!((400..600).contains(&drawn.len()));
        for (mishap, name) in ALL {
            assert!(drawn.contains(&mishap) && mishap.name() == name, "{name}");
        }
    }
}
