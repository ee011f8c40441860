//! Path prefixes, component by component: a tree of all prefixes of a `pmatch`.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::Glob;

/// A set of path prefixes.
#[derive(Clone, Debug)]
pub(crate) struct PathSet {
    /// The first one is the root.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    /// A prefix ends here.
    end: bool,
    exact: HashMap<Box<[u8]>, usize, FixedState>,
    patterns: Vec<(Glob, usize)>,
}

impl PathSet {
    /// A set of these prefixes; a component with `?`, `*` or `[` is a shell pattern.
    pub(crate) fn new<'p>(prefixes: impl Iterator<Item = &'p [u8]>) -> Self {
        let mut set = Self {
            nodes: vec![Node::default()],
        };
        for prefix in prefixes {
            let mut at = 0;
            for component in components(prefix) {
                at = set.child(at, component);
            }
            set.nodes[at].end = true;
        }
        set
    }

    /// Whether some prefix covers the path. Slashes at the start, the end or doubled do not matter.
    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        self.matches_from(0, path)
    }

    /// Recursion is as deep as the longest prefix, which has at most 255 bytes.
    fn matches_from(&self, at: usize, path: &[u8]) -> bool {
        let node = &self.nodes[at];
        if node.end {
            return true;
        }
        let Some((component, rest)) = split(path) else {
            return false;
        };
        node.exact
            .get(component)
            .is_some_and(|&child| self.matches_from(child, rest))
            || node
                .patterns
                .iter()
                .any(|(glob, child)| glob.matches(component) && self.matches_from(*child, rest))
    }

    fn child(&mut self, at: usize, component: &[u8]) -> usize {
        let next = self.nodes.len();
        let node = &mut self.nodes[at];
        if component.iter().any(|c| matches!(c, b'?' | b'*' | b'[')) {
            node.patterns.push((Glob::new(component, false), next));
        } else if let Some(&child) = node.exact.get(component) {
            return child;
        } else {
            node.exact.insert(component.into(), next);
        }
        self.nodes.push(Node::default());
        next
    }
}

/// The components of a path that are not empty.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&c| c == b'/')
        .filter(|component| !component.is_empty())
}

/// The first component and what follows it.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = path.iter().position(|&c| c != b'/')?;
    let path = &path[start..];
    let end = memchr::memchr(b'/', path).unwrap_or(path.len());
    Some(path.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_cover_whole_components() {
        for (prefixes, path, expected) in [
            (&["/home", "/etc"][..], "/home/file.txt", true),
            (&["/home/file.txt/x"], "/home/file.txt", false),
            (&["/a"], "/abc", false),
            (&["/a"], "/a", true),
            (&["usr/bin"], "/usr/bin/good-exe", true),
            (&["//usr//bin/"], "/usr/bin/good-exe", true),
            (&["/usr/b*"], "/usr/bin/x", true),
            (&["/a/*/c"], "/a/b/c", true),
            (&["/a/[bc]/c"], "/a/b/c", true),
            (&["/**/c"], "/a/b/c", false),
            (&["/"], "", true),
            (&[""], "/x", true),
            (&["/a"], "", false),
            (&["*"], "", false),
            (&[], "/a", false),
            // An exact component that leads nowhere does not hide a pattern that does.
            (&["/a/b/x", "/a/*/c"], "/a/b/c", true),
        ] {
            let set = PathSet::new(prefixes.iter().map(|p| p.as_bytes()));
            assert_eq!(
                set.matches(path.as_bytes()),
                expected,
                "{prefixes:?} on {path}"
            );
        }
    }
}
