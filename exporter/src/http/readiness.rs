//! Whether the agent does its work, and if not, why.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};

use crate::metrics::{Declaration, Registry};

/// A handle to one shared answer; cloning shares it.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Why the agent is not ready; `None` when it is.
    reason: Arc<RwLock<Option<Cow<'static, str>>>>,
}

impl Readiness {
    /// Not ready, for this reason.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason: Arc::new(RwLock::new(Some(reason.into()))),
        }
    }

    /// Shows it to scrapers, too.
    #[must_use]
    pub fn declare(self, registry: &mut Registry) -> Self {
        let shown = self.clone();
        registry.gauges_read(
            Declaration {
                name: "saker_ready",
                help: "Whether probes are attached and rules loaded: 1, or 0 while /-/ready answers 503.",
                labels: [],
            },
            move |rows| rows([], u64::from(shown.reason().is_none())),
        );
        self
    }

    /// Probes are attached and rules loaded.
    pub fn set_ready(&self) {
        *self.reason.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Something is missing, or the agent is about to end.
    pub fn set_not_ready(&self, reason: impl Into<Cow<'static, str>>) {
        *self.reason.write().unwrap_or_else(PoisonError::into_inner) = Some(reason.into());
    }

    /// Why the agent is not ready; `None` when it is.
    pub fn reason(&self) -> Option<Cow<'static, str>> {
        self.reason
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
