/// A pattern for a whole text: `*` stands for any number of characters, `?` for one, everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<str>);

impl Glob {
    /// Of a pattern.
    pub const CHARS_MAX: usize = 128;

    /// Takes a pattern; `None`: it is too long.
    #[must_use]
    pub fn new(pattern: &str) -> Option<Self> {
        (pattern.chars().take(Self::CHARS_MAX + 1).count() <= Self::CHARS_MAX).then(|| Self(pattern.into()))
    }

    /// The pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is like this. In time that grows with the product of both lengths at most: only the last `*` is tried again.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Behind the last star, and where the text goes on if that one takes one character more.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p + 1, t + 1));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
                _ => match star {
                    Some((behind, next)) => {
                        (p, t) = (behind, next);
                        star = Some((behind, next + 1));
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text_and_the_rest_for_itself() {
        let table = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("1.2", "1.2", true),
            ("1.2", "1x2", false),
            ("1.*", "1.2.3", true),
            ("1.*", "1", false),
            ("*-beta", "1-beta-beta", true),
            ("*-beta", "1-beta2", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c", false),
            ("v?", "vä", true),
            ("v?", "v", false),
            ("**", "x", true),
        ];
        for (pattern, text, fits) in table {
            assert_eq!(Glob::new(pattern).unwrap().fits(text), fits, "{pattern} {text}");
        }
        assert!(Glob::new(&"*".repeat(129)).is_none());
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let pattern = "*a".repeat(60);
        assert!(!Glob::new(&pattern).unwrap().fits(&format!("{}b", "a".repeat(250))));
    }
}
