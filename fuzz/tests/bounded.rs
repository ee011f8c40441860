//! Every target over its seeds, its regressions and a fixed number of mutations of them: what `make fuzz` does without end.

use std::fs;
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Mutations of each target's inputs.
const MUTATIONS: u32 = 2000;
/// Bytes of an input that is mutated; larger ones are tried as they are.
const MUTATED_BYTES_MAX: usize = 4096;

/// A change of an input.
#[derive(Clone, Debug)]
enum Change {
    /// A word put in.
    Insert(Index, Index),
    /// A part taken out.
    Cut(Index, Index),
    /// A part of another input put in.
    Splice(Index, Index, Index, Index),
    /// A part said again.
    Repeat(Index, Index, u8),
    /// A byte made another one.
    Set(Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), index()).prop_map(|(at, word)| Change::Insert(at, word)),
        2 => (index(), index()).prop_map(|(from, to)| Change::Cut(from, to)),
        2 => (index(), index(), index(), index()).prop_map(|(at, other, from, to)| Change::Splice(at, other, from, to)),
        1 => (index(), index(), 2..5_u8).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        2 => (index(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
    ]
}

/// A part of an input, at most 200 bytes of it.
fn part(bytes: &[u8], from: Index, to: Index) -> std::ops::Range<usize> {
    let from = from.index(bytes.len() + 1);
    let len = to.index((bytes.len() - from).min(200) + 1);
    from..from + len
}

impl Change {
    fn apply(&self, target: &Target, seeds: &[Vec<u8>], bytes: &mut Vec<u8>) {
        match self {
            Change::Insert(at, word) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, word.get(target.words).bytes());
            }
            Change::Cut(from, to) => {
                bytes.drain(part(bytes, *from, *to));
            }
            Change::Splice(at, other, from, to) => {
                let at = at.index(bytes.len() + 1);
                let other = other.get(seeds);
                let taken = other[part(other, *from, *to)].to_vec();
                bytes.splice(at..at, taken);
            }
            Change::Repeat(from, to, times) => {
                let part = part(bytes, *from, *to);
                let again = bytes[part.clone()].repeat(usize::from(*times));
                bytes.splice(part, again);
            }
            Change::Set(at, byte) if !bytes.is_empty() => *at.get_mut(bytes) = *byte,
            Change::Set(..) => {}
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a folder with this ending, in name order; none if there is no such folder.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file() && path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// Runs a target over everything. A panic says which input it was.
fn exercise(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("a target of this name");
    let own = |kind: &str| files(&root().join("fuzz").join(kind).join(name), "");
    let more = target.more_seeds.iter();
    let more = more.flat_map(|(folder, ending)| files(&root().join(folder), ending));
    let paths: Vec<_> = own("seeds")
        .into_iter()
        .chain(own("regressions"))
        .chain(more)
        .collect();
    assert!(!paths.is_empty(), "{name} has no seeds");
    let mut seeds = vec![Vec::new()];
    for path in paths {
        let bytes = fs::read(&path).expect("a file of this repository");
        println!("input: {}", path.display());
        (target.run)(&bytes);
        seeds.push(bytes);
    }
    seeds.retain(|bytes| bytes.len() <= MUTATED_BYTES_MAX);

    let config = Config {
        cases: MUTATIONS,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let input = (any::<Index>(), prop::collection::vec(change(), 1..12));
    let tried = TestRunner::new_with_rng(config, rng).run(&input, |(seed, changes)| {
        let mut bytes = seed.get(&seeds).clone();
        for change in &changes {
            change.apply(target, &seeds, &mut bytes);
        }
        println!("input: {:?}", String::from_utf8_lossy(&bytes));
        (target.run)(&bytes);
        Ok(())
    });
    assert!(tried.is_ok(), "{}", tried.expect_err("it is not right"));
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            exercise(stringify!($name));
        })*

        #[test]
        fn every_target_is_here_and_under_libfuzzer() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                let file = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
                let text = fs::read_to_string(&file).expect("a target has a file");
                assert!(text.contains(&format!("fuzz::{name}(bytes)")), "{}", file.display());
            }
        }
    };
}

targets! {
    accept_header authorization_header capture cgroup_path condition engine_answer match_query record rule_files rule_test_file
    template
}
