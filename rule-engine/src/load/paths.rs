//! Rule files read from paths.
//!
//! In: files and directories as the user gave them. Out: [`Source`]s in the order of loading, and what could not be read. Never:
//! anything but reading.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};
use crate::read::MAX_FILE_BYTES;
use crate::source::{Source, SourceId, Span};

/// Reads rule files. A directory stands for its files that end in `.yaml` or `.yml`, in the order of their names; what lies deeper
/// in it is not read. Whatever cannot be read is an error that names the path.
pub fn read_paths(paths: &[PathBuf]) -> (Vec<Source>, Vec<Diagnostic>) {
    let mut sources = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        match files(path) {
            Ok(files) => files
                .iter()
                .for_each(|file| read(file, &mut sources, &mut errors)),
            Err(error) => errors.push(error),
        }
    }
    (sources, errors)
}

/// The path itself, or the rule files of the directory.
fn files(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        let rules = file
            .extension()
            .is_some_and(|suffix| suffix == "yaml" || suffix == "yml");
        if rules && fs::metadata(&file).is_ok_and(|metadata| metadata.is_file()) {
            files.push(file);
        }
    }
    if files.is_empty() {
        let message = format!("directory {} holds no rules files", path.display());
        let help = "put files that end in .yaml or .yml directly into it, or name another path";
        return Err(Diagnostic::error(Code::FileRead, message, None).help(help));
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path, sources: &mut Vec<Source>, errors: &mut Vec<Diagnostic>) {
    let name = path.display().to_string();
    let bytes = match bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            errors.push(unreadable(path, &error));
            return;
        }
    };
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!("{name} has more than {MAX_FILE_BYTES} bytes, which is the limit");
        errors.push(
            Diagnostic::error(Code::FileRead, message, None).help("split it into several files"),
        );
        return;
    }
    match String::from_utf8(bytes) {
        Ok(text) => sources.push(Source { name, text }),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            // What can be read is kept, so that the place can be shown.
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let span = Span {
                source: SourceId(sources.len() as u32),
                start: at as u32,
                end: at as u32,
            };
            let message = format!("file is not UTF-8: byte {at} begins no character");
            errors.push(
                Diagnostic::error(Code::FileRead, message, Some(span)).help("save it as UTF-8"),
            );
            sources.push(Source { name, text });
        }
    }
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let path = path.display();
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => (
            format!("{path} does not exist"),
            "check the path; rules are named with -r PATH",
        ),
        io::ErrorKind::PermissionDenied => (
            format!("{path} may not be read"),
            "allow this user to read it",
        ),
        _ => (
            format!("{path} cannot be read: {error}"),
            "check the file and the disk it lies on",
        ),
    };
    Diagnostic::error(Code::FileRead, message, None).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_its_rules_files_in_name_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "c.txt", "noext"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        fs::create_dir(dir.path().join("d.yaml")).unwrap();
        fs::write(dir.path().join("d.yaml/deep.yaml"), "deep").unwrap();
        let single = dir.path().join("c.txt");
        let (sources, errors) = read_paths(&[dir.path().to_owned(), single]);
        assert!(errors.is_empty(), "{errors:?}");
        let texts: Vec<_> = sources.iter().map(|source| source.text.as_str()).collect();
        assert_eq!(texts, ["a.yml", "b.yaml", "c.txt"]);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let latin = dir.path().join("latin.yaml");
        fs::write(&latin, b"- list: caf\xe9\n").unwrap();
        let large = dir.path().join("large.yaml");
        fs::write(&large, vec![b'#'; MAX_FILE_BYTES + 1]).unwrap();
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let missing = dir.path().join("missing.yaml");
        let (sources, errors) = read_paths(&[missing, empty, large, latin]);
        let messages: Vec<_> = errors
            .iter()
            .map(|error| {
                error
                    .message
                    .replace(&dir.path().display().to_string(), "DIR")
            })
            .collect();
        assert_eq!(
            messages,
            [
                "DIR/missing.yaml does not exist",
                "directory DIR/empty holds no rules files",
                "DIR/large.yaml has more than 8388608 bytes, which is the limit",
                "file is not UTF-8: byte 11 begins no character",
            ]
        );
        assert!(
            errors
                .iter()
                .all(|error| error.code == Code::FileRead && error.help.is_some())
        );
        assert_eq!(
            (sources.len(), errors[3].span.map(|span| span.start)),
            (1, Some(11))
        );
    }
}
