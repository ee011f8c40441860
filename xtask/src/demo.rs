//! The whole chain on one machine, for people to see: a shell in a container, and the page that follows.
//!
//! Starts an agent, Prometheus, Alertmanager, an OTLP collector if there is one, and a container engine of its own, all on loopback and in a
//! scratch folder; then opens a shell in a container and prints the page that arrives. Everything ends with this program.
//! Needs root, and what `make demo` installs.

mod receiver;
mod stage;

use std::{path::Path, time::Instant};

use anyhow::Context;
use stage::Stage;

/// Shows the chain once; then keeps it for looking around, unless it is asked not to.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let pages = receiver::Receiver::start();
    let stage = Stage::set(root, pages.addr())?;
    println!("\nEverything runs. A shell is opened in the container \"shop\" ...\n");
    let start = Instant::now();
    stage.open_shell()?;
    let page = pages.wait().context("no page arrived")?;
    println!(
        "The page, {:.1} s after the shell:\n",
        start.elapsed().as_secs_f64()
    );
    for line in page.lines() {
        println!("    {line}");
    }
    stage.show_match()?;
    if std::env::var_os("DEMO_ONCE").is_none() {
        stage.show_addresses();
        println!("\nPress Enter to end everything.");
        std::io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}
