//! The settings of the agent: defaults < file < environment < flags.
//!
//! In: the text of a YAML file, environment variables and flags, given by `cli`. Out: [`Settings`], checked. Never: sockets,
//! or any file but the one that is named.

mod otlp;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rule_engine::suggest;
use serde::Deserialize;

pub use self::otlp::{Compression, Otlp, OtlpLayer, Protocol, Target, TlsFiles};

/// Address of the HTTP face when nobody says otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:9797";
/// Size of the kernel's ring buffer: 200 ms of 40,000 records of a kilobyte a second.
pub const RING_BYTES_DEFAULT: u32 = 8 << 20;
/// Processes that the table holds, exited ones that are still asked for included.
pub const PROCESSES_DEFAULT: usize = 65_536;

/// What a match is printed as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// One line of text, as Falco prints it.
    Text,
    /// Nothing: matches are counted only.
    None,
}

/// Which of several rules that fit one event match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleMatching {
    /// Every one.
    #[default]
    All,
    /// The first in order of definition.
    First,
}

/// The settings that the agent runs by.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Rules files and directories of them; empty: the bundled rules.
    pub rules: Vec<PathBuf>,
    /// Which rules match.
    pub rule_matching: RuleMatching,
    /// Least severe priority that is loaded.
    pub minimum_priority: String,
    /// `enable` and `disable` entries, in order.
    pub rule_selection: Vec<Selection>,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// What is printed per match.
    pub output: OutputFormat,
    /// File that is printed to; none: standard output.
    pub output_file: Option<PathBuf>,
    /// What is sent to a collector; none: nothing.
    pub otlp: Option<Otlp>,
    /// Size of the kernel's ring buffer in bytes: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Capacity of the process table.
    pub processes_max: usize,
    /// Container engines that are asked; none: those at the usual places.
    pub runtimes: Option<Vec<RuntimeSocket>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            rule_matching: RuleMatching::All,
            minimum_priority: "debug".to_owned(),
            rule_selection: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 9797)),
            output: OutputFormat::Json,
            output_file: None,
            otlp: None,
            ring_bytes: RING_BYTES_DEFAULT,
            processes_max: PROCESSES_DEFAULT,
            runtimes: None,
        }
    }
}

/// A container engine: which interface it speaks, and the unix socket where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum RuntimeSocket {
    /// Docker Engine.
    Docker(PathBuf),
    /// podman's service.
    Podman(PathBuf),
    /// containerd or CRI-O, by the Kubernetes Container Runtime Interface.
    Cri(PathBuf),
}

impl RuntimeSocket {
    /// The socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Docker(path) | Self::Podman(path) | Self::Cri(path) => path,
        }
    }
}

/// Settings that one source gives; what it does not name stays as it was.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// `rules`
    pub rules: Option<Vec<PathBuf>>,
    /// `rule_matching`
    pub rule_matching: Option<RuleMatching>,
    /// `minimum_priority`
    pub minimum_priority: Option<String>,
    /// `rule_selection`
    pub rule_selection: Option<Vec<Selection>>,
    /// `listen`
    pub listen: Option<String>,
    /// `output`
    pub output: Option<OutputFormat>,
    /// `output_file`
    pub output_file: Option<PathBuf>,
    /// `otlp`
    pub otlp: Option<OtlpLayer>,
    /// `ring_bytes`
    pub ring_bytes: Option<u32>,
    /// `processes_max`
    pub processes_max: Option<usize>,
    /// `runtimes`
    pub runtimes: Option<Vec<RuntimeSocket>>,
}

/// One entry of `rule_selection`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Selection {
    /// Load the rules that the selector names.
    Enable(Selector),
    /// Leave them out.
    Disable(Selector),
}

/// Which rules an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Selector {
    /// By name, `*` standing for any text.
    Rule(String),
    /// By tag.
    Tag(String),
}

