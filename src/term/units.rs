//! Sizes and times as people read them.

/// `812 B`, `4.2 kB`, `17 MB`: powers of 1,000, two digits where it matters.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1_000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// `0.3 s`, `42 s`, `3 min 05 s`, `2 h 07 min`.
pub fn seconds(elapsed: f64) -> String {
    if elapsed < 9.95 {
        return format!("{:.1} s", elapsed.max(0.0));
    }
    let whole = elapsed.round() as u64;
    match whole {
        0..120 => format!("{whole} s"),
        120..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_960, "10 kB"),
            (999_600, "1.0 MB"),
            (17_400_000, "17 MB"),
            (5_000_000_000_000_000, "5000 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn times() {
        for (elapsed, text) in [(-1.0, "0.0 s"), (0.26, "0.3 s"), (42.4, "42 s"), (185.0, "3 min 05 s"), (7_620.0, "2 h 07 min")] {
            assert_eq!(seconds(elapsed), text);
        }
    }
}
