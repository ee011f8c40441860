//! A file that lines are appended to, and opened anew when it has been moved away.
//!
//! In: bytes from a [`super::Writer`], and [`Reopener::reopen`] when a signal asks for it. Out: a file that holds whole lines,
//! as does the one that was moved away. Never: a file that is cut, or a pipe: opening one waits for its reader.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Readable for the owner and the group: lines hold command lines.
const MODE: u32 = 0o640;

/// The file, as a sink. What was begun in one file is ended there: the next one is taken after a flush.
#[derive(Debug)]
pub struct LineFile {
    current: Arc<File>,
    newest: Arc<Mutex<Arc<File>>>,
    between_writes: bool,
}

/// Opens the file anew.
#[derive(Clone, Debug)]
pub struct Reopener {
    path: PathBuf,
    newest: Arc<Mutex<Arc<File>>>,
}

impl LineFile {
    /// Opens a file for appending, and makes it if it is not there.
    ///
    /// # Errors
    /// When it cannot be opened, or is a pipe, a socket or a folder.
    pub fn open(path: &Path) -> io::Result<(LineFile, Reopener)> {
        let current = Arc::new(open(path)?);
        let newest = Arc::new(Mutex::new(Arc::clone(&current)));
        let reopener = Reopener {
            path: path.to_owned(),
            newest: Arc::clone(&newest),
        };
        let file = LineFile {
            current,
            newest,
            between_writes: true,
        };
        Ok((file, reopener))
    }
}

impl Write for LineFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.between_writes {
            let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            self.current = Arc::clone(&newest);
            self.between_writes = false;
        }
        (&*self.current).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.between_writes = true;
        Ok(())
    }
}

impl Reopener {
    /// Opens the path again, and makes it if it has been moved away: what is written from now on goes there.
    ///
    /// # Errors
    /// When it cannot be opened; the file at hand is then written on.
    pub fn reopen(&self) -> io::Result<()> {
        let file = Arc::new(open(&self.path)?);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = file;
        Ok(())
    }

    /// Which file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Ok(metadata) = path.metadata() {
        let kind = metadata.file_type();
        if kind.is_fifo() || kind.is_socket() {
            let message = "it is a pipe or socket; name a file, or use standard output";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(MODE)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs;

    #[test]
    fn a_moved_file_is_left_whole_and_a_new_one_begun() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        let read = |name: &str| fs::read_to_string(path(name)).unwrap();
        fs::write(path("lines"), "there\n").unwrap();
        let (mut file, reopener) = LineFile::open(&path("lines")).unwrap();
        file.write_all(b"one\n").unwrap();
        file.flush().unwrap();
        fs::rename(path("lines"), path("moved")).unwrap();
        file.write_all(b"tw").unwrap();
        reopener.reopen().unwrap();
        file.write_all(b"o\n").unwrap();
        file.flush().unwrap();
        file.write_all(b"three\n").unwrap();
        assert_eq!(read("moved"), "there\none\ntwo\n");
        assert_eq!(read("lines"), "three\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_again_leaves_the_old_one() {
        let folder = tempfile::TempDir::new().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let (mut file, reopener) = LineFile::open(&inner.join("lines")).unwrap();
        fs::rename(&inner, folder.path().join("moved")).unwrap();
        assert!(reopener.reopen().is_err());
        file.write_all(b"one\n").unwrap();
        let moved = folder.path().join("moved/lines");
        assert_eq!(fs::read_to_string(moved).unwrap(), "one\n");
    }

    #[test]
    fn a_pipe_is_refused_before_it_waits() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let error = LineFile::open(&path).unwrap_err();
        assert!(error.to_string().contains("standard output"), "{error}");
    }
}
