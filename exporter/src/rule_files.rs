//! Rule files named on the command line or in the configuration → sources.
//!
//! In: paths of files and directories. Out: [`Source`]s in loading order, or one message for each path that cannot be read.
//! Never: looking into the files.
//!
//! A directory means its regular files that end in `.yaml` or `.yml`, in order of their paths, without those of directories
//! below it, as in Falco; and without `*.test.yaml`, which are tests of rules.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rule_engine::source::Source;

use crate::bundled;

/// Bytes of a file at most; more is no rule file.
const MAX_BYTES: u64 = 16 << 20;

/// A path that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {cause}")]
pub struct ReadError {
    /// The path, as given or found in a directory.
    pub path: String,
    /// What the system says.
    pub cause: io::Error,
}

/// Reads the files in the given order; without paths these are the bundled ones.
///
/// # Errors
/// Every path that cannot be read.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<ReadError>> {
    if paths.is_empty() {
        return Ok(bundled::rules());
    }
    let (mut sources, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match files(path) {
            Ok(files) => {
                for file in files {
                    match read_file(&file) {
                        Ok(source) => sources.push(source),
                        Err(error) => errors.push(error),
                    }
                }
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(sources)
    } else {
        Err(errors)
    }
}

/// Reads one file as text.
///
/// # Errors
/// It cannot be opened, is not UTF-8 or too large.
pub fn read_file(path: &Path) -> Result<Source, ReadError> {
    let fail = |cause| ReadError {
        path: path.display().to_string(),
        cause,
    };
    let length = fs::metadata(path).map_err(fail)?.len();
    if length > MAX_BYTES {
        return Err(fail(io::Error::other(format!(
            "it has {length} bytes; the limit is {MAX_BYTES}"
        ))));
    }
    let text = fs::read_to_string(path).map_err(fail)?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

/// The files that a path means.
fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let fail = |cause| ReadError {
        path: path.display().to_string(),
        cause,
    };
    if !fs::metadata(path).map_err(fail)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(fail)? {
        let file = entry.map_err(fail)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let rules = [".yaml", ".yml"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
            && !is_test(&name);
        if rules && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file of this name holds tests of rules.
pub fn is_test(name: &str) -> bool {
    name.ends_with(".test.yaml") || name.ends_with(".test.yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[Source], below: &Path) -> Vec<String> {
        let below = format!("{}/", below.display());
        sources
            .iter()
            .map(|source| source.name.replace(&below, ""))
            .collect()
    }

    #[test]
    fn directories_are_read_in_name_order_and_not_below() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("tests")).unwrap();
        fs::create_dir_all(root.join("c.yaml")).unwrap();
        for name in [
            "b.yaml",
            "a.yml",
            "a.yaml",
            "x.txt",
            "d.test.yaml",
            "tests/t.yaml",
            "yaml",
        ] {
            fs::write(root.join(name), name).unwrap();
        }
        let sources = read(&[root.to_owned()]).unwrap();
        assert_eq!(names(&sources, root), ["a.yaml", "a.yml", "b.yaml"]);
        assert_eq!(sources[2].text, "b.yaml");
        let sources = read(&[root.join("x.txt"), root.join("a.yml")]).unwrap();
        assert_eq!(names(&sources, root), ["x.txt", "a.yml"]);
    }

    #[test]
    fn every_path_that_cannot_be_read_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let bad = directory.path().join("bad.yaml");
        fs::write(&bad, [0xff, 0xfe]).unwrap();
        let errors = read(&[directory.path().join("missing.yaml"), bad]).unwrap_err();
        let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 2);
        assert!(
            messages[0].contains("missing.yaml: No such file"),
            "{}",
            messages[0]
        );
        assert!(
            messages[1].contains("bad.yaml: stream did not contain valid UTF-8"),
            "{}",
            messages[1]
        );
    }

    #[test]
    fn without_paths_the_bundled_rules_are_meant() {
        assert_eq!(read(&[]).unwrap(), bundled::rules());
    }
}
