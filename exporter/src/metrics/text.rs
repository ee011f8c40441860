//! The two text formats.
//!
//! In: what a [`Visitor`] is shown. Out: bytes, appended to a buffer that the caller keeps.
//! Never: a metric without series; an allocation, once the buffer is large enough.
//! Sources: Prometheus exposition format 0.0.4; OpenMetrics 1.0.0.

use std::io::Write as _;

use uuid::fmt::Hyphenated;

use super::{Description, Distribution, Exemplar, Kind, Labels, Number, Visitor};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The family of a counter is named as its samples; there are no units, no exemplars and no end.
    Classic,
    /// The family of a counter is named without `_total`.
    OpenMetrics,
}

/// Writes one of the two text formats.
pub(super) struct TextEncoder<'b> {
    out: &'b mut Vec<u8>,
    dialect: Dialect,
    /// The name of the metric whose series come.
    name: &'static str,
    /// What is to be written before the first of them.
    head: Option<Head>,
}

#[derive(Clone, Copy)]
struct Head {
    family: &'static str,
    help: &'static str,
    kind: Kind,
    unit: Option<&'static str>,
}

impl<'b> TextEncoder<'b> {
    /// Appends to a buffer.
    pub(super) fn new(out: &'b mut Vec<u8>, dialect: Dialect) -> Self {
        Self {
            out,
            dialect,
            name: "",
            head: None,
        }
    }

    /// Writes what stands at the end.
    pub(super) fn finish(mut self) {
        if self.dialect == Dialect::OpenMetrics {
            self.put("# EOF\n");
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn head(&mut self) {
        let Some(head) = self.head.take() else {
            return;
        };
        let Head {
            family,
            help,
            kind,
            unit,
        } = head;
        for part in ["# HELP ", family, " ", help, "\n# TYPE ", family, " "] {
            self.put(part);
        }
        self.put(kind.as_str());
        if let (Some(unit), Dialect::OpenMetrics) = (unit, self.dialect) {
            for part in ["\n# UNIT ", family, " ", unit] {
                self.put(part);
            }
        }
        self.put("\n");
    }

    /// Name and labels of a sample; `le` is one more label.
    fn series(&mut self, suffix: &str, labels: Labels<'_>, le: Option<f64>) {
        self.put(self.name);
        self.put(suffix);
        let mut open = "{";
        for (name, value) in labels {
            // The same as a label that is not there.
            if value.is_empty() {
                continue;
            }
            for part in [open, name, "=\""] {
                self.put(part);
            }
            self.escaped(value);
            self.put("\"");
            open = ",";
        }
        if let Some(le) = le {
            self.put(open);
            self.put("le=\"");
            // In OpenMetrics a whole bound has a decimal point. The classic text leaves it open, and is to make the same series.
            if le.is_finite() {
                self.write(format_args!("{le:?}"));
            } else {
                self.real(le);
            }
            self.put("\"");
            open = ",";
        }
        self.put(if open == "{" { " " } else { "} " });
    }

    fn escaped(&mut self, value: &str) {
        let mut rest = value;
        while let Some(at) = rest.find(['\\', '"', '\n']) {
            let (plain, special) = rest.split_at(at);
            self.put(plain);
            self.put(match special.as_bytes()[0] {
                b'\\' => "\\\\",
                b'"' => "\\\"",
                _ => "\\n",
            });
            rest = &special[1..];
        }
        self.put(rest);
    }

    fn whole(&mut self, number: u64) {
        self.write(format_args!("{number}"));
    }

    fn real(&mut self, number: f64) {
        if number.is_nan() {
            self.put("NaN");
        } else if number.is_infinite() {
            self.put(if number > 0.0 { "+Inf" } else { "-Inf" });
        } else if number == number.trunc() && number.abs() < 1e15 {
            self.write(format_args!("{number}"));
        } else {
            // Large and small ones with an exponent.
            self.write(format_args!("{number:?}"));
        }
    }

    fn exemplar(&mut self, exemplar: Option<Exemplar>) {
        let (Some(exemplar), Dialect::OpenMetrics) = (exemplar, self.dialect) else {
            return;
        };
        let mut uuid = [0; Hyphenated::LENGTH];
        self.put(" # {uuid=\"");
        self.put(exemplar.uuid.hyphenated().encode_lower(&mut uuid));
        let (seconds, ms) = (
            exemplar.wall_ns / 1_000_000_000,
            exemplar.wall_ns / 1_000_000 % 1000,
        );
        self.write(format_args!("\"}} 1 {seconds}.{ms:03}"));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Memory takes everything.
        let _ = self.out.write_fmt(text);
    }
}

impl Visitor for TextEncoder<'_> {
    fn metric(&mut self, description: &Description) {
        self.name = description.name;
        self.head = Some(Head {
            family: match self.dialect {
                Dialect::Classic => description.name,
                Dialect::OpenMetrics => description.stem(),
            },
            help: description.help,
            kind: description.kind,
            unit: description.unit(),
        });
    }

    fn number(&mut self, labels: Labels<'_>, number: Number, exemplar: Option<Exemplar>) {
        self.head();
        self.series("", labels, None);
        match number {
            Number::Whole(number) => self.whole(number),
            Number::Real(number) => self.real(number),
        }
        self.exemplar(exemplar);
        self.put("\n");
    }

    fn distribution(&mut self, labels: Labels<'_>, distribution: &Distribution<'_>) {
        self.head();
        for (bound, count) in distribution.buckets {
            self.series("_bucket", labels, Some(*bound));
            self.whole(*count);
            self.put("\n");
        }
        self.series("_count", labels, None);
        self.whole(distribution.count);
        self.put("\n");
        self.series("_sum", labels, None);
        self.real(distribution.sum);
        self.put("\n");
    }
}
