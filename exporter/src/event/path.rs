//! Paths as text: joined to a directory and folded, without asking any file system.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

/// `path` as seen from `dir`, with empty, `.` and `..` components folded. An absolute path needs no directory; a relative one
/// without a directory stays relative to an unknown place and is given as it is.
#[must_use]
pub fn absolute<'a>(dir: &'a [u8], path: &'a [u8], arena: &'a Bump) -> &'a [u8] {
    let is_absolute = path.starts_with(b"/");
    if !is_absolute && !dir.starts_with(b"/") {
        return path;
    }
    if is_absolute && is_folded(path) {
        return path;
    }
    let mut folded = ArenaVec::with_capacity_in(dir.len() + 1 + path.len(), arena);
    if !is_absolute {
        push_components(dir, &mut folded);
    }
    push_components(path, &mut folded);
    if folded.is_empty() {
        folded.push(b'/');
    }
    folded.into_bump_slice()
}

/// The part before the last slash, `/` for a file in the root.
#[must_use]
pub fn directory(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) => b"/",
        Some(slash) => path.get(..slash).unwrap_or_default(),
        None => b"",
    }
}

/// The part behind the last slash.
#[must_use]
pub fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether folding would change nothing: the common case, answered without a copy.
fn is_folded(path: &[u8]) -> bool {
    path == b"/"
        || path
            .get(1..)
            .unwrap_or_default()
            .split(|byte| *byte == b'/')
            .all(|name| !matches!(name, b"" | b"." | b".."))
}

fn push_components(path: &[u8], folded: &mut ArenaVec<'_, u8>) {
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                let parent = folded.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                folded.truncate(parent);
            }
            name => {
                folded.push(b'/');
                folded.extend_from_slice(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_fold_as_text() {
        let arena = Bump::new();
        for (dir, path, folded) in [
            ("/", "/etc/shadow", "/etc/shadow"),
            ("/", "etc/shadow", "/etc/shadow"),
            ("/var/lib", "../../etc//./shadow", "/etc/shadow"),
            ("/", "/..", "/"),
            ("/a", "..", "/"),
            ("/a", "", "/a"),
            ("/a", "b/", "/a/b"),
            ("/a", "/b/", "/b"),
            ("/a", "/", "/"),
            ("", "b/../c", "b/../c"),
            ("/a", "\u{e4}\n", "/a/\u{e4}\n"),
        ] {
            let got = absolute(dir.as_bytes(), path.as_bytes(), &arena);
            assert_eq!(String::from_utf8_lossy(got), folded, "{dir} {path}");
        }
    }

    #[test]
    fn paths_split_at_their_last_slash() {
        for (path, dir, name) in [
            ("/etc/shadow", "/etc", "shadow"),
            ("/x", "/", "x"),
            ("/", "/", ""),
            ("x", "", "x"),
        ] {
            assert_eq!(
                (directory(path.as_bytes()), file_name(path.as_bytes())),
                (dir.as_bytes(), name.as_bytes())
            );
        }
    }

    proptest! {
        #[test]
        fn folding_is_done_once(dir in "(/[ab.]{0,3}){0,4}", path in "[ab./]{0,12}") {
            let arena = Bump::new();
            let dir = format!("/{dir}");
            let once = absolute(dir.as_bytes(), path.as_bytes(), &arena);
            prop_assert!(once.starts_with(b"/") && is_folded(once));
            prop_assert_eq!(absolute(b"/", once, &arena), once);
        }
    }
}
