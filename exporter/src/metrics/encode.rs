//! Renders the registry in the format that a scraper asks for.
//!
//! In: the `Accept` header, the registry. Out: a content type and text.
//! Never: a format that was not asked for, except the classic text that every scraper reads.
//! Sources: Prometheus content negotiation and exposition formats, OpenMetrics 1.0.0, RFC 9110 section 12.5.1.

use std::fmt::{self, Write as _};

use prometheus_client::encoding::text;

use super::Registry;

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format that an `Accept` header prefers: highest `q`, on a tie what is named first. A header that is absent, cannot
    /// be read or names nothing we have gets the classic text, as scrapers expect.
    pub fn negotiate(accept: &str) -> Format {
        let mut best = (0, Format::Text);
        for range in split_outside_quotes(accept, ',') {
            if let Some((quality, format)) = media_range(range)
                && quality > best.0
            {
                best = (quality, format);
            }
        }
        best.1
    }

    /// Value of the `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// All metrics as text. An error means that a value could not be written in the format.
pub fn encode(registry: &Registry, format: Format) -> Result<String, fmt::Error> {
    let mut open_metrics = String::new();
    text::encode(&mut open_metrics, registry.exposition())?;
    match format {
        Format::OpenMetrics => Ok(open_metrics),
        Format::Text => classic(&open_metrics),
    }
}

/// One element of an `Accept` header: its weight in thousandths and the format it stands for.
fn media_range(range: &str) -> Option<(u16, Format)> {
    let mut parts = split_outside_quotes(range, ';');
    let mut quality = 1000;
    let mut version = None;
    let media_type = parts.next()?.trim();
    for part in parts {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"');
        match name.trim() {
            name if name.eq_ignore_ascii_case("q") => quality = thousandths(value)?,
            name if name.eq_ignore_ascii_case("version") => version = Some(value),
            _ => {}
        }
    }
    let is = |wanted: &str| media_type.eq_ignore_ascii_case(wanted);
    let format = if is("application/openmetrics-text") && matches!(version, None | Some("1.0.0")) {
        Format::OpenMetrics
    } else if is("*/*")
        || is("text/*")
        || is("text/plain") && matches!(version, None | Some("0.0.4"))
    {
        Format::Text
    } else {
        return None;
    };
    Some((quality, format))
}

/// A weight from `0` to `1` with at most three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

/// Splits at a separator that does not stand inside a quoted string.
fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if c == '\\' && quoted {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

/// The classic text of an OpenMetrics exposition: the family of a counter is named as its samples, with `_total`, and neither
/// units nor the end are marked. No metric has exemplars, so samples are the same in both.
fn classic(open_metrics: &str) -> Result<String, fmt::Error> {
    let mut classic = String::with_capacity(open_metrics.len());
    // The help of a family stands before the type, which decides the family's name.
    let mut help = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(fmt::Error)?;
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, help)) = help.take() {
                writeln!(classic, "# HELP {name}{suffix} {help}")?;
            }
            writeln!(classic, "# TYPE {name}{suffix} {kind}")?;
        } else if !line.starts_with('#') {
            writeln!(classic, "{line}")?;
        }
    }
    Ok(classic)
}
