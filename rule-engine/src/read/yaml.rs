//! YAML text → nodes with places.
//!
//! In: one [`Source`]. Out: the nodes of its documents, aliases resolved by sharing, or the one place where it stops being
//! YAML. Never: what the nodes mean.
//!
//! Sources: YAML 1.2.2; what counts as null follows yaml-cpp, which reads rule files upstream.

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::align;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, SourceId, Span};
use crate::text::MappedText;

/// Bytes of a rules file at most.
pub(crate) const MAX_FILE_BYTES: usize = 8 << 20;
/// How deep sequences and mappings may nest. Rules need six levels.
const MAX_DEPTH: usize = 64;
/// How many scalars, sequences and mappings a file may hold.
const MAX_NODES: usize = 1_000_000;

/// Index of a [`Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

/// A value of the file.
#[derive(Debug)]
pub(crate) struct Node {
    /// Where it stands; for a block, from its indicator on.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) kind: NodeKind,
}

/// The kinds of values.
#[derive(Debug)]
pub(crate) enum NodeKind {
    /// Nothing, `~` or `null`.
    Null,
    /// Text of any style. Numbers and truth values are text too.
    Scalar(Box<str>, ScalarStyle),
    /// Members in order.
    Sequence(Vec<NodeId>),
    /// Keys and values in order; a key may be there twice.
    Mapping(Vec<(NodeId, NodeId)>),
    /// A collection whose end has not been met yet; none is left when the file has been read.
    Open,
}

/// The content of a file.
#[derive(Debug)]
pub(crate) struct Yaml<'s> {
    source: &'s Source,
    nodes: Vec<Node>,
    /// The root of each document.
    pub(crate) documents: Vec<NodeId>,
}

impl<'s> Yaml<'s> {
    /// Reads a whole file.
    ///
    /// # Errors
    /// The text is not YAML, or exceeds a limit.
    pub(crate) fn parse(source: &'s Source, id: SourceId) -> Result<Yaml<'s>, Diagnostic> {
        let whole = Span {
            source: id,
            start: 0,
            end: 0,
        };
        if source.text.len() > MAX_FILE_BYTES {
            let message = format!(
                "file has {} bytes; the limit is {MAX_FILE_BYTES}",
                source.text.len()
            );
            return Err(Diagnostic::error(Code::YamlParse, message, Some(whole))
                .help("split it into several files"));
        }
        let yaml = Yaml {
            source,
            nodes: Vec::new(),
            documents: Vec::new(),
        };
        let mut builder = Builder {
            yaml,
            id,
            open: Vec::new(),
            anchors: HashMap::new(),
        };
        for event in Parser::new_from_str(&source.text) {
            let (event, span) = event.map_err(|error| not_yaml(&error, id))?;
            let range = span.byte_range().unwrap_or_default();
            builder.event(
                event,
                Span {
                    source: id,
                    start: range.start as u32,
                    end: range.end as u32,
                },
            )?;
        }
        Ok(builder.yaml)
    }

    /// The node.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The text of a scalar with the place of each byte; empty for any other node.
    pub(crate) fn text(&self, id: NodeId) -> MappedText {
        let node = self.node(id);
        match &node.kind {
            NodeKind::Scalar(text, style) => {
                align::scalar(&self.source.text, node.span, *style, text)
            }
            _ => MappedText::default(),
        }
    }

    /// The first value of the key.
    pub(crate) fn get(&self, mapping: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        let NodeKind::Mapping(pairs) = &self.node(mapping).kind else {
            return None;
        };
        pairs.iter().copied().find(|(name, _)| matches!(&self.node(*name).kind, NodeKind::Scalar(text, _) if **text == *key))
    }
}

fn not_yaml(error: &ScanError, source: SourceId) -> Diagnostic {
    let at = error.marker().byte_offset().unwrap_or(0) as u32;
    // The parser stops by itself at a depth that lies beyond ours, when it looks far ahead.
    let message = match error.kind() {
        ErrorKind::RecursionLimitExceeded => too_deep(),
        _ => format!("file is not valid YAML: {}", error.info()),
    };
    let mut diagnostic = Diagnostic::error(
        Code::YamlParse,
        message,
        Some(Span {
            source,
            start: at,
            end: at,
        }),
    );
    diagnostic.help = advice(error.kind()).map(str::to_owned);
    diagnostic
}

fn too_deep() -> String {
    format!("values nest deeper than {MAX_DEPTH} levels, which is the limit")
}

/// What to do about the mistakes that are made most.
fn advice(kind: &ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::MappingValueNotAllowed => {
            Some("quote a text that holds a colon and a space; check the indentation")
        }
        ErrorKind::UnexpectedCharacter { .. } => {
            Some("quote a text that begins with this character")
        }
        ErrorKind::UnknownAnchor => Some("quote a text that begins with `*`"),
        ErrorKind::TabInPlainScalar => Some("indent with spaces, not with tabs"),
        _ => None,
    }
}

