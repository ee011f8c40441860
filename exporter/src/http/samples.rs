//! Reads an exposition back: names, labels, values.
//!
//! In: the classic text that this process has rendered. Out: samples. Through it the page and the JSON behind it show what a
//! scraper sees, and know no room's counters.

use std::borrow::Cow;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    labels: Vec<(&'a str, Cow<'a, str>)>,
    pub(super) value: f64,
}

/// Samples in the order of the text; what is no sample is left out.
pub(super) fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(sample)
}

impl Sample<'_> {
    /// The value of a label; empty, as in PromQL, if there is no such label.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels
            .iter()
            .find(|(label, _)| *label == name)
            .map_or("", |(_, value)| value)
    }

    /// The value as a count.
    pub(super) fn count(&self) -> u64 {
        // Saturates, and NaN is 0: counters are neither.
        self.value as u64
    }
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (name, mut rest) = line.split_at(line.find(['{', ' '])?);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.push((label, value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
    }
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name,
        labels,
        value,
    })
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((text[..end].into(), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value.into(), &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_as_they_were_written() {
        let text = "# HELP a_total x.\n# TYPE a_total counter\n\
                    a_total{rule=\"x \\\"y\\\", \\\\z\\n\",p=\"\"} 2\n\
                    b 1.5\nc{} 1e3\nd_bucket{le=\"+Inf\"} 7 1700000000\nbroken{a=\"\n\nlonely\n";
        let read: Vec<_> = samples(text).collect();
        let names: Vec<_> = read.iter().map(|sample| sample.name).collect();
        assert_eq!(names, ["a_total", "b", "c", "d_bucket"]);
        assert_eq!(read[0].label("rule"), "x \"y\", \\z\n");
        assert_eq!((read[0].label("p"), read[0].label("q")), ("", ""));
        assert_eq!((read[0].count(), read[1].value), (2, 1.5));
        assert_eq!((read[2].count(), read[3].label("le")), (1000, "+Inf"));
    }
}
