//! The settings of the agent: defaults < file < environment < flags.
//!
//! In: the text of a YAML file, environment variables and flags, given by `cli`. Out: [`Settings`], checked. Never: sockets,
//! or any file but the one that is named.

mod listen;
mod otlp;
pub mod web;
mod workload;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rule_engine::suggest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::listen::Listen;
pub use self::otlp::{Compression, Otlp, OtlpLayer, Protocol, Target, TlsFiles};
pub use self::workload::{WorkloadLabel, WorkloadMetrics};

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
    pub listen: Vec<Listen>,
    /// File that says how the HTTP face is protected; none: plain HTTP for everybody.
    pub web_config_file: Option<PathBuf>,
    /// Whether `POST /-/reload` is answered.
    pub web_enable_lifecycle: bool,
    /// The name of this host in matches; none: the kernel's, which in a container is the container's.
    pub hostname: Option<String>,
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
    /// How matches are counted by workload.
    pub workload_metrics: WorkloadMetrics,
    /// The Kubernetes API server, if it is asked; with the node's name.
    pub kubernetes: Option<Kubernetes>,
    /// Name of the Kubernetes node, if it is known: that of `kubernetes`, or what `NODE_NAME` says.
    pub node_name: Option<String>,
    /// What the kernel holds back.
    pub kernel_filter: KernelFilter,
    /// Time between two harmless test actions of the agent's own; zero: none.
    pub canary_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            rule_matching: RuleMatching::All,
            minimum_priority: "debug".to_owned(),
            rule_selection: Vec::new(),
            listen: vec![Listen::Tcp(([127, 0, 0, 1], 9797).into())],
            web_config_file: None,
            web_enable_lifecycle: false,
            hostname: None,
            output: OutputFormat::Json,
            output_file: None,
            otlp: None,
            ring_bytes: RING_BYTES_DEFAULT,
            processes_max: PROCESSES_DEFAULT,
            runtimes: None,
            workload_metrics: WorkloadMetrics::default(),
            kubernetes: None,
            node_name: None,
            canary_interval: Duration::ZERO,
            kernel_filter: KernelFilter::default(),
        }
    }
}

/// Whether the kernel programs hold back the events that no rule can match, and how that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KernelFilter {
    /// Whether they do.
    pub enabled: bool,
    /// Of the events that they would hold back, one in so many is judged all the same, and counted if a rule matches it;
    /// 0: none.
    pub audit: u32,
}

impl Default for KernelFilter {
    fn default() -> Self {
        Self {
            enabled: true,
            audit: 0,
        }
    }
}

/// The Kubernetes API server: how it is reached, and whose pods are watched there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kubernetes {
    /// Name of this node; without it what `NODE_NAME` says.
    pub node: Option<String>,
    /// A kubeconfig file; without it the service account of the pod that the agent runs in.
    pub kubeconfig: Option<PathBuf>,
}

/// A container engine: which interface it speaks, and the unix socket where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum RuntimeSocket {
    /// Docker Engine.
    Docker(PathBuf),
    /// podman's service.
    Podman(PathBuf),
    /// containerd or CRI-O, by the Kubernetes Container Runtime Interface: what a kubelet has made.
    Cri(PathBuf),
    /// containerd, by its own services: what `ctr`, nerdctl and BuildKit have made.
    Containerd(PathBuf),
}

impl RuntimeSocket {
    /// The socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Docker(path) | Self::Podman(path) | Self::Cri(path) | Self::Containerd(path) => {
                path
            }
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
    #[serde(default, deserialize_with = "listen::one_or_many")]
    pub listen: Option<Vec<String>>,
    /// `web_config_file`
    pub web_config_file: Option<PathBuf>,
    /// `web_enable_lifecycle`
    pub web_enable_lifecycle: Option<bool>,
    /// `hostname`
    pub hostname: Option<String>,
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
    /// `workload_metrics`
    pub workload_metrics: Option<WorkloadMetrics>,
    /// `kubernetes`
    pub kubernetes: Option<Kubernetes>,
    /// `kernel_filter`
    pub kernel_filter: Option<KernelFilter>,
    /// `canary_interval_seconds`
    pub canary_interval_seconds: Option<u64>,
    /// Name of this node, from the environment.
    #[serde(skip)]
    pub node_name: Option<String>,
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
    /// The web configuration cannot be read.
    #[error(
        "cannot read the web configuration {path}: {source}; check the path given with --web.config.file"
    )]
    ReadWeb {
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

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        // A file of comments only is a null document: nothing is set.
        parse_yaml::<Option<Self>>(text, true).map(Option::unwrap_or_default)
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
            hostname: variable("SAKER_HOSTNAME"),
            output_file: variable("SAKER_OUTPUT_FILE").map(PathBuf::from),
            otlp: Some(OtlpLayer::from_environment(&variable)?),
            rules: variable("SAKER_RULES").map(|paths| std::env::split_paths(&paths).collect()),
            listen: variable("SAKER_LISTEN")
                .map(|places| places.split(',').map(str::to_owned).collect()),
            web_config_file: variable("SAKER_WEB_CONFIG_FILE").map(PathBuf::from),
            output,
            node_name: variable("NODE_NAME").filter(|name| !name.is_empty()),
            ..Self::default()
        })
    }
}

