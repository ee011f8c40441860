//! The classic text, which prometheus-client does not write.
//!
//! In: what a [`Visitor`] is shown. Out: bytes, appended to a buffer that the caller keeps.
//! Never: a metric without series; an allocation, once the buffer is large enough.
//! Sources: Prometheus exposition format 0.0.4.

use std::io::Write as _;

use super::{Description, Distribution, Exemplar, Kind, Labels, Number, Visitor};

/// Writes Prometheus text 0.0.4.
pub(super) struct TextEncoder<'b> {
    out: &'b mut Vec<u8>,
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
}

impl<'b> TextEncoder<'b> {
    /// Appends to a buffer.
    pub(super) fn new(out: &'b mut Vec<u8>) -> Self {
        Self {
            out,
            name: "",
            head: None,
        }
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn head(&mut self) {
        let Some(head) = self.head.take() else {
            return;
        };
        let Head { family, help, kind } = head;
        for part in ["# HELP ", family, " ", help, "\n# TYPE ", family, " "] {
            self.put(part);
        }
        self.put(kind.as_str());
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
            // With a decimal point, as in OpenMetrics: both are to make the same series.
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

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Memory takes everything.
        let _ = self.out.write_fmt(text);
    }
}

impl Visitor for TextEncoder<'_> {
    fn metric(&mut self, description: &Description) {
        self.name = description.name;
        self.head = Some(Head {
            family: description.name,
            help: description.help,
            kind: description.kind,
        });
    }

    fn number(&mut self, labels: Labels<'_>, number: Number, _: Option<Exemplar>) {
        self.head();
        self.series("", labels, None);
        match number {
            Number::Whole(number) => self.whole(number),
            Number::Real(number) => self.real(number),
        }
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
