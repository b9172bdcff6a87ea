//! The stores under test, each as the environment variables and the location that lead to a fresh lake in it.

use std::path::Path;

use etl::{
    lake::Lake,
    settings::{Env, Settings},
};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    azure,
    faulty::{Fault, Faulty},
    google::Google,
};

/// Where a lake can lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    Google,
    S3,
    Azure,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Folder, Self::Google, Self::S3, Self::Azure];
}

/// A fresh lake and what is needed to reach it.
pub(crate) struct Cloud {
    pub(crate) kind: Kind,
    pub(crate) location: String,
    pub(crate) variables: Vec<(&'static str, String)>,
    /// For Google: the server itself.
    pub(crate) google: Option<Google>,
    folder: TempDir,
    /// Where the server listens; empty for a folder.
    server: String,
    /// Between us and the server, where faults are wanted.
    _faulty: Option<Faulty>,
}

impl Cloud {
    pub(crate) async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let google = if kind == Kind::Google { Some(Google::start().await) } else { None };
        let server = match kind {
            Kind::Folder => None,
            Kind::Google => google.as_ref().map(Google::address),
            Kind::S3 => Some(address("ETL_TEST_S3")),
            Kind::Azure => Some(address("ETL_TEST_AZURE")),
        };
        let id = Uuid::now_v7().simple();
        let (location, own) = match kind {
            Kind::Folder => (folder.path().join("lake").display().to_string(), Vec::new()),
            Kind::Google => (format!("gs://lake/{id}/v=1"), Vec::new()),
            Kind::S3 => {
                (format!("s3://lake/{id}"), vec![("AWS_ACCESS_KEY_ID", "etl".to_owned()), ("AWS_SECRET_ACCESS_KEY", "throw-away".to_owned())])
            }
            Kind::Azure => (
                format!("az://lake/{id}"),
                vec![("AZURE_STORAGE_ACCOUNT_NAME", azure::ACCOUNT.to_owned()), ("AZURE_STORAGE_ACCOUNT_KEY", azure::KEY.to_owned())],
            ),
        };
        if kind == Kind::Azure {
            azure::create_container(&address("ETL_TEST_AZURE"), "lake").await;
        }
        let mut cloud = Self { kind, location, variables: own, google, folder, server: String::new(), _faulty: None };
        if let Some(server) = server {
            cloud.reach(&server);
            cloud.server = server;
        }
        cloud
    }

    /// Every request fails, each in ways that follow from the seed, before it succeeds.
    pub(super) async fn faulty(kind: Kind, seed: u64) -> Self {
        let cloud = Self::new(kind).await;
        let faulty = Faulty::seeded(cloud.server.clone(), seed).await;
        cloud.behind(faulty)
    }

    /// The requests that `is_hit` selects by method and target meet `fault`, once for each target.
    pub(super) async fn with_fault(kind: Kind, fault: Fault, is_hit: fn(&str, &str) -> bool) -> Self {
        let cloud = Self::new(kind).await;
        let schedule = Box::new(move |method: &str, target: &str, attempt| (attempt == 0 && is_hit(method, target)).then_some(fault));
        let faulty = Faulty::start(cloud.server.clone(), schedule).await;
        cloud.behind(faulty)
    }

    fn behind(mut self, faulty: Faulty) -> Self {
        self.reach(&faulty.address());
        self._faulty = Some(faulty);
        self
    }

    /// Sets the address of the server.
    fn reach(&mut self, address: &str) {
        let (variable, url) = match self.kind {
            Kind::Folder => return,
            Kind::Google => ("STORAGE_EMULATOR_HOST", address.to_owned()),
            Kind::S3 => ("AWS_ENDPOINT_URL", format!("http://{address}")),
            Kind::Azure => ("AZURE_STORAGE_ENDPOINT", format!("http://{address}/{}", azure::ACCOUNT)),
        };
        self.variables.retain(|(name, _)| *name != variable);
        self.variables.push((variable, url));
    }

    /// The lake, with a mirror that all who open it here share.
    pub(crate) fn open(&self) -> Lake {
        self.on_disk(self.folder.path())
    }

    /// The lake as a machine with this data folder sees it.
    pub(crate) fn on_disk(&self, data: &Path) -> Lake {
        Lake::of(&self.settings(data)).unwrap()
    }

    pub(crate) fn settings(&self, data: &Path) -> Settings {
        let variables = self.variables.iter().map(|(name, value)| (*name, value.clone()));
        let more = [("ETL_LAKE", self.location.clone()), ("ETL_DATA", data.display().to_string())];
        Settings::read(self.folder.path(), Env::of(variables.chain(more))).unwrap()
    }
}

fn address(variable: &str) -> String {
    Env::of_process()
        .get(variable)
        .map(str::to_owned)
        .unwrap_or_else(|| panic!("`{variable}` is not set: run the tests with cargo nextest, which starts the servers (.ci/buckets)"))
}