/// Reads YAML. A fault is told with its place, a hint for a word that is nearly right and, where `shows_lines`, the line.
fn parse_yaml<T: DeserializeOwned>(text: &str, shows_lines: bool) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| {
        let plain = error.without_snippet();
        let mut message = if shows_lines { &error } else { plain }.to_string();
        if let serde_saphyr::Error::SerdeUnknownField {
            field, expected, ..
        } = plain
            && let Some(near) = suggest::closest(field, expected.iter().copied())
        {
            message.push_str(&format!("\ndid you mean `{near}`?"));
        }
        message
    })
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
        settings.find_node()?;
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

    /// Makes the two names of the node one.
    fn find_node(&mut self) -> Result<(), ConfigError> {
        let Some(kubernetes) = &mut self.kubernetes else {
            return Ok(());
        };
        let refuse = |message: &str| {
            Err(ConfigError::Value {
                setting: Cow::Borrowed("kubernetes"),
                message: message.to_owned(),
            })
        };
        if !cfg!(feature = "kube") {
            return refuse(
                "this build cannot ask the API server; build it with the feature `kube`",
            );
        }
        kubernetes.node = kubernetes.node.take().or(self.node_name.take());
        self.node_name.clone_from(&kubernetes.node);
        match kubernetes.node.as_deref() {
            None | Some("") => refuse(
                "whose pods to watch is not known; set `node`, or the variable NODE_NAME from the pod's spec.nodeName",
            ),
            Some(_) => Ok(()),
        }
    }

    fn lay(&mut self, layer: Layer) -> Result<(), ConfigError> {
        let Layer {
            rules,
            rule_matching,
            minimum_priority,
            rule_selection,
            listen,
            web_config_file,
            web_enable_lifecycle,
            hostname,
            output,
            output_file,
            // Laid by the caller: what it means depends on all layers.
            otlp: _,
            ring_bytes,
            processes_max,
            runtimes,
            workload_metrics,
            kubernetes,
            node_name,
            kernel_filter,
            canary_interval_seconds,
        } = layer;
        if let Some(seconds) = canary_interval_seconds {
            self.canary_interval = Duration::from_secs(seconds);
        }
        if let Some(places) = listen {
            let places = places.iter().map(|place| place.parse());
            self.listen = places
                .collect::<Result<Vec<Listen>, String>>()
                .map_err(|message| ConfigError::Value {
                    setting: Cow::Borrowed("listen"),
                    message,
                })?;
            if self.listen.is_empty() {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("listen"),
                    message: format!("the list is empty; {LISTEN_DEFAULT} is the default"),
                });
            }
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
        self.kernel_filter = kernel_filter.unwrap_or(self.kernel_filter);
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
        if let Some(workload_metrics) = workload_metrics {
            workload_metrics.check()?;
            self.workload_metrics = workload_metrics;
        }
        self.rules = rules.unwrap_or(std::mem::take(&mut self.rules));
        self.rule_matching = rule_matching.unwrap_or(self.rule_matching);
        self.rule_selection = rule_selection.unwrap_or(std::mem::take(&mut self.rule_selection));
        if let Some(name) = hostname {
            if name.is_empty() {
                return Err(ConfigError::Value {
                    setting: Cow::Borrowed("hostname"),
                    message: "it is empty; give the host's name, or take the setting away"
                        .to_owned(),
                });
            }
            self.hostname = Some(name);
        }
        self.output = output.unwrap_or(self.output);
        self.output_file = output_file.or(self.output_file.take());
        self.kubernetes = kubernetes.or(self.kubernetes.take());
        self.node_name = node_name.or(self.node_name.take());
        self.web_config_file = web_config_file.or(self.web_config_file.take());
        self.web_enable_lifecycle = web_enable_lifecycle.unwrap_or(self.web_enable_lifecycle);
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
        assert_eq!(got.listen, ["127.0.0.1:2".parse().unwrap()]);
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
    fn several_places_are_listened_on() {
        let got = settings(&[
            "listen: ['127.0.0.1:1', 'unix:/run/saker.sock', systemd]\nweb_config_file: /w.yaml\nweb_enable_lifecycle: true\n",
        ])
        .unwrap();
        let places: Vec<String> = got.listen.iter().map(Listen::to_string).collect();
        assert_eq!(places, ["127.0.0.1:1", "unix:/run/saker.sock", "systemd"]);
        assert_eq!(got.web_config_file, Some("/w.yaml".into()));
        assert!(got.web_enable_lifecycle);
    }

    #[test]
    fn engines_are_named_by_interface_and_socket() {
        let got = settings(&[
            "runtimes:\n- docker: /a.sock\n- cri: /b.sock\n- podman: /c.sock\n- containerd: /b.sock\n",
        ]);
        let named = [
            RuntimeSocket::Docker("/a.sock".into()),
            RuntimeSocket::Cri("/b.sock".into()),
            RuntimeSocket::Podman("/c.sock".into()),
            RuntimeSocket::Containerd("/b.sock".into()),
        ];
        assert_eq!(got.unwrap().runtimes.as_deref(), Some(&named[..]));
        assert_eq!(settings(&["runtimes: []"]).unwrap().runtimes, Some(vec![]));
    }

    #[cfg(feature = "kube")]
    #[test]
    fn the_node_is_named_by_the_file_or_the_environment() {
        let with = |text: &str, node: Option<&str>| {
            let file = Layer::parse(text)?;
            let node = node.map(str::to_owned);
            let environment = Layer::from_environment(|name| match name {
                "NODE_NAME" => node.clone(),
                _ => None,
            });
            let layers = [file, environment.map_err(|error| error.to_string())?];
            let settings = Settings::from_layers(layers).map_err(|error| error.to_string())?;
            let asked = settings.kubernetes.and_then(|kubernetes| kubernetes.node);
            Ok::<_, String>((settings.node_name, asked))
        };
        let name = |name: &str| Some(name.to_owned());
        assert_eq!(with("", Some("n-1")), Ok((name("n-1"), None)));
        assert_eq!(with("", Some("")), Ok((None, None)));
        let both = (name("n-1"), name("n-1"));
        assert_eq!(with("kubernetes: {}", Some("n-1")), Ok(both));
        let named = "kubernetes: {node: n-2, kubeconfig: /k}";
        assert_eq!(with(named, Some("n-1")), Ok((name("n-2"), name("n-2"))));
        for nothing in [None, Some("")] {
            let error = with("kubernetes: {}", nothing).unwrap_err();
            assert!(error.contains("NODE_NAME"), "{error}");
        }
        assert!(with("kubernetes: {nod: x}", None).is_err());
    }

    #[test]
    fn what_workload_metrics_do_not_say_is_as_usual() {
        let got = settings(&["workload_metrics: {labels: [k8s_namespace_name], series_max: 0}"]);
        let got = got.unwrap().workload_metrics;
        assert_eq!(got.labels, [WorkloadLabel::K8sNamespaceName]);
        assert_eq!((got.series_max, got.enabled), (0, true));
        assert_eq!(got.expire_seconds, 900);
    }

    #[test]
    fn faults_say_where_and_what_to_do() {
        for (text, parts) in [
            (
                "lisen: 127.0.0.1:1",
                &["lisen", "did you mean `listen`?"][..],
            ),
            ("listen: []", &["listen: the list is empty"]),
            (
                "listen: ['127.0.0.1:1', localhost]",
                &["listen: `localhost`"],
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
            (
                "workload_metrics: {labels: [pod]}",
                &["pod", "k8s_pod_name"],
            ),
            (
                "workload_metrics: {series_max: 100001}",
                &["workload_metrics.series_max: 100001", "100000"],
            ),
            (
                "workload_metrics: {expire_seconds: 5}",
                &["workload_metrics.expire_seconds: 5", "60"],
            ),
            (
                "workload_metrics: {labels: [container_name, container_name]}",
                &["workload_metrics.labels", "twice"],
            ),
            ("workload_metrics: {limit: 5}", &["limit", "series_max"]),
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
