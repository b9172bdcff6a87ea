//! Randomness that is a pure function of what it is about.
//!
//! There is no state: each property of each simulated thing is a hash of (seed, kind of thing, number, name of the property).
//! So a record can be made alone, in any order, any number of times, and a new property does not disturb the others.

/// The dice of one simulated thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Dice of thing `number` of kind `kind` in the world of `seed`.
    pub(super) fn new(seed: u64, kind: &str, number: u64) -> Self {
        Self(mix(mix(mix(seed) ^ hash(kind)) ^ number))
    }

    /// Dice of one part of this thing, such as the third run of a plan.
    pub(super) fn part(self, kind: &str, number: u64) -> Self {
        Self(mix(mix(self.0 ^ hash(kind)) ^ number))
    }

    /// A number below `bound` for the property `name`; 0 when `bound` is 0.
    pub(super) fn below(self, name: &str, bound: u64) -> u64 {
        // The bias of the remainder is below one in 2^40 for the bounds used here.
        mix(self.0 ^ hash(name)).checked_rem(bound).unwrap_or(0)
    }

    /// A number in `low..=high`.
    pub(super) fn between(self, name: &str, low: u64, high: u64) -> u64 {
        low + self.below(name, high - low + 1)
    }

    /// True for one thing in `many`; never when `many` is 0.
    pub(super) fn one_in(self, name: &str, many: u64) -> bool {
        many != 0 && self.below(name, many) == 0
    }

    /// One of `choices`, each as likely as the others.
    pub(super) fn pick<T: Copy>(self, name: &str, choices: &[T]) -> T {
        choices[self.below(name, choices.len() as u64) as usize]
    }
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer() {
        // Written down: a change here would change every demo and every test that names a simulated value.
        assert_eq!(Dice::new(1, "bug", 7).below("severity", 1000), Dice::new(1, "bug", 7).below("severity", 1000));
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn seed_kind_number_and_name_all_matter() {
        let base = Dice::new(1, "bug", 7).below("severity", u64::MAX);
        for other in [
            Dice::new(2, "bug", 7).below("severity", u64::MAX),
            Dice::new(1, "bag", 7).below("severity", u64::MAX),
            Dice::new(1, "bug", 8).below("severity", u64::MAX),
            Dice::new(1, "bug", 7).below("priority", u64::MAX),
            Dice::new(1, "bug", 7).part("run", 0).below("severity", u64::MAX),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn choices_are_spread_evenly() {
        let mut counts = [0_u32; 4];
        for number in 0..4000 {
            counts[Dice::new(9, "case", number).below("type", 4) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert!(!Dice::new(1, "case", 1).one_in("never", 0));
    }
}
