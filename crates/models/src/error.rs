use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::address::Address;
use crate::digest::Digest;
use crate::platform::Platform;

/// What can go wrong in the store. The texts are meant for the person in front of it: those about
/// a file that is not there say where it comes from and how to place it by hand.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A catalogue has a mistake.
    #[error("the catalogue `{catalogue}` is not valid: {problem}")]
    Catalogue {
        /// The catalogue's file, or `builtin`.
        catalogue: String,
        /// The mistake, in words.
        problem: String,
    },
    /// No catalogue knows this model.
    #[error("there is no model `{name}`; there are {}", .known.join(", "))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The model has no such file on this platform.
    #[error("model `{model}` has no file `{file}`; it has {}", .known.join(", "))]
    UnknownFile {
        /// The model.
        model: String,
        /// The name asked for.
        file: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// None of the model's files is meant for this machine.
    #[error("model `{model}` has no files for {platform}, only for {}", listed(.available))]
    Unsupported {
        /// The model.
        model: String,
        /// This machine.
        platform: Platform,
        /// The machines it is for.
        available: Vec<Platform>,
    },
    /// A file is not in the store, or is not what it should be.
    #[error("{cause}\n{by_hand}")]
    NotInstalled {
        /// What is wrong with it.
        cause: Box<Cause>,
        /// How to get it.
        by_hand: Box<ByHand>,
    },
    /// A file could not be fetched.
    #[error("could not pull `{}` of model `{}`: {cause}\n{by_hand}", .by_hand.file, .by_hand.model)]
    Pull {
        /// Why not.
        cause: Box<Cause>,
        /// How to get it without us.
        by_hand: Box<ByHand>,
    },
    /// The file system refused.
    #[error("could not {doing} `{}`", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// All that a person needs to place a file without the store's help.
#[derive(Debug, Clone)]
pub struct ByHand {
    /// The model.
    pub model: String,
    /// The file's name.
    pub file: String,
    /// Where it comes from, in words.
    pub origin: String,
    /// Where it must lie.
    pub target: PathBuf,
    /// The digest it must have.
    pub sha256: Digest,
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  it comes from: {}", self.origin)?;
        writeln!(f, "  to place it by hand, put it at: {}", self.target.display())?;
        write!(f, "  its sha256 must be: {}", self.sha256)
    }
}

/// Why a file is not there, or could not be had. Addresses in it carry no credentials.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It was never pulled.
    #[error("`{file}` of model `{model}` is not installed")]
    Missing {
        /// The model.
        model: String,
        /// The file.
        file: String,
    },
    /// The network may not be used.
    #[error("it is not there, and the network may not be used (offline)")]
    Offline,
    /// No package index could be found.
    #[error("found no package index: {problem}; set PIP_INDEX_URL to one")]
    NoIndex {
        /// What was tried.
        problem: String,
    },
    /// An address is not one.
    #[error("{what} is not usable: {problem}")]
    Address {
        /// Whose address.
        what: String,
        /// What is wrong.
        problem: String,
    },
    /// The index has no such file.
    #[error("{index} has no file {file} of {package}=={version}")]
    NotOnIndex {
        /// The page of the index.
        index: String,
        /// The package.
        package: String,
        /// Its version.
        version: String,
        /// The file looked for.
        file: String,
    },
    /// The page of the index could not be understood.
    #[error("could not read the index page {page}: {problem}")]
    UnreadableIndex {
        /// The page.
        page: String,
        /// What is wrong.
        problem: String,
    },
    /// The server refused.
    #[error("{url} answered with HTTP status {status}{}", hint(*.status))]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// The connection failed.
    #[error("could not load {url}: {problem}")]
    Network {
        /// The address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// The server's certificate is not signed by anyone we trust.
    #[error(
        "{url} is not trusted ({problem}); if it is yours, or a proxy of yours stands before it, \
         name the certificate to trust in PIP_CERT or SSL_CERT_FILE"
    )]
    Untrusted {
        /// The address.
        url: String,
        /// What the check of the certificate said.
        problem: String,
    },
    /// The content has another length than the catalogue says.
    #[error("{what} has {found} bytes instead of {expected}")]
    WrongSize {
        /// What was looked at.
        what: String,
        /// The length it should have.
        expected: u64,
        /// The length it has.
        found: u64,
    },
    /// The content has another digest than the catalogue says.
    #[error("{what} has the sha256 {found} instead of {expected}")]
    WrongDigest {
        /// What was looked at.
        what: String,
        /// The digest it should have.
        expected: Digest,
        /// The digest it has.
        found: Digest,
    },
    /// The wheel does not hold what it should.
    #[error("could not take {member} out of {wheel}: {problem}")]
    Wheel {
        /// The wheel's name.
        wheel: String,
        /// The member.
        member: String,
        /// What is wrong.
        problem: String,
    },
    /// The certificates could not be read.
    #[error("could not read certificates from {from}: {problem}")]
    Certificates {
        /// Where they were looked for.
        from: String,
        /// What is wrong.
        problem: String,
    },
    /// The file system refused.
    #[error("could not {doing} `{}`: {source}{}", .path.display(), full(.source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said; part of the text already.
        source: io::Error,
    },
}

impl Cause {
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    pub(crate) fn network(url: &Address, problem: impl fmt::Display) -> Self {
        Self::Network { url: url.to_string(), problem: problem.to_string() }
    }

    /// Whether waiting a little may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }
}

fn listed(platforms: &[Platform]) -> String {
    platforms.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => " (check the credentials, or the token, for this server)",
        404 => " (there is no such file)",
        407 => " (the proxy wants credentials)",
        _ => "",
    }
}

fn full(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there or choose another directory for the models"
        }
        io::ErrorKind::PermissionDenied => {
            "; let this user write there or choose another directory for the models"
        }
        _ => "",
    }
}
