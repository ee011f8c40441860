//! The Kubernetes API server, if the settings name it and the build can ask it.
//!
//! In: settings. Out: news of pods. Never: anything in a build without the feature `kube`; the settings are refused there.

use crate::config::Settings;
use crate::metrics::Registry;
use crate::runtime::Deliver;
#[cfg(feature = "kube")]
use crate::runtime::{Kubernetes, KubernetesMetrics};

/// The API server, not spoken to yet.
pub(super) struct Cluster {
    #[cfg(feature = "kube")]
    metrics: Option<KubernetesMetrics>,
}

impl Cluster {
    /// Declares its metrics, if it is to be asked.
    #[cfg(feature = "kube")]
    pub(super) fn declare(registry: &mut Registry, settings: &Settings) -> Self {
        let asked = settings.kubernetes.is_some();
        Self {
            metrics: asked.then(|| KubernetesMetrics::declare(registry)),
        }
    }

    /// Without the feature there is nothing to declare.
    #[cfg(not(feature = "kube"))]
    pub(super) fn declare(_: &mut Registry, _: &Settings) -> Self {
        Self {}
    }

    /// Follows the pods of this node until it is dropped; ends at once if that is not wanted.
    #[cfg(feature = "kube")]
    pub(super) fn follow(
        self,
        settings: &Settings,
        deliver: Deliver,
    ) -> impl Future<Output = ()> + Send + use<> {
        let server = settings.kubernetes.as_ref().zip(self.metrics);
        let server = server.map(|(settings, metrics)| Kubernetes::new(settings, metrics));
        async move {
            if let Some(server) = server {
                server.run(deliver).await;
            }
        }
    }

    /// Ends at once.
    #[cfg(not(feature = "kube"))]
    pub(super) fn follow(
        self,
        _: &Settings,
        _: Deliver,
    ) -> impl Future<Output = ()> + Send + use<> {
        std::future::ready(())
    }
}
