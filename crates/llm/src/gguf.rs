//! What a GGUF file says of its model, read without loading it.
//!
//! Such a file begins with named values, then come descriptions of tensors and the tensors. Only
//! the values are read: numbers, short texts, short lists of numbers, and how long longer lists are.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, Error, ErrorKind, Read, Result, Seek},
    path::Path,
};

/// Longer texts are skipped: templates and merges.
const LONGEST_TEXT: u64 = 256;
/// Longer lists are counted only: vocabularies.
const LONGEST_LIST: u64 = 1024;
/// More values than any file has: whoever says so is broken.
const MOST_VALUES: u64 = 1 << 16;

/// The values of a file by their names.
#[derive(Clone, Debug, Default)]
pub struct Metadata(HashMap<String, Value>);

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(u64),
    Text(String),
    /// Numbers, if they are whole and few.
    List {
        length: u64,
        numbers: Vec<u64>,
    },
    /// Something nobody has asked for yet.
    Other,
}

impl Metadata {
    /// Reads the values of this file.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(BufReader::new(File::open(path)?))
    }

    /// Reads the values at the beginning of a file.
    pub fn parse(mut file: impl Read + Seek) -> Result<Self> {
        let mut magic = [0; 4];
        file.read_exact(&mut magic)?;
        let version = number(&mut file, 4)?;
        if &magic != b"GGUF" || !(2..=3).contains(&version) {
            return Err(broken("this is no GGUF file of version 2 or 3"));
        }
        let _tensors = number(&mut file, 8)?;
        let values = number(&mut file, 8)?;
        if values > MOST_VALUES {
            return Err(broken("the file has too many values"));
        }
        let mut known = HashMap::new();
        for _ in 0..values {
            let name = text(&mut file)?.ok_or_else(|| broken("a value has too long a name"))?;
            let kind = number(&mut file, 4)?;
            known.insert(name, value(&mut file, kind)?);
        }
        Ok(Self(known))
    }

    /// A whole number; of a list of them the mean, rounded up.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::Number(number) => Some(*number),
            Value::List { numbers, .. } if !numbers.is_empty() => {
                let sum = numbers.iter().try_fold(0, |sum: u64, n| sum.checked_add(*n))?;
                Some(sum.div_ceil(numbers.len() as u64))
            }
            _ => None,
        }
    }

    /// A short text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How long a list is.
    pub fn length(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Value::List { length, .. } => Some(*length),
            _ => None,
        }
    }
}

fn value(file: &mut (impl Read + Seek), kind: u64) -> Result<Value> {
    const TEXT: u64 = 8;
    const LIST: u64 = 9;
    match kind {
        TEXT => Ok(text(file)?.map_or(Value::Other, Value::Text)),
        LIST => list(file),
        _ => {
            let bits = number(file, width(kind)?)?;
            Ok(if is_whole(kind) { Value::Number(bits) } else { Value::Other })
        }
    }
}

fn list(file: &mut (impl Read + Seek)) -> Result<Value> {
    const TEXT: u64 = 8;
    let kind = number(file, 4)?;
    let length = number(file, 8)?;
    let mut numbers = Vec::new();
    if kind == TEXT {
        for _ in 0..length {
            let bytes = number(file, 8)?;
            skip(file, bytes)?;
        }
    } else if is_whole(kind) && length <= LONGEST_LIST {
        for _ in 0..length {
            numbers.push(number(file, width(kind)?)?);
        }
    } else {
        let bytes = length.checked_mul(width(kind)?);
        skip(file, bytes.ok_or_else(|| broken("a list is too long"))?)?;
    }
    Ok(Value::List { length, numbers })
}

/// Bytes of a value of this kind.
fn width(kind: u64) -> Result<u64> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => Err(broken("a value is of no known kind")),
    }
}

/// Whether it is a number without a fraction. Negative ones read as very large.
fn is_whole(kind: u64) -> bool {
    matches!(kind, 0..=5 | 7 | 10 | 11)
}

/// A number of so many bytes, at most eight.
fn number(file: &mut impl Read, width: u64) -> Result<u64> {
    let mut bytes = [0; 8];
    let width = usize::try_from(width).unwrap_or(bytes.len()).min(bytes.len());
    file.read_exact(&mut bytes[..width])?;
    Ok(u64::from_le_bytes(bytes))
}

/// A text; `None` if it is long.
fn text(file: &mut (impl Read + Seek)) -> Result<Option<String>> {
    let length = number(file, 8)?;
    if length > LONGEST_TEXT {
        skip(file, length)?;
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn skip(file: &mut impl Seek, bytes: u64) -> Result<()> {
    let bytes = i64::try_from(bytes).map_err(|_| broken("a value is too long"))?;
    file.seek_relative(bytes)
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// A file of whole numbers, a text and lists.
    pub(crate) fn file(numbers: &[(&str, u32)], architecture: &str, vocabulary: usize) -> Vec<u8> {
        let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend((numbers.len() as u64 + 3).to_le_bytes());
        bytes.extend([text("general.architecture"), 8_u32.to_le_bytes().into()].concat());
        bytes.extend(text(architecture));
        bytes.extend([text("tokenizer.ggml.tokens"), 9_u32.to_le_bytes().into()].concat());
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend((vocabulary as u64).to_le_bytes());
        for _ in 0..vocabulary {
            bytes.extend(text("word"));
        }
        bytes.extend([text("template"), 8_u32.to_le_bytes().into()].concat());
        bytes.extend(text(&"{{ much }}".repeat(100)));
        for (name, number) in numbers {
            bytes.extend([text(name), 4_u32.to_le_bytes().into()].concat());
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn values_are_found_behind_those_that_are_skipped() {
        let bytes = file(&[("llama.block_count", 28)], "llama", 500);
        let metadata = Metadata::parse(Cursor::new(bytes)).unwrap();
        assert_eq!(metadata.number("llama.block_count"), Some(28));
        assert_eq!(metadata.text("general.architecture"), Some("llama"));
        assert_eq!(metadata.length("tokenizer.ggml.tokens"), Some(500));
        assert_eq!((metadata.text("template"), metadata.number("missing")), (None, None));
    }

    #[test]
    fn of_unlike_layers_the_mean_counts() {
        let list = Value::List { length: 3, numbers: vec![8, 1, 1] };
        let metadata = Metadata(HashMap::from([("heads".to_owned(), list)]));
        assert_eq!(metadata.number("heads"), Some(4));
    }

    proptest! {
        #[test]
        fn a_broken_file_is_an_error_and_no_more(cut in 0_usize..400, at in 0_usize..300, byte: u8) {
            let mut bytes = file(&[("llama.block_count", 28)], "llama", 5);
            let whole = bytes.len();
            bytes[at.min(whole - 1)] = byte;
            bytes.truncate(cut);
            if let Ok(metadata) = Metadata::parse(Cursor::new(bytes)) {
                // what is left out can only be what was skipped at the end
                prop_assert!(cut >= 24 && metadata.0.len() <= 4);
            }
        }
    }
}
