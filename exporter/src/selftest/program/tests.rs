//! Programs are run for real: the kernel says whether they are what they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::calls::{call, make_folder, read, write};
use super::*;

/// What the program says when it ends, with a folder of its own as working directory.
fn run(calls: &[Call]) -> (Option<i32>, Vec<String>) {
    let folder = tempfile::TempDir::new().expect("a scratch folder");
    let file = folder.path().join("program");
    fs::write(&file, executable(calls)).expect("the scratch folder is writable");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its owner may");
    // A fork of another test may hold the file open for writing for a moment.
    let status = loop {
        match Command::new(&file).current_dir(folder.path()).status() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
            status => break status.expect("the kernel runs it"),
        }
    };
    let mut left: Vec<String> = fs::read_dir(folder.path())
        .expect("the folder is there")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            match fs::read_to_string(entry.path()) {
                Ok(text) if !text.is_empty() => format!("{name}: {text}"),
                _ => name,
            }
        })
        .collect();
    left.sort();
    (status.code(), left)
}

#[test]
fn programs_make_their_calls_in_order_and_end_with_the_first_error() {
    let missing = read("nothing");
    for (calls, code, left) in [
        (&[][..], 0, &["program"][..]),
        (&[write("a"), make_folder("b")], 0, &["a", "b", "program"]),
        (
            &[write("a"), missing, make_folder("b")],
            libc::ENOENT,
            &["a", "program"],
        ),
        (&[missing.in_vain(), make_folder("b")], 0, &["b", "program"]),
    ] {
        let (is, there) = run(calls);
        assert_eq!(is, Some(code), "{calls:?}");
        assert_eq!(there, left, "{calls:?}");
    }
}

#[test]
fn a_missing_right_ends_also_a_call_in_vain() {
    // Nobody may join a group that is not there.
    const NOTHING: Arg = Arg::Value(0);
    let refused = call(
        libc::SYS_setpgid,
        [NOTHING, Arg::Value(4_194_303), NOTHING, NOTHING],
    );
    assert_eq!(run(&[refused.in_vain()]).0, Some(libc::EPERM));
}

#[test]
fn structures_hold_addresses_of_what_they_point_to() {
    static TIME: [Word; 2] = [Word::Value(0), Word::Value(1)];
    static VECTOR: [Word; 4] = [
        Word::Bytes(b"ab"),
        Word::Value(2),
        Word::Bytes(b"c"),
        Word::Value(1),
    ];
    const NOTHING: Arg = Arg::Value(0);
    let gathered = call(
        libc::SYS_writev,
        [Arg::Value(3), Arg::Words(&VECTOR), Arg::Value(2), NOTHING],
    );
    let (code, left) = run(&[calls::sleep(&TIME), write("text"), gathered]);
    assert_eq!(
        (code, left),
        (Some(0), vec!["program".to_owned(), "text: abc".to_owned()])
    );
}
