//! The rules that the binary carries: what is used when nobody names others.
//!
//! In: `rules/*.yaml` at build time, listed by build.rs. Out: [`Source`]s in name order. Never: reading files at run time.

use rule_engine::source::Source;

/// Name and content of each file, in name order.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The bundled rule files; messages call them `bundled:NAME`.
pub fn rules() -> Vec<Source> {
    let source = |(name, text): &(&str, &str)| Source {
        name: format!("bundled:{name}"),
        text: (*text).to_owned(),
    };
    FILES.iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_files_are_there_in_name_order() {
        let names: Vec<_> = rules().into_iter().map(|source| source.name).collect();
        assert!(!names.is_empty());
        assert!(names.is_sorted());
        assert!(
            names
                .iter()
                .all(|name| name.starts_with("bundled:") && name.ends_with(".yaml"))
        );
    }
}
