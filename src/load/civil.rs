//! Days and seconds since 1970 as text and back, in the one form that is stored: `2025-01-02`, `2025-01-02 03:04:05`.
//!
//! By hand, because every row of a load passes through here: chrono's formatting takes longer than the hash of the row.

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Year, month and day of a day (proleptic Gregorian; Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// The day of year, month and day, which must be in their ranges.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

fn push(text: &mut String, mut number: i64, width: usize) {
    let mut digits = [b'0'; 4];
    for place in digits[..width].iter_mut().rev() {
        *place = b'0' + u8::try_from(number.rem_euclid(10)).unwrap_or(0);
        number /= 10;
    }
    text.extend(digits[..width].iter().map(|digit| char::from(*digit)));
}

fn push_date(text: &mut String, days: i64) {
    let (year, month, day) = civil(days);
    push(text, year, 4);
    text.push('-');
    push(text, month, 2);
    text.push('-');
    push(text, day, 2);
}

/// `2025-01-02` for days since 1970-01-01 (years 0 to 9999).
pub(super) fn date_text(days: i32) -> String {
    let mut text = String::with_capacity(10);
    push_date(&mut text, days.into());
    text
}

/// `2025-01-02 03:04:05` for seconds since 1970-01-01 (years 0 to 9999).
pub(super) fn timestamp_text(seconds: i64) -> String {
    let mut text = String::with_capacity(19);
    push_date(&mut text, seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    for (mark, part) in [(' ', of_day / 3_600), (':', of_day / 60 % 60), (':', of_day % 60)] {
        text.push(mark);
        push(&mut text, part, 2);
    }
    text
}

/// The day of `2025-01-02`; `None` for any other form, and for days that do not exist.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let (year, month, day) = (number(&[*y1, *y2, *y3, *y4])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let found = days(year, month, day);
    (civil(found) == (year, month, day)).then(|| i32::try_from(found).ok()).flatten()
}

/// The moment of `2025-01-02 03:04:05`; `None` for any other form.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let (date, time) = (text.get(..10)?, text.as_bytes().get(10..)?);
    let [b' ', h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?, number(&[*s1, *s2])?);
    (hour < 24 && minute < 60 && second < 60).then_some(i64::from(parse_date(date)?) * DAY + hour * 3_600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Days, NaiveDate};

    use super::*;

    #[test]
    fn agrees_with_chrono_on_every_tenth_day() {
        let first = NaiveDate::from_ymd_opt(1000, 1, 1).unwrap();
        for step in (0..3_287_000).step_by(10) {
            let date = first.checked_add_days(Days::new(step)).unwrap();
            let days = i32::try_from((date - NaiveDate::default()).num_days()).unwrap();
            assert_eq!(date_text(days), date.to_string());
            assert_eq!(parse_date(&date.to_string()), Some(days));
        }
    }

    #[test]
    fn moments() {
        for seconds in [-30_610_224_000, -1, 0, 1, 951_782_399, 951_782_400, 253_402_300_799] {
            let want = DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%d %H:%M:%S").to_string();
            assert_eq!(timestamp_text(seconds), want);
            assert_eq!(parse_timestamp(&want), Some(seconds));
        }
    }

    #[test]
    fn other_forms_are_none() {
        for bad in ["2025-02-29", "2025-1-02", "2025-13-01", "2025-00-01", "25-01-02", "2025-01-02 ", "", "é025-01-02"] {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
        for bad in ["2025-01-02", "2025-01-02T03:04:05", "2025-01-02 24:00:00", "2025-01-02 03:04:05.1", "2025-01-02 03:04:é"] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
    }
}
