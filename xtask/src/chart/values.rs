//! The values of the chart, from the comments in its `values.yaml`, as a table.
//!
//! In: the text of the file: block style, two spaces a level, the meaning of each key in comments right above it. Out: Markdown.
//! A key whose block holds no further comments is one value; another is the heading of those below it.

use std::fmt::Write as _;

use anyhow::{bail, ensure};

/// A key with all that is below it.
#[derive(Debug)]
struct Entry {
    /// With the keys above it: `image.tag`.
    path: String,
    comment: String,
    /// What stands behind the colon, or the lines below it.
    default: String,
    is_group: bool,
}

/// The table of all values, and a text for each group that has one.
pub(super) fn table(values: &str) -> anyhow::Result<String> {
    let mut table = String::from("\n| value | default | means |\n| --- | --- | --- |\n");
    for entry in entries(values)? {
        let comment = entry.comment.replace('|', r"\|");
        if !entry.is_group {
            let default = entry.default.trim_end().replace('\n', "<br>");
            let default = match default.contains("<br>") {
                true => format!("<pre>{default}</pre>"),
                false => format!("`{default}`"),
            };
            writeln!(table, "| `{}` | {default} | {comment} |", entry.path)?;
        } else if !comment.is_empty() {
            writeln!(table, "| `{}` | | {comment} |", entry.path)?;
        }
    }
    table.push('\n');
    Ok(table)
}

/// The paths of all values, groups left out.
#[cfg(test)]
pub(super) fn paths(values: &str) -> anyhow::Result<Vec<String>> {
    let entries = entries(values)?.into_iter();
    Ok(entries
        .filter(|entry| !entry.is_group)
        .map(|entry| entry.path)
        .collect())
}

fn entries(values: &str) -> anyhow::Result<Vec<Entry>> {
    let lines: Vec<&str> = values.lines().collect();
    let mut entries: Vec<Entry> = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    let (mut comment, mut number) = (Vec::new(), 0);
    while number < lines.len() {
        let line = lines[number];
        number += 1;
        let text = line.trim_start();
        if text.is_empty() {
            // What stands alone is about the file.
            comment.clear();
            continue;
        }
        if let Some(words) = text.strip_prefix('#') {
            comment.push(words.trim());
            continue;
        }
        let Some((key, value)) = text.split_once(':') else {
            bail!("line {number} of values.yaml is no key: {line}");
        };
        let indent = line.len() - text.len();
        above.truncate(indent / 2);
        ensure!(
            above.len() * 2 == indent,
            "line {number} of values.yaml is indented by {indent}"
        );
        above.push(key);
        let path = above.join(".");
        let block = block(&lines[number..], indent);
        let is_group = block.iter().any(|line| line.trim_start().starts_with('#'));
        let comment = std::mem::take(&mut comment).join(" ");
        ensure!(
            is_group || !comment.is_empty(),
            "{path} of values.yaml has no comment that says what it means"
        );
        let mut default = value.trim().to_owned();
        if !is_group && !block.is_empty() {
            number += block.len();
            default = dedented(block);
        }
        entries.push(Entry {
            path,
            comment,
            default,
            is_group,
        });
    }
    Ok(entries)
}

/// The lines that belong to a key that is indented so far: deeper ones, and the items of its list.
fn block<'a>(lines: &'a [&'a str], indent: usize) -> &'a [&'a str] {
    let belongs = |line: &&&str| {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        depth > indent && !text.is_empty() || depth == indent && text.starts_with("- ")
    };
    &lines[..lines.iter().take_while(belongs).count()]
}

fn dedented(block: &[&str]) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let least = block.iter().map(|line| indent(line)).min().unwrap_or(0);
    block.iter().fold(String::new(), |mut text, line| {
        text.push_str(&line[least..]);
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_rows() {
        let values = "\
# About the file.

# A name.
name: \"\"

# All of the image.
image:
  # Which | one.
  tag: latest
  # Two
  # lines.
  list:
  - a
  - b: c
# A map.
map:
  x:
    y: 1
";
        let expected = "
| value | default | means |
| --- | --- | --- |
| `name` | `\"\"` | A name. |
| `image` | | All of the image. |
| `image.tag` | `latest` | Which \\| one. |
| `image.list` | <pre>- a<br>- b: c</pre> | Two lines. |
| `map` | <pre>x:<br>  y: 1</pre> | A map. |

";
        assert_eq!(table(values).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_described_is_told() {
        for (values, expected) in [
            ("a: 1\n", "a of values.yaml has no comment"),
            (
                "# A group.\na:\n  # One.\n  b: 1\n  c: 2\n",
                "a.c of values.yaml has no comment",
            ),
            ("# A.\na\n", "line 2 of values.yaml is no key"),
            ("# A.\n   a: 1\n", "line 2 of values.yaml is indented by 3"),
        ] {
            let error = table(values).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
