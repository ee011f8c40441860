//! Reads a scrape back: names, labels, values.

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// All samples of a scrape.
#[derive(Clone, Debug)]
pub(crate) struct Exposition(pub(crate) Vec<Sample>);

impl Exposition {
    /// Parses classic text.
    ///
    /// # Panics
    /// On a line that is neither comment nor sample.
    pub(crate) fn parse(text: &str) -> Exposition {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        Exposition(
            lines
                .map(|line| sample(line).unwrap_or_else(|| panic!("not a sample: {line}")))
                .collect(),
        )
    }

    /// Sum of the samples of this name that have these labels, among others; `None` without such a sample.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &Sample, (key, value): &(&str, &str)| {
            sample.labels.iter().any(|(k, v)| k == key && v == value)
        };
        let matching =
            |sample: &&Sample| sample.name == name && labels.iter().all(|label| has(sample, label));
        let values: Vec<f64> = self
            .0
            .iter()
            .filter(matching)
            .map(|sample| sample.value)
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.push((key.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: rest.trim().parse().ok()?,
    })
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[test]
fn samples_are_read_with_quoted_labels() {
    let text = "# TYPE a counter\na_total{rule=\"x \\\"y\\\", \\\\z\\n\",p=\"\"} 2\na_total{rule=\"b\",p=\"q\"} 3\nb 1.5\nc{} 1e3\n";
    let parsed = Exposition::parse(text);
    assert_eq!(parsed.0[0].labels[0].1, "x \"y\", \\z\n");
    assert_eq!(parsed.sum("a_total", &[]), Some(5.0));
    assert_eq!(
        parsed.sum("a_total", &[("p", "q"), ("rule", "b")]),
        Some(3.0)
    );
    assert_eq!(parsed.sum("a_total", &[("p", "r")]), None);
    assert_eq!(
        (parsed.sum("b", &[]), parsed.sum("c", &[])),
        (Some(1.5), Some(1000.0))
    );
}
