//! Rule files with one defect each: `testdata/malformed/NAME.yaml`, and in `NAME.txt` what the load says about it, drawn.
//!
//! Every file must fail to load, and its first error must point at a place. `UPDATE=1` writes what is drawn now.

use std::path::Path;

use rule_engine::diagnostic::Severity;
use rule_engine::load::{LoadOptions, load, read_paths};
use rule_engine::render;
use rule_engine::schema::Schema;

#[test]
fn every_malformed_file_is_refused_with_a_pointed_error() {
    let (schema, options) = (Schema::syscall(), LoadOptions::default());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/malformed");
    let paths = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 100, "the corpus has {} files", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (mut sources, errors) = read_paths(std::slice::from_ref(&path));
        assert!(errors.is_empty(), "{name}: {errors:?}");
        sources
            .iter_mut()
            .for_each(|source| source.name.clone_from(&name));
        let loaded = load(sources, &schema, &options);
        let first = loaded
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity == Severity::Error);
        match first {
            None => wrong.push(format!("{name} loads")),
            Some(error) if error.span.is_none() => {
                wrong.push(format!("{name}: the first error has no place"))
            }
            Some(_) => {}
        }
        let drawn = loaded
            .diagnostics
            .iter()
            .map(|diagnostic| render::draw(diagnostic, &loaded.sources, false) + "\n\n");
        let drawn: String = drawn.collect();
        let expected = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &drawn).unwrap();
        } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(&drawn) {
            wrong.push(format!(
                "{name} is drawn otherwise than in its .txt:\n{drawn}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