struct Builder<'s> {
    yaml: Yaml<'s>,
    id: SourceId,
    /// Collections whose end is to come, outermost first, each with the members met so far.
    open: Vec<(NodeId, Vec<NodeId>)>,
    anchors: HashMap<usize, NodeId>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let null = style == ScalarStyle::Plain && tag.is_none() && is_null(&text);
                let kind = if null {
                    NodeKind::Null
                } else {
                    NodeKind::Scalar(text.into(), style)
                };
                let node = self.add(kind, span, anchor)?;
                self.place(node);
            }
            Event::SequenceStart(_, anchor, _) | Event::MappingStart(_, anchor, _) => {
                self.start(span, anchor)?
            }
            Event::SequenceEnd => self.end(span, NodeKind::Sequence),
            Event::MappingEnd => self.end(span, |members| {
                NodeKind::Mapping(
                    members
                        .chunks_exact(2)
                        .map(|pair| (pair[0], pair[1]))
                        .collect(),
                )
            }),
            Event::Alias(anchor) => self.alias(anchor, span)?,
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, kind: NodeKind, span: Span, anchor: usize) -> Result<NodeId, Diagnostic> {
        if self.yaml.nodes.len() >= MAX_NODES {
            return Err(self.limit(
                format!("file holds more than {MAX_NODES} values, which is the limit"),
                span,
            ));
        }
        let id = NodeId(self.yaml.nodes.len());
        self.yaml.nodes.push(Node { span, kind });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    fn start(&mut self, span: Span, anchor: usize) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.limit(too_deep(), span));
        }
        let node = self.add(NodeKind::Open, span, anchor)?;
        self.open.push((node, Vec::new()));
        Ok(())
    }

    fn end(&mut self, span: Span, kind: impl FnOnce(Vec<NodeId>) -> NodeKind) {
        if let Some((id, members)) = self.open.pop() {
            let node = &mut self.yaml.nodes[id.0];
            node.kind = kind(members);
            node.span.end = span.end.max(node.span.end);
            self.place(id);
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let found = self.anchors.get(&anchor).copied();
        match found.filter(|id| !matches!(self.yaml.node(*id).kind, NodeKind::Open)) {
            Some(id) => self.place(id),
            None => {
                let message = "alias refers to the collection that it stands in";
                return Err(Diagnostic::error(Code::YamlParse, message, Some(span)));
            }
        }
        Ok(())
    }

    /// Puts a finished node where it belongs: into the collection around it, or among the documents.
    fn place(&mut self, id: NodeId) {
        match self.open.last_mut() {
            Some((_, members)) => members.push(id),
            None => self.yaml.documents.push(id),
        }
    }

    fn limit(&self, message: String, span: Span) -> Diagnostic {
        debug_assert_eq!(span.source, self.id);
        Diagnostic::error(Code::YamlParse, message, Some(span))
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: SourceId = SourceId(0);

    fn show(yaml: &Yaml<'_>, id: NodeId) -> String {
        let all = |ids: &[NodeId]| {
            ids.iter()
                .map(|id| show(yaml, *id))
                .collect::<Vec<_>>()
                .join(",")
        };
        match &yaml.node(id).kind {
            NodeKind::Null => "~".into(),
            NodeKind::Scalar(text, _) => format!("{text:?}"),
            NodeKind::Sequence(ids) => format!("[{}]", all(ids)),
            NodeKind::Mapping(pairs) => {
                let pair =
                    |(k, v): &(NodeId, NodeId)| format!("{}:{}", show(yaml, *k), show(yaml, *v));
                format!(
                    "{{{}}}",
                    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
                )
            }
            NodeKind::Open => "open".into(),
        }
    }

    fn read(text: &str) -> Result<String, String> {
        let source = Source {
            name: "t.yaml".into(),
            text: text.into(),
        };
        match Yaml::parse(&source, ID) {
            Ok(yaml) => Ok(yaml
                .documents
                .iter()
                .map(|id| show(&yaml, *id))
                .collect::<Vec<_>>()
                .join(" | ")),
            Err(diagnostic) => Err(diagnostic.message),
        }
    }

    #[test]
    fn documents_styles_and_aliases() {
        for (text, expected) in [
            ("", ""),
            ("# nothing\n", ""),
            ("---\n---\n- a\n", "~ | [\"a\"]"),
            (
                "- a: 1\n  b: [x, 'y z', \"\\t\"]\n",
                r#"[{"a":"1","b":["x","y z","\t"]}]"#,
            ),
            (
                "- ~\n- null\n- 'null'\n- !!str null\n- ''\n-\n",
                r#"[~,~,"null","null","",~]"#,
            ),
            ("- &x {k: [1]}\n- *x\n", r#"[{"k":["1"]},{"k":["1"]}]"#),
            (
                "- >\n  a\n  b\n- |\n  a\n  b\n",
                "[\"a b\\n\",\"a\\nb\\n\"]",
            ),
            ("- k: 1\n  k: 2\n", r#"[{"k":"1","k":"2"}]"#),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn the_first_of_two_values_is_found() {
        let source = Source {
            name: "t.yaml".into(),
            text: "- k: 1\n  k: 2\n".into(),
        };
        let yaml = Yaml::parse(&source, ID).unwrap();
        let NodeKind::Sequence(items) = &yaml.node(yaml.documents[0]).kind else {
            panic!()
        };
        let (_, value) = yaml.get(items[0], "k").unwrap();
        assert_eq!(show(&yaml, value), "\"1\"");
        assert!(yaml.get(items[0], "x").is_none());
    }

    #[test]
    fn limits_are_errors_with_the_number_in_them() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        assert_eq!(
            read(&deep),
            Err("values nest deeper than 64 levels, which is the limit".into())
        );
        let many = "- a\n".repeat(MAX_NODES);
        assert_eq!(
            read(&many),
            Err("file holds more than 1000000 values, which is the limit".into())
        );
        let large = "#".repeat(MAX_FILE_BYTES + 1);
        assert_eq!(
            read(&large),
            Err("file has 8388609 bytes; the limit is 8388608".into())
        );
        assert_eq!(
            read("&a [*a]"),
            Err("alias refers to the collection that it stands in".into())
        );
        assert!(
            read("- *nowhere")
                .unwrap_err()
                .starts_with("file is not valid YAML")
        );
    }
}
