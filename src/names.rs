//! Names: what a valid one looks like, which known one is nearest, and counting words.

/// Whether `name` may name a source, endpoint, model, table or column: `[a-z][a-z0-9_]*`, at most 63 characters.
pub fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    name.len() <= 63
        && letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The known name nearest to `name`, if any is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(a.1)))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean …?` for the nearest known name, else for the shortest of which it is a part, or nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let part_of = || known.iter().copied().filter(|known| name.len() > 3 && known.contains(name)).min_by_key(|known| (known.len(), *known));
    nearest(name, known.iter().copied()).or_else(part_of).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// `1 row`, `2 rows`: a count with its noun.
pub fn count(number: u64, noun: &str) -> String {
    let plural = match noun {
        _ if number == 1 => noun.to_owned(),
        _ if noun.ends_with('y') && !noun.ends_with("ay") && !noun.ends_with("ey") => format!("{}ies", &noun[..noun.len() - 1]),
        _ => format!("{noun}s"),
    };
    format!("{} {plural}", grouped(number))
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        assert!(is_identifier("report_test_case_coverage"));
        for bad in ["", "1a", "A", "a-b", "a b", "_a"] {
            assert!(!is_identifier(bad), "{bad}");
        }
    }

    #[test]
    fn nearest_name_only_when_near() {
        let known = ["testrail_cases", "testrail_plans", "bugzilla_history"];
        assert_eq!(nearest("testrail_case", known), Some("testrail_cases"));
        assert_eq!(nearest("zzz", known), None);
    }

    #[test]
    fn a_part_of_a_name_is_understood() {
        let known = ["report_testrail_milestones", "testrail-milestones"];
        assert_eq!(did_you_mean("milestones", known), "; did you mean `testrail-milestones`?");
        assert_eq!(did_you_mean("est", known), "");
    }

    #[test]
    fn counts() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(1_234_567, "query"), "1,234,567 queries");
        assert_eq!(count(0, "day"), "0 days");
    }
}
