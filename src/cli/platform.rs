//! Which projects `--project` and `--platform` stand for.

use clap::ValueEnum;

use super::SelectionArgs;
use crate::{
    error::{Error, Kind, Result},
    names,
};

/// A group of projects, as the seed `project_platforms` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Platform {
    /// Browsers for Android and iOS
    Mobile,
    /// Firefox for desktop
    Desktop,
    /// Services around the browsers
    Ecosystem,
}

impl Platform {
    /// The name in the seed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
            Self::Ecosystem => "ecosystem",
        }
    }
}

/// The projects to work on, in the order of `known`, which holds (project, platform) of every project there is.
///
/// `ALL` or no project stands for every project of the platform; without a platform, of every platform.
///
/// # Errors
/// [`Kind::Usage`] for an unknown project (with the nearest one) and for a project of another platform.
pub fn projects(args: &SelectionArgs, known: &[(String, String)]) -> Result<Vec<String>> {
    let of_platform = |platform: &str| args.platform.is_none_or(|wanted| wanted.name() == platform);
    let is_all = args.project.is_empty() || args.project.iter().any(|name| name.eq_ignore_ascii_case("all"));
    for name in args.project.iter().filter(|name| !name.eq_ignore_ascii_case("all")) {
        let Some((project, platform)) = known.iter().find(|(project, _)| project.eq_ignore_ascii_case(name)) else {
            let names: Vec<&str> = known.iter().map(|(project, _)| project.as_str()).collect();
            let near = names::did_you_mean(&name.to_ascii_lowercase(), names.iter().copied());
            return Err(Error::new(Kind::Usage, format!("there is no project `{name}`{near}")).hint(format!("known projects: {}", names.join(", "))));
        };
        if !of_platform(platform) {
            let wanted = args.platform.map(Platform::name).unwrap_or_default();
            return Err(Error::new(Kind::Usage, format!("project `{project}` is of platform `{platform}`, not `{wanted}`"))
                .hint("leave out `--platform`, or name a project of it"));
        }
    }
    let wanted = |project: &str| is_all || args.project.iter().any(|name| name.eq_ignore_ascii_case(project));
    Ok(known.iter().filter(|(project, platform)| of_platform(platform) && wanted(project)).map(|(project, _)| project.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(names: &[&str], platform: Option<Platform>) -> Result<Vec<String>> {
        let known = [("fenix", "mobile"), ("focus-ios", "mobile"), ("firefox-desktop", "desktop"), ("nimbus", "ecosystem")];
        let known: Vec<_> = known.iter().map(|(project, platform)| (project.to_string(), platform.to_string())).collect();
        projects(&SelectionArgs { project: names.iter().map(ToString::to_string).collect(), platform, ..SelectionArgs::default() }, &known)
    }

    #[test]
    fn all_and_none_stand_for_the_platform() {
        assert_eq!(resolve(&[], None).unwrap().len(), 4);
        assert_eq!(resolve(&["All"], None).unwrap().len(), 4);
        assert_eq!(resolve(&["ALL"], Some(Platform::Mobile)).unwrap(), ["fenix", "focus-ios"]);
        assert_eq!(resolve(&[], Some(Platform::Ecosystem)).unwrap(), ["nimbus"]);
    }

    #[test]
    fn names_ignore_case_and_keep_the_seeds_order() {
        assert_eq!(resolve(&["Firefox-Desktop", "FENIX"], None).unwrap(), ["fenix", "firefox-desktop"]);
    }

    #[test]
    fn unknown_and_foreign_projects_are_usage_errors() {
        let error = resolve(&["Fennix"], None).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, "there is no project `Fennix`; did you mean `fenix`?"));
        let error = resolve(&["ALL", "fenix"], Some(Platform::Desktop)).unwrap_err();
        assert_eq!(error.to_string(), "project `fenix` is of platform `mobile`, not `desktop`");
    }
}
