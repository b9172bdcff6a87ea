//! What real records hold and invented ones forget: emoji, escapes that are no text, 5,000 characters, absent keys.

use super::{
    json::{Object, Style, Value},
    random::Dice,
};

/// Characters of the long text: as long as the widest column a report has, so that one blank more is cut.
const LONG_TEXT: usize = 5_000;

/// What is unusual about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    Nothing,
    /// Four-byte UTF-8: emoji with a joiner, and rare CJK.
    FourBytes,
    /// `\u0000`, which is valid JSON and refused by PostgreSQL.
    Nul,
    /// `\ud83d` alone, which JSON allows and no Unicode text can hold.
    LoneSurrogate,
    /// 5,000 characters.
    Long,
    /// Optional members are left out.
    Absent,
    /// Optional members are null.
    Nulls,
}

impl Oddity {
    /// The oddity of the record that `dice` belongs to; one record in `one_in` has any.
    pub(super) fn of(dice: Dice, one_in: u64) -> Self {
        if !dice.one_in("odd", one_in) {
            return Self::Nothing;
        }
        let all = [Self::FourBytes, Self::Nul, Self::LoneSurrogate, Self::Long, Self::Absent, Self::Nulls, Self::FourBytes];
        dice.pick("oddity", &all)
    }

    /// `text` as this oddity changes it.
    pub(super) fn text(self, text: String) -> Value {
        match self {
            Self::FourBytes => format!("{text} 🦊👩\u{200d}🔬 𠮷").into(),
            Self::Nul => Value::Escaped(text.into(), "\\u0000 nul"),
            Self::LoneSurrogate => Value::Escaped(text.into(), " \\ud83d"),
            Self::Long => {
                let missing = LONG_TEXT.saturating_sub(text.chars().count());
                let filler = " é lorem ipsum".chars().cycle().take(missing);
                text.chars().chain(filler).collect::<String>().into()
            }
            Self::Nothing | Self::Absent | Self::Nulls => text.into(),
        }
    }

    /// Leaves out or empties the members `names` of a record, when that is the oddity.
    pub(super) fn thin_out(self, record: &mut Object, names: &[&str]) {
        match self {
            Self::Absent => record.retain(|(name, _)| !names.contains(&name.as_ref())),
            Self::Nulls => {
                for (_, value) in record.iter_mut().filter(|(name, _)| names.contains(&name.as_ref())) {
                    *value = Value::Null;
                }
            }
            _ => {}
        }
    }
}

/// The layout of one record: mostly as the service writes it, now and then with other white space.
pub(super) fn style(dice: Dice, usual: Style) -> Style {
    dice.pick("style", &[usual, usual, usual, usual, usual, usual, Style::Spaced, Style::Pretty])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        value.write(Style::Php, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_oddity_turns_up() {
        let seen: Vec<Oddity> = (0..400).map(|number| Oddity::of(Dice::new(1, "case", number), 4)).collect();
        for oddity in [Oddity::FourBytes, Oddity::Nul, Oddity::LoneSurrogate, Oddity::Long, Oddity::Absent, Oddity::Nulls] {
            assert!(seen.contains(&oddity), "{oddity:?}");
        }
        assert!((0..400).all(|number| Oddity::of(Dice::new(1, "case", number), 0) == Oddity::Nothing));
    }

    #[test]
    fn texts_are_what_they_claim() {
        assert_eq!(written(&Oddity::LoneSurrogate.text("a".into())), r#""a \ud83d""#);
        assert_eq!(written(&Oddity::Nul.text("a".into())), r#""a\u0000 nul""#);
        let Value::Text(long) = Oddity::Long.text("a".into()) else { panic!("text expected") };
        assert_eq!(long.chars().count(), LONG_TEXT);
        assert!(written(&Oddity::FourBytes.text("a".into())).contains(r"\ud83e\udd8a"));
    }

    #[test]
    fn thinning_drops_or_empties_only_what_is_named() {
        let record: Object = vec![("id".into(), 1_u64.into()), ("refs".into(), "x".into())];
        let mut absent = record.clone();
        Oddity::Absent.thin_out(&mut absent, &["refs"]);
        assert_eq!(written(&Value::Object(absent)), r#"{"id":1}"#);
        let mut nulls = record;
        Oddity::Nulls.thin_out(&mut nulls, &["refs"]);
        assert_eq!(written(&Value::Object(nulls)), r#"{"id":1,"refs":null}"#);
    }
}
