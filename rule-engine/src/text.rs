//! A text put together from pieces of files, whose every byte leads back to its place.
//!
//! In: pieces of files as YAML decoded them, and connecting words of ours. Out: conditions and outputs as they are parsed,
//! and for each range in them a [`Span`]. Never: what the text means.

use std::ops::Range;

use crate::source::{SourceId, Span};

/// A text and where it came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct MappedText {
    text: String,
    /// Invariant: ordered by `start`, the first at 0, none empty; empty exactly if the text is.
    pieces: Vec<Piece>,
}

/// A stretch of text that came from one place, up to where the next piece starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    /// First byte in the text.
    start: u32,
    /// The place in the file. For a verbatim piece its `end` is not used.
    span: Span,
    /// Whether the piece stands in the file byte for byte, so that ranges within it are exact.
    verbatim: bool,
    /// The name in whose place the piece was put, if it was.
    via: Option<Span>,
}

impl MappedText {
    /// A text that stands in the file just so, from byte `offset` on.
    pub(crate) fn verbatim(text: &str, source: SourceId, offset: usize) -> MappedText {
        let mut mapped = MappedText::default();
        mapped.push_verbatim(text, source, offset);
        mapped
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds a text that stands in the file just so.
    pub(crate) fn push_verbatim(&mut self, text: &str, source: SourceId, offset: usize) {
        let (start, end) = (to_u32(offset), to_u32(offset + text.len()));
        self.push_piece(text, Span { source, start, end }, true, None);
    }

    /// Adds a text that does not stand in the file but is owed to `span`.
    pub(crate) fn push_made(&mut self, text: &str, span: Span) {
        self.push_piece(text, span, false, None);
    }

    /// Adds another text, with its places.
    pub(crate) fn push(&mut self, other: &MappedText) {
        self.push_slice(other, 0..other.len());
    }

    /// Adds another text in the place of a name that stands at `via`.
    pub(crate) fn push_for(&mut self, other: &MappedText, via: Option<Span>) {
        for (index, piece) in other.pieces.iter().enumerate() {
            let text = &other.text[piece.start as usize..other.piece_end(index)];
            self.push_piece(text, piece.span, piece.verbatim, via);
        }
    }

    /// Adds a part of another text, with its places. The range must lie on character boundaries.
    pub(crate) fn push_slice(&mut self, other: &MappedText, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let first = other.piece_index(range.start);
        for (index, piece) in other.pieces.iter().enumerate().skip(first) {
            let start = (piece.start as usize).max(range.start);
            if start >= range.end {
                break;
            }
            let end = other.piece_end(index).min(range.end);
            let mut span = piece.span;
            if piece.verbatim {
                span.start += to_u32(start) - piece.start;
            }
            self.push_piece(&other.text[start..end], span, piece.verbatim, piece.via);
        }
    }

    /// Cuts the text to its first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        while self
            .pieces
            .last()
            .is_some_and(|piece| piece.start as usize >= len)
        {
            self.pieces.pop();
        }
    }

    /// The text without white space at both ends.
    pub(crate) fn trimmed(&self) -> MappedText {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
        let tail = self.text.trim_end_matches(blank);
        let start = tail.len() - tail.trim_start_matches(blank).len();
        let mut trimmed = MappedText::default();
        trimmed.push_slice(self, start..tail.len());
        trimmed
    }

    /// Where a range of the text stands in the file. A range with nothing but blanks from its start to the end of the text is the
    /// place behind the last word. `None` only for the empty text.
    pub(crate) fn span(&self, range: Range<usize>) -> Option<Span> {
        if self.pieces.is_empty() {
            return None;
        }
        let words = self.text.trim_end().len();
        if range.start >= words {
            let last = self.byte_span(words.max(1) - 1);
            return Some(Span {
                start: last.end,
                ..last
            });
        }
        let first = self.byte_span(range.start);
        if range.is_empty() {
            return Some(Span {
                end: first.start.max(first.end.min(first.start + 1)),
                ..first
            });
        }
        let last = self.byte_span(range.end.min(self.len()) - 1);
        if last.source == first.source && last.end >= first.end {
            return Some(Span {
                end: last.end,
                ..first
            });
        }
        let index = self.piece_index(range.start);
        let end = self.byte_span(self.piece_end(index) - 1).end;
        Some(Span { end, ..first })
    }

