//! The programs of the demonstration, each with a configuration and a log in the scratch folder.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use testing::rootfs;

const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that was started; ended in reverse when it is dropped.
pub(super) struct Stage {
    folder: PathBuf,
    running: Vec<(&'static str, Child)>,
    addresses: Vec<(&'static str, String)>,
}

impl Stage {
    /// Starts everything; pages go to `pages`.
    pub(super) fn set(root: &Path, pages: SocketAddr) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("saker-demo-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut stage = Self {
            folder,
            running: Vec::new(),
            addresses: Vec::new(),
        };
        stage.docker()?;
        let collector = stage.collector(root)?;
        let agent = stage.agent(root, collector)?;
        let alertmanager = stage.alertmanager(root, pages)?;
        stage.prometheus(root, agent, alertmanager)?;
        Ok(stage)
    }

    /// What somebody with access to the cluster would type.
    pub(super) fn open_shell(&self) -> anyhow::Result<()> {
        self.docker_run(&[
            "run",
            "--detach",
            "--network",
            "none",
            "--name",
            "shop",
            IMAGE,
            "/bin/sleep",
            "10000",
        ])?;
        let command = "docker exec --interactive --tty shop /bin/sh -c tty";
        let output = Command::new("script")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .env("DOCKER_HOST", self.docker_host())
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            output.status.success(),
            "{command} failed: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        Ok(())
    }

    /// The agent's own line, and what the collector got.
    pub(super) fn show_match(&self) -> anyhow::Result<()> {
        let lines = fs::read_to_string(self.folder.join("matches.json"))?;
        let mut line = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = line
            .rfind(|line| {
                line["rule"]
                    .as_str()
                    .is_some_and(|rule| rule.contains("shell"))
            })
            .context("the agent wrote no line about the shell")?;
        println!(
            "\nThe agent's line about it:\n\n    {}",
            line["output"].as_str().unwrap_or("")
        );
        println!("    uuid {}", line["uuid"].as_str().unwrap_or(""));
        let uuid = line["uuid"].as_str().unwrap_or("");
        let collected = fs::read_to_string(self.folder.join("collector.log")).unwrap_or_default();
        if collected.contains(uuid) {
            println!("\nThe OTLP collector has a log record with the same uuid.");
        }
        Ok(())
    }

    /// Where to look around.
    pub(super) fn show_addresses(&self) {
        println!();
        for (name, address) in &self.addresses {
            println!("    {name:<14} http://{address}/");
        }
        println!("    {:<14} {}", "logs", self.folder.display());
    }

    fn docker(&mut self) -> anyhow::Result<()> {
        let path = |name: &str| self.folder.join(name);
        let config = json!({
            "data-root": path("docker"),
            "exec-root": path("docker-run"),
            "pidfile": path("docker.pid"),
            "hosts": [self.docker_host()],
            "iptables": false,
            "ip6tables": false,
            "bridge": "none",
        });
        let file = path("daemon.json");
        fs::write(&file, config.to_string())?;
        let mut command = Command::new("dockerd");
        command.arg("--config-file").arg(&file);
        self.start("dockerd", command)?;
        self.wait("the container engine", |stage| {
            stage.docker_run(&["version"]).is_ok()
        })?;
        let archive = rootfs::archive(&rootfs::make(&self.folder));
        self.docker_run(&["import", &archive.display().to_string(), IMAGE])?;
        Ok(())
    }

    /// Where it takes gRPC; none if it is not installed.
    fn collector(&mut self, root: &Path) -> anyhow::Result<Option<SocketAddr>> {
        let program = root.join("target/receivers/bin/rotel-agent");
        if !program.exists() {
            return Ok(None);
        }
        let (grpc, http) = (free_address()?, free_address()?);
        let mut command = Command::new(program);
        command
            .args(["start", "--otlp-grpc-endpoint", &grpc.to_string()])
            .args(["--otlp-http-endpoint", &http.to_string()])
            .args(["--exporter", "blackhole", "--debug-log", "logs"])
            .args(["--debug-log-verbosity", "detailed"]);
        self.start("collector", command)?;
        self.wait("the collector", |_| TcpStream::connect(grpc).is_ok())?;
        Ok(Some(grpc))
    }

    fn agent(&mut self, root: &Path, collector: Option<SocketAddr>) -> anyhow::Result<SocketAddr> {
        let addr = free_address()?;
        let config = self.folder.join("saker.yaml");
        let socket = self.folder.join("docker.sock");
        fs::write(
            &config,
            json!({ "runtimes": [{ "docker": socket }] }).to_string(),
        )?;
        let mut command = Command::new(root.join("target/release/saker"));
        command
            .args(["run", "--listen", &addr.to_string(), "-c"])
            .arg(&config)
            .stdout(File::create(self.folder.join("matches.json"))?);
        if let Some(collector) = collector {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
            command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        }
        self.start("agent", command)?;
        self.wait("the agent", |_| is_ready(addr))?;
        self.addresses.push(("agent", addr.to_string()));
        Ok(addr)
    }

    fn alertmanager(&mut self, root: &Path, pages: SocketAddr) -> anyhow::Result<SocketAddr> {
        let addr = free_address()?;
        let templates = root.join("alerts/templates");
        let text = fs::read_to_string(root.join("alerts/alertmanager.yaml"))?
            .replace("127.0.0.1:9095", &pages.to_string())
            .replace("[templates/", &format!("[{}/", templates.display()));
        let config = self.folder.join("alertmanager.yaml");
        fs::write(&config, text)?;
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                self.folder.join("alertmanager").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .arg("--cluster.listen-address=");
        self.start("alertmanager", command)?;
        self.wait("Alertmanager", |_| is_ready(addr))?;
        self.addresses.push(("Alertmanager", addr.to_string()));
        Ok(addr)
    }

    fn prometheus(
        &mut self,
        root: &Path,
        agent: SocketAddr,
        alertmanager: SocketAddr,
    ) -> anyhow::Result<()> {
        let addr = free_address()?;
        let rules = ["recording", "detections", "agent"]
            .map(|name| root.join(format!("alerts/{name}.yaml")));
        // YAML takes JSON.
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": rules,
            "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": [alertmanager.to_string()] }] }] },
            "scrape_configs": [{ "job_name": "saker", "static_configs": [{ "targets": [agent.to_string()] }] }],
        });
        let file = self.folder.join("prometheus.yaml");
        fs::write(&file, config.to_string())?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                self.folder.join("prometheus").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .arg("--enable-feature=exemplar-storage");
        self.start("prometheus", command)?;
        self.wait("Prometheus", |_| is_ready(addr))?;
        let up = format!("http://{addr}/api/v1/query?query=up");
        self.wait("the first scrape", |_| {
            get(&up).is_some_and(|body| body.contains(r#","1"]"#))
        })?;
        self.addresses.push(("Prometheus", addr.to_string()));
        Ok(())
    }

    fn docker_host(&self) -> String {
        format!("unix://{}", self.folder.join("docker.sock").display())
    }

    fn docker_run(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = Command::new("docker")
            .args(arguments)
            .env("DOCKER_HOST", self.docker_host())
            .output()
            .context("docker is not installed")?;
        ensure!(
            output.status.success(),
            "docker {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn start(&mut self, name: &'static str, mut command: Command) -> anyhow::Result<()> {
        let log = File::create(self.folder.join(format!("{name}.log")))?;
        if name != "agent" {
            command.stdout(log.try_clone()?);
        }
        let child = command
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        self.running.push((name, child));
        Ok(())
    }

    fn wait(&mut self, what: &str, ready: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let start = Instant::now();
        while !ready(self) {
            for (name, child) in &mut self.running {
                if let Some(status) = child.try_wait()? {
                    let log = fs::read_to_string(self.folder.join(format!("{name}.log")))?;
                    bail!("{name} ended ({status}): {log}");
                }
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "waited in vain for {what}; logs are in {}",
                self.folder.display()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        println!("{what}: ready");
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.docker_run(&["rm", "--force", "shop"]);
        for (_, child) in self.running.iter_mut().rev() {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const IMAGE: &str = "saker/demo:1";

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn is_ready(addr: SocketAddr) -> bool {
    get(&format!("http://{addr}/-/ready")).is_some()
}

/// The body of an answer that says it is all right.
fn get(url: &str) -> Option<String> {
    let output = Command::new("curl")
        .args(["--silent", "--fail", url])
        .output()
        .ok()?;
    let body = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(body)
}