/// Why settings are refused: one sentence with place and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration file {path}: {source}; check the path given with -c or SAKER_CONFIG"
    )]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what a configuration is.
    #[error("{path}: {message}")]
    Parse {
        /// Its path.
        path: PathBuf,
        /// Place, fault and remedy, drawn with the line.
        message: String,
    },
    /// A value cannot be used.
    #[error("{setting}: {message}")]
    Value {
        /// Which setting.
        setting: Cow<'static, str>,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl Layer {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read, is not YAML, or holds a key or value that no setting has.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|message| ConfigError::Parse {
            path: path.to_owned(),
            message,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // A file of comments only is a null document: nothing is set.
        match serde_saphyr::from_str::<Option<Self>>(text) {
            Ok(layer) => Ok(layer.unwrap_or_default()),
            Err(error) => {
                let mut message = error.to_string();
                if let serde_saphyr::Error::SerdeUnknownField {
                    field, expected, ..
                } = error.without_snippet()
                    && let Some(near) = suggest::closest(field, expected.iter().copied())
                {
                    message.push_str(&format!("\ndid you mean `{near}`?"));
                }
                Err(message)
            }
        }
    }

    /// What the environment sets, read through `variable`.
    ///
    /// # Errors
    /// When a variable holds a value that its setting cannot have.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let output = match variable("SAKER_OUTPUT").as_deref() {
            None => None,
            Some("json") => Some(OutputFormat::Json),
            Some("text") => Some(OutputFormat::Text),
            Some("none") => Some(OutputFormat::None),
            Some(other) => {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("SAKER_OUTPUT"),
                    message: format!("`{other}` is not an output; use json, text or none"),
                });
            }
        };
        Ok(Self {
            output_file: variable("SAKER_OUTPUT_FILE").map(PathBuf::from),
            otlp: Some(OtlpLayer::from_environment(&variable)?),
            rules: variable("SAKER_RULES").map(|paths| std::env::split_paths(&paths).collect()),
            listen: variable("SAKER_LISTEN"),
            output,
            ..Self::default()
        })
    }
}