    /// The name in whose place the byte was put, if it was.
    pub(crate) fn via(&self, at: usize) -> Option<Span> {
        self.pieces.get(self.piece_index(at))?.via
    }

    fn push_piece(&mut self, text: &str, span: Span, verbatim: bool, via: Option<Span>) {
        if text.is_empty() {
            return;
        }
        let start = to_u32(self.text.len());
        let goes_on = self.pieces.last().is_some_and(|last| {
            let alike =
                last.span.source == span.source && last.verbatim == verbatim && last.via == via;
            let next = if verbatim {
                last.span.start + (start - last.start)
            } else {
                last.span.start
            };
            alike && next == span.start && (verbatim || last.span.end == span.end)
        });
        if !goes_on {
            self.pieces.push(Piece {
                start,
                span,
                verbatim,
                via,
            });
        }
        self.text.push_str(text);
    }

    /// The piece that holds the byte; the text must not be empty.
    fn piece_index(&self, at: usize) -> usize {
        self.pieces
            .partition_point(|piece| piece.start as usize <= at)
            .saturating_sub(1)
    }

    fn piece_end(&self, index: usize) -> usize {
        self.pieces
            .get(index + 1)
            .map_or(self.text.len(), |next| next.start as usize)
    }

    fn byte_span(&self, at: usize) -> Span {
        let piece = self.pieces[self.piece_index(at)];
        if !piece.verbatim {
            return piece.span;
        }
        let start = piece.span.start + (to_u32(at) - piece.start);
        Span {
            start,
            end: start + 1,
            ..piece.span
        }
    }
}

/// Offsets are 32 bits wide: the limits on files and texts lie far below.
fn to_u32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: SourceId = SourceId(0);
    const OTHER: SourceId = SourceId(1);

    fn span(source: SourceId, start: u32, end: u32) -> Span {
        Span { source, start, end }
    }

    #[test]
    fn every_range_leads_back() {
        let mut text = MappedText::verbatim("in (", FILE, 10);
        text.push(&MappedText::verbatim("abc", OTHER, 50));
        text.push_verbatim(")", FILE, 18);
        text.push_made(" and not", span(FILE, 30, 35));
        assert_eq!(text.as_str(), "in (abc) and not");
        for (range, expected) in [
            (0..2, span(FILE, 10, 12)),
            (4..7, span(OTHER, 50, 53)),
            (5..6, span(OTHER, 51, 52)),
            (3..8, span(FILE, 13, 19)),
            (3..6, span(FILE, 13, 14)),
            (9..12, span(FILE, 30, 35)),
            (3..16, span(FILE, 13, 35)),
            (16..16, span(FILE, 35, 35)),
            (99..100, span(FILE, 35, 35)),
        ] {
            assert_eq!(text.span(range.clone()), Some(expected), "{range:?}");
        }
        assert_eq!(MappedText::default().span(0..0), None);
    }

    #[test]
    fn slices_and_cuts_keep_their_places() {
        let mut text = MappedText::verbatim("  abc", FILE, 10);
        text.push(&MappedText::verbatim("def\n", OTHER, 7));
        let trimmed = text.trimmed();
        assert_eq!(trimmed.as_str(), "abcdef");
        assert_eq!(trimmed.span(1..2), Some(span(FILE, 13, 14)));
        assert_eq!(trimmed.span(3..6), Some(span(OTHER, 7, 10)));
        text.truncate(4);
        assert_eq!(text.span(3..4), Some(span(FILE, 13, 14)));
        text.truncate(0);
        assert_eq!(text.span(0..1), None);
        text.push_verbatim("x", FILE, 3);
        assert_eq!(text.span(0..1), Some(span(FILE, 3, 4)));
    }

    #[test]
    fn pieces_that_go_on_are_one() {
        let mut text = MappedText::verbatim("ab", FILE, 4);
        text.push_verbatim("cd", FILE, 6);
        assert_eq!(text.pieces.len(), 1);
        assert_eq!(text.span(0..4), Some(span(FILE, 4, 8)));
    }
}
