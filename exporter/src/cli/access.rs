//! Flags of the commands that ask a running agent: how it lets one in.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::http::{Access, Client};

/// How a running agent lets one in.
#[derive(Debug, clap::Args)]
pub(super) struct AccessArgs {
    /// Who vouches for the agent's certificate (PEM). Default: those whom the system trusts.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Our certificate (PEM), for an agent that asks for one.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The key of our certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// User, for an agent that asks for one.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// File that holds the user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

impl AccessArgs {
    /// The way to the agent at this address.
    pub(super) fn client(self, url: String) -> anyhow::Result<Client> {
        let password = match &self.password_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?,
            None => String::new(),
        };
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        Ok(Client::new(&Access {
            url,
            ca_file: self.ca_file,
            certificate: self.cert_file.zip(self.key_file),
            user: self.user.map(|user| (user, password)),
        })?)
    }
}