impl Settings {
    /// Lays the layers over the defaults, the last one winning.
    ///
    /// # Errors
    /// When a value is out of its range.
    pub fn from_layers(layers: impl IntoIterator<Item = Layer>) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        let mut otlp = OtlpLayer::default();
        for mut layer in layers {
            if let Some(over) = layer.otlp.take() {
                otlp.lay(over);
            }
            settings.lay(layer)?;
        }
        settings.otlp = otlp.settings()?;
        if let (Some(path), OutputFormat::None) = (&settings.output_file, settings.output) {
            return Err(ConfigError::Value {
                setting: Cow::Borrowed("output_file"),
                message: format!(
                    "nothing would be written to {}, since output is none; set output to json or text, or name no file",
                    path.display()
                ),
            });
        }
        Ok(settings)
    }

    fn lay(&mut self, layer: Layer) -> Result<(), ConfigError> {
        let Layer {
            rules,
            rule_matching,
            minimum_priority,
            rule_selection,
            listen,
            output,
            output_file,
            // Laid by the caller: what it means depends on all layers.
            otlp: _,
            ring_bytes,
            processes_max,
            runtimes,
        } = layer;
        if let Some(listen) = listen {
            self.listen = listen.parse().map_err(|_| ConfigError::Value {
                setting: Cow::Borrowed("listen"),
                message: format!("`{listen}` is not an address with a port, such as {LISTEN_DEFAULT} or [::1]:9797"),
            })?;
        }
        if let Some(bytes) = ring_bytes {
            // The kernel wants a power of two of whole pages; a single record can be 32 KiB.
            if !bytes.is_power_of_two() || !(1 << 17..=1 << 30).contains(&bytes) {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("ring_bytes"),
                    message: format!("{bytes} is not a power of two from 131072 to 1073741824"),
                });
            }
            self.ring_bytes = bytes;
        }
        if let Some(processes) = processes_max {
            if !(1024..=1 << 22).contains(&processes) {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("processes_max"),
                    message: format!("{processes} is outside 1024 to 4194304"),
                });
            }
            self.processes_max = processes;
        }
        if let Some(priority) = minimum_priority {
            if rule_engine::priority::Priority::parse(&priority).is_none() {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("minimum_priority"),
                    message: format!(
                        "`{priority}` is not a priority; use emergency, alert, critical, error, warning, notice, informational or debug"
                    ),
                });
            }
            self.minimum_priority = priority;
        }
        if let Some(runtimes) = runtimes {
            if let Some(relative) = runtimes.iter().find(|one| !one.path().is_absolute()) {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("runtimes"),
                    message: format!(
                        "`{}` is not the whole path of a socket, such as /run/docker.sock",
                        relative.path().display()
                    ),
                });
            }
            self.runtimes = Some(runtimes);
        }
        self.rules = rules.unwrap_or(std::mem::take(&mut self.rules));
        self.rule_matching = rule_matching.unwrap_or(self.rule_matching);
        self.rule_selection = rule_selection.unwrap_or(std::mem::take(&mut self.rule_selection));
        self.output = output.unwrap_or(self.output);
        self.output_file = output_file.or(self.output_file.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(texts: &[&str]) -> Result<Settings, String> {
        let layers = texts
            .iter()
            .map(|text| Layer::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        Settings::from_layers(layers).map_err(|error| error.to_string())
    }

    #[test]
    fn later_layers_win_and_leave_the_rest() {
        let got = settings(&[
            "rules: [/a, /b]\nlisten: '[::1]:1'\noutput: text\nminimum_priority: Notice\n",
            "listen: 127.0.0.1:2\nrule_matching: first\nrule_selection:\n- disable: {rule: '*shell*'}\n- enable: {tag: host}\n",
            "# nothing\n",
        ])
        .unwrap();
        assert_eq!(got.rules, ["/a", "/b"].map(PathBuf::from));
        assert_eq!(got.listen, "127.0.0.1:2".parse().unwrap());
        assert_eq!(
            (got.output, got.rule_matching),
            (OutputFormat::Text, RuleMatching::First)
        );
        assert_eq!(
            got.rule_selection,
            [
                Selection::Disable(Selector::Rule("*shell*".into())),
                Selection::Enable(Selector::Tag("host".into()))
            ]
        );
        assert_eq!((got.ring_bytes, got.runtimes), (RING_BYTES_DEFAULT, None));
    }

    #[test]
    fn engines_are_named_by_interface_and_socket() {
        let got = settings(&["runtimes:\n- docker: /a.sock\n- cri: /b.sock\n- podman: /c.sock\n"]);
        let named = [
            RuntimeSocket::Docker("/a.sock".into()),
            RuntimeSocket::Cri("/b.sock".into()),
            RuntimeSocket::Podman("/c.sock".into()),
        ];
        assert_eq!(got.unwrap().runtimes.as_deref(), Some(&named[..]));
        assert_eq!(settings(&["runtimes: []"]).unwrap().runtimes, Some(vec![]));
    }

    #[test]
    fn faults_say_where_and_what_to_do() {
        for (text, parts) in [
            (
                "lisen: 127.0.0.1:1",
                &["lisen", "did you mean `listen`?"][..],
            ),
            (
                "listen: localhost",
                &["listen: `localhost`", "127.0.0.1:9797"],
            ),
            ("output: xml", &["xml", "json"]),
            (
                "ring_bytes: 1000000",
                &["ring_bytes: 1000000", "power of two"],
            ),
            ("processes_max: 3", &["processes_max: 3", "1024"]),
            (
                "runtimes: [{cri: crio.sock}]",
                &["runtimes: `crio.sock`", "/run/docker.sock"],
            ),
            ("runtimes: [{rkt: /x}]", &["rkt", "docker"]),
            ("minimum_priority: loud", &["loud", "emergency"]),
            ("rules: /etc", &["1", "rules"]),
            ("rules: [", &["1"]),
            (
                "output: none\noutput_file: /x",
                &["output_file", "/x", "output is none"],
            ),
        ] {
            let error = settings(&[text]).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{text}: {error}");
            }
        }
    }

    #[test]
    fn the_environment_is_a_layer() {
        let layer = Layer::from_environment(|name| match name {
            "SAKER_RULES" => Some("/a:/b".into()),
            "SAKER_OUTPUT" => Some("none".into()),
            _ => None,
        })
        .unwrap();
        let got = Settings::from_layers([layer]).unwrap();
        assert_eq!(got.rules.len(), 2);
        assert_eq!(got.output, OutputFormat::None);
        assert!(Layer::from_environment(|_| Some("x".into())).is_err());
    }
}
