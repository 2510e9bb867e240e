use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use ureq::{Body, http::Response};

use crate::address::Address;
use crate::digest::{CHUNK, Digest};
use crate::error::Cause;
use crate::network::{Network, Request, header};
use crate::progress::{Event, Progress};
use crate::settings::Secret;

/// A file to download, and what is known about it beforehand.
pub(crate) struct Download<'a> {
    pub(crate) address: &'a Address,
    pub(crate) authorization: Option<&'a Secret>,
    /// What to call it.
    pub(crate) name: &'a str,
    pub(crate) size: Option<u64>,
    pub(crate) sha256: Option<Digest>,
}

/// Whether a download came in one piece. One in pieces may be of two versions of the file.
#[derive(PartialEq, Eq)]
enum Pieces {
    One,
    Several,
}

impl Download<'_> {
    /// Downloads to `partial`, going on where an earlier try stopped, and compares the digest. On
    /// an error of the network `partial` stays for the next try; with a wrong digest it goes.
    pub(crate) fn run(
        &self,
        network: &Network,
        partial: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        let pieces = self.fill(network, partial, progress)?;
        match self.check(partial, progress) {
            Err(Cause::WrongDigest { .. }) if pieces == Pieces::Several => {
                self.fill(network, partial, progress)?;
                self.check(partial, progress)
            }
            outcome => outcome,
        }
    }

    /// Tries until `partial` is complete or the patience ends.
    fn fill(
        &self,
        network: &Network,
        partial: &Path,
        progress: &dyn Progress,
    ) -> Result<Pieces, Cause> {
        let mut pieces = if length(partial) == 0 { Pieces::One } else { Pieces::Several };
        let mut patience = network.patience();
        loop {
            let before = length(partial);
            let Err(cause) = self.receive(network, partial, progress) else {
                return Ok(pieces);
            };
            if length(partial) > before {
                patience.restore();
            }
            patience.retry_or_fail(cause, progress)?;
            pieces = Pieces::Several;
        }
    }

    /// One request: appends what is missing, or starts over where the server wants it so.
    fn receive(
        &self,
        network: &Network,
        partial: &Path,
        progress: &dyn Progress,
    ) -> Result<(), Cause> {
        let mut from = length(partial);
        if self.size.is_some_and(|size| from >= size) {
            return Ok(()); // the digest decides
        }
        let Self { address, authorization, .. } = *self;
        let mut response = network.get(&Request { address, authorization, accept: "*/*", from })?;
        let status = response.status().as_u16();
        match status {
            200 => from = 0,
            206 if range(&response).is_some_and(|(start, _)| start == from) => {}
            206 | 416 => {
                // What we have does not fit to what the server has.
                remove(partial)?;
                return Err(Cause::network(address, "the server cannot go on where we stopped"));
            }
            _ => return Err(Cause::Status { url: address.to_string(), status }),
        }
        let total = self.total(&response, from)?;
        progress.on(Event::Started { what: self.name, already: from, total });
        let file = open_at(partial, from)?;
        let received = self.copy(response.body_mut(), (file, partial), from, progress)?;
        match total {
            Some(total) if received < total => {
                let problem = format!("the connection ended after {received} of {total} bytes");
                Err(Cause::network(address, problem))
            }
            _ => Ok(()),
        }
    }

    /// The file's length; an error if it cannot be the right file.
    fn total(&self, response: &Response<Body>, from: u64) -> Result<Option<u64>, Cause> {
        let told = match range(response) {
            Some((_, total)) => total,
            None => response.body().content_length().map(|rest| from + rest),
        };
        match (self.size, told) {
            (Some(expected), Some(found)) if expected != found => {
                Err(Cause::WrongSize { what: self.address.to_string(), expected, found })
            }
            (expected, told) => Ok(expected.or(told)),
        }
    }

    fn copy(
        &self,
        body: &mut Body,
        (mut file, path): (File, &Path),
        mut position: u64,
        progress: &dyn Progress,
    ) -> Result<u64, Cause> {
        let mut content = body.as_reader();
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = content.read(&mut chunk).map_err(|e| Cause::network(self.address, e))?;
            if count == 0 {
                return Ok(position);
            }
            file.write_all(&chunk[..count]).map_err(Cause::io("write", path))?;
            position += count as u64;
            if let Some(expected) = self.size.filter(|size| position > *size) {
                remove(path)?;
                let what = self.address.to_string();
                return Err(Cause::WrongSize { what, expected, found: position });
            }
            progress.on(Event::Received { position });
        }
    }

    /// Compares the digest, and removes a file that has another one.
    fn check(&self, partial: &Path, progress: &dyn Progress) -> Result<(), Cause> {
        let Some(expected) = self.sha256 else { return Ok(()) };
        progress.on(Event::Checking { what: self.name });
        let found = File::open(partial).and_then(Digest::of).map_err(Cause::io("read", partial))?;
        if found == expected {
            return Ok(());
        }
        remove(partial)?;
        Err(Cause::WrongDigest { what: self.address.to_string(), expected, found })
    }
}

/// The first byte and the whole length in a `Content-Range: bytes 5-9/10`.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let value = header(response, "content-range")?.trim().strip_prefix("bytes")?;
    let (range, total) = value.trim().split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

fn open_at(path: &Path, from: u64) -> Result<File, Cause> {
    let mut options = OpenOptions::new();
    match from {
        0 => options.write(true).create(true).truncate(true),
        _ => options.append(true),
    };
    options.open(path).map_err(Cause::io("write", path))
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn remove(path: &Path) -> Result<(), Cause> {
    fs::remove_file(path).map_err(Cause::io("remove", path))
}
