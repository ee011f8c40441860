//! Source texts and places in them.
//!
//! A rule file is a [`Source`]. A condition is not compiled from the file's bytes but from an *expanded text* (YAML
//! folding undone, lists substituted, exceptions added), named by a [`TextId`]. A place in it is a [`TextRange`]; who
//! made the text can lead that back to a [`Span`] of the file.

/// A file (or string) of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What messages call it: the path as the user gave it.
    pub name: String,
    /// Its whole content.
    pub text: String,
}

/// Index of a [`Source`] in the order of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A place in a source file, in bytes; `end` is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One behind the last byte.
    pub end: u32,
}

/// Index of an expanded text (a condition or an output string as it is parsed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(pub u32);

/// A place in an expanded text, in bytes; `end` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TextRange {
    /// The expanded text.
    pub text: TextId,
    /// First byte.
    pub start: u32,
    /// One behind the last byte.
    pub end: u32,
}

impl Source {
    /// Line and column of a byte, both from 1; the column counts characters. A place behind the end is the end.
    pub fn position(&self, offset: u32) -> (usize, usize) {
        let end = floor_char_boundary(&self.text, offset as usize);
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The bytes of a span, widened to whole characters and cut to the text.
    pub(crate) fn range(&self, span: Span) -> std::ops::Range<usize> {
        let start = floor_char_boundary(&self.text, span.start as usize);
        let mut end = (span.end as usize).clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let source = Source {
            name: "a.yaml".into(),
            text: "ab\né x\n".into(),
        };
        for (offset, expected) in [
            (0, (1, 1)),
            (2, (1, 3)),
            (3, (2, 1)),
            (4, (2, 1)),
            (5, (2, 2)),
            (8, (3, 1)),
            (999, (3, 1)),
        ] {
            assert_eq!(source.position(offset), expected, "{offset}");
        }
        let span = Span {
            source: SourceId(0),
            start: 4,
            end: 4,
        };
        assert_eq!(source.range(span), 3..5);
        assert_eq!(source.range(Span { end: 99, ..span }), 3..8);
    }
}
