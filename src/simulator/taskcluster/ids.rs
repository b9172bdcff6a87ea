//! Task ids that tell which task they are of: 22 characters of the form that Taskcluster checks.

use super::super::{calendar::Day, random::Dice};

/// Which task an id names. Task 0 is the decision task, whose id is that of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskId {
    pub(super) branch: usize,
    pub(super) day: Day,
    pub(super) place: u64,
    pub(super) number: u64,
}

/// Days before the story that ids can tell.
const PAST: Day = 1000;
const FILLER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl TaskId {
    /// `bbdddp__Q_CnnnnnxxxxxA`, where the ninth, the eleventh and the last character are of their own small sets.
    pub(super) fn write(self, dice: Dice) -> String {
        let dice = dice.part("id", self.number);
        let filler = |name: &str| char::from(dice.pick(name, FILLER));
        format!(
            "{}{:04}{}{}{}{}{}{}{:05}{}{}{}{}{}{}",
            self.branch,
            self.day + PAST,
            self.place,
            filler("a"),
            filler("b"),
            dice.pick("c", &['Q', 'R', 'S', 'T']),
            filler("d"),
            dice.pick("e", &['C', 'G', 'K', 'O', 'S', 'W', 'a', 'e']),
            self.number,
            filler("f"),
            filler("g"),
            filler("h"),
            filler("i"),
            filler("j"),
            dice.pick("k", &['A', 'Q', 'g', 'w']),
        )
    }

    /// Reads what [`TaskId::write`] wrote; its filler is not looked at.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() != 22 || !text.is_ascii() {
            return None;
        }
        let branch = text[0..1].parse().ok().filter(|branch| *branch < super::BRANCHES.len())?;
        let day: Day = text[1..5].parse().ok()?;
        Some(Self { branch, day: day - PAST, place: text[5..6].parse().ok()?, number: text[11..16].parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_slugs_and_tell_what_they_are_of() {
        let form = regex::Regex::new("^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$").unwrap();
        for (number, day) in (0..400).zip(-200..) {
            let id = TaskId { branch: (number % 3) as usize, day, place: number % 4, number: number * 31 };
            let text = id.write(Dice::new(3, "push", number));
            assert!(form.is_match(&text), "{text}");
            assert_eq!(TaskId::read(&text), Some(id), "{text}");
        }
        assert_eq!(TaskId::read("aPt9FbIdQwmhwDIPDYLuaw"), None);
    }
}
