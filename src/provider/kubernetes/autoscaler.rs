//! The `HorizontalPodAutoscaler` of a Deployment, if it has one: it sets the replicas back into its bounds within seconds.

use super::{
    client::{Api, Call},
    place::Place,
};
use crate::action::Trouble;
use k8s_openapi::{List, api::autoscaling::v2::HorizontalPodAutoscaler};

const API: &str = "apis/autoscaling/v2";
const PLURAL: &str = "horizontalpodautoscalers";

/// What is known of it.
pub(super) struct Autoscaler {
    name: String,
    pub(super) version: Option<String>,
    /// One, where it does not say (`HorizontalPodAutoscalerSpec`).
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Autoscaler {
    pub(super) async fn of(api: &Api, place: &Place) -> Result<Option<Self>, Trouble> {
        let call = Call::get(place.namespace.list(API, PLURAL));
        let list: List<HorizontalPodAutoscaler> = api.get(&call).await?;
        Ok(list.items.into_iter().find_map(|one| {
            let spec = one.spec;
            let target = &spec.scale_target_ref;
            let is_it = target.kind == "Deployment" && target.name == place.name;
            is_it.then(|| Self {
                name: one.metadata.name.unwrap_or_default(),
                version: one.metadata.resource_version,
                least: spec.min_replicas.unwrap_or(1).into(),
                most: spec.max_replicas.into(),
            })
        }))
    }

    pub(super) fn path(&self, place: &Place) -> String {
        format!("{}/{}", place.namespace.list(API, PLURAL), self.name)
    }
}
