//! The pages that messages lead to.

use super::super::product::Subject;

/// Parameters as they stand in an address.
fn with(base: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = base.to_owned();
    for (number, (name, value)) in parameters.iter().enumerate() {
        out.push(if number == 0 { '?' } else { '&' });
        crate::http::encode(name, &mut out);
        out.push('=');
        crate::http::encode(value, &mut out);
    }
    out
}

/// Sentry's list of releases of the last 14 days.
pub(super) fn releases(site: &str, subject: &Subject) -> String {
    let query = format!("release.package:{}", subject.package);
    let parameters =
        [("project", subject.sentry_project_id.as_str()), ("environment", &subject.environment), ("query", &query), ("statsPeriod", "14d")];
    with(&format!("{site}/explore/releases/"), &parameters)
}

/// Sentry's list of the issues that are new in a version: what the report asked for. `releases` are the names of all builds.
pub(super) fn new_issues(site: &str, subject: &Subject, releases: &str) -> String {
    let query = format!("is:unresolved firstRelease:[{releases}]");
    let parameters = [
        ("project", subject.sentry_project_id.as_str()),
        ("environment", &subject.environment),
        ("query", &query),
        ("sort", "freq"),
        ("statsPeriod", "7d"),
    ];
    with(&format!("{site}/issues/"), &parameters)
}

/// The dashboard in Looker about the health of a project.
pub(super) fn trends(site: &str, dashboard: u64, sentry_project_id: &str) -> String {
    with(&format!("{site}/dashboards/{dashboard}"), &[("Sentry Project ID", sentry_project_id), ("Created Month", "30 days")])
}

/// A page of Confluence, by its id alone.
pub(super) fn page(site: &str, id: &str) -> String {
    with(&format!("{site}/pages/viewpage.action"), &[("pageId", id)])
}

/// GitHub's list of open issues of a repository that nobody has, but for those of the team's own accounts.
pub(super) fn open_issues(site: &str, repository: &str, own_authors: &[String]) -> String {
    let mut query = "is:open is:issue no:assignee".to_owned();
    for author in own_authors {
        query.push_str(&format!(" -author:{author}"));
    }
    with(&format!("{site}/{repository}/issues"), &[("q", &query)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let subject = Subject {
            project: "firefox-ios".into(),
            sentry_project_id: "6176941".into(),
            environment: "Production".into(),
            package: "org.mozilla.ios.Firefox".into(),
            repository: "mozilla-mobile/firefox-ios".into(),
        };
        assert_eq!(
            releases("https://s", &subject),
            "https://s/explore/releases/?project=6176941&environment=Production&query=release.package:org.mozilla.ios.Firefox&statsPeriod=14d"
        );
        assert_eq!(
            new_issues("https://s", &subject, "a@1+2,a@1+3"),
            "https://s/issues/?project=6176941&environment=Production&query=is:unresolved%20firstRelease:%5Ba%401%2B2,a%401%2B3%5D&sort=freq&statsPeriod=7d"
        );
        assert_eq!(trends("https://l", 2667, "6176941"), "https://l/dashboards/2667?Sentry%20Project%20ID=6176941&Created%20Month=30%20days");
        assert_eq!(page("https://c/wiki", "1"), "https://c/wiki/pages/viewpage.action?pageId=1");
        assert_eq!(
            open_issues("https://g", "mozilla-mobile/fenix", &["data-sync-user".into()]),
            "https://g/mozilla-mobile/fenix/issues?q=is:open%20is:issue%20no:assignee%20-author:data-sync-user"
        );
    }
}
