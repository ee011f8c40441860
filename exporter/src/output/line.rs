//! Renders a match as one line, with the keys and the text form that readers of Falco's output know.
//!
//! In: an [`OwnedMatch`]. Out: bytes that end with the only line break in them.
//! Never: a control character from an event, which could steer the terminal that shows the line.
//! Sources: the output and JSON documentation of Falco; RFC 3339.

use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};
use uuid::Uuid;

use super::{FieldValue, OwnedMatch};

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON object.
    Json,
    /// `TIME: PRIORITY message`, the time being local.
    Text,
}

/// Renders matches of this host.
#[derive(Clone, Debug)]
pub struct Lines {
    format: Format,
    hostname: String,
    zone: TimeZone,
}

impl Lines {
    /// Lines of a host, with the clock time of the system's time zone.
    pub fn new(format: Format, hostname: String) -> Lines {
        Lines {
            format,
            hostname,
            zone: TimeZone::system(),
        }
    }

    /// Appends the line of a match.
    pub fn render(&self, owned: &OwnedMatch, lines: &mut Vec<u8>) {
        let time = Timestamp::from_nanosecond(owned.time_wall_ns.into())
            .expect("64 bits of nanoseconds end in the year 2554");
        let output = format!(
            "{}: {} {}",
            time.to_zoned(self.zone.clone()).strftime("%H:%M:%S%.9f"),
            owned.rule.priority,
            owned.message
        );
        match self.format {
            Format::Json => {
                let object = Object {
                    time: &time.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string(),
                    rule: &owned.rule.name,
                    priority: owned.rule.priority.as_str(),
                    source: &owned.rule.source,
                    output: &output,
                    output_fields: OutputFields(owned),
                    tags: &owned.rule.tags,
                    hostname: &self.hostname,
                    uuid: &owned.uuid,
                };
                let mut serializer =
                    serde_json::Serializer::with_formatter(&mut *lines, PrintableFormatter);
                object
                    .serialize(&mut serializer)
                    .expect("all keys are text, and writing to memory does not fail");
            }
            Format::Text => lines.extend_from_slice(printable(&output).as_bytes()),
        }
        lines.push(b'\n');
    }
}

/// The keys, in the order in which they are written.
#[derive(Serialize)]
struct Object<'a> {
    time: &'a str,
    rule: &'a str,
    priority: &'a str,
    source: &'a str,
    output: &'a str,
    output_fields: OutputFields<'a>,
    tags: &'a [Box<str>],
    hostname: &'a str,
    #[serde(serialize_with = "as_text")]
    uuid: &'a Uuid,
}

fn as_text<S: Serializer>(uuid: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(uuid)
}

/// The fields, with the time of the event in nanoseconds, which Falco adds to every match.
struct OutputFields<'a>(&'a OwnedMatch);

impl Serialize for OutputFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let OwnedMatch {
            fields,
            time_wall_ns,
            ..
        } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("evt.time", &FieldValue::Uint(*time_wall_ns))?;
        for (name, value) in fields.iter().filter(|(name, _)| &**name != "evt.time") {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

/// Writes control characters above the ASCII range as escapes, too: JSON does not ask for it, a terminal does.
struct PrintableFormatter;

impl Formatter for PrintableFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        CompactFormatter.write_string_fragment(writer, &printable(fragment))
    }
}

/// Text with its control characters written as in JSON: `\n`, `\u001b`.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{8}' => printable.push_str("\\b"),
            '\t' => printable.push_str("\\t"),
            '\n' => printable.push_str("\\n"),
            '\u{c}' => printable.push_str("\\f"),
            '\r' => printable.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(printable, "\\u{:04x}", u32::from(c));
            }
            c => printable.push(c),
        }
    }
    printable
}
