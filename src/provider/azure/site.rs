//! An App Service app and its plan, as Azure shows them.

use super::{arm::Arm, call::Call, id::Id};
use crate::{
    action::{Placed, Shape, Trouble},
    model::{Evidence, Resource},
};
use serde::Deserialize;
use std::collections::HashMap;

const SITE: &str = "Microsoft.Web/sites";

/// An app that is there before the run.
pub(super) const APP: Shape =
    Shape::Resource { kind: SITE, placed: Placed::InARegion, made: false };
/// An app that the run makes, or takes away again.
pub(super) const MADE_APP: Shape =
    Shape::Resource { kind: SITE, placed: Placed::ByParameter, made: true };
pub(super) const MADE_PLAN: Shape =
    Shape::Resource { kind: "Microsoft.Web/serverfarms", placed: Placed::ByParameter, made: true };

/// The tag on what this program has made: its value says for which lock.
const TAG: &str = "failover";

pub(super) type Tags = HashMap<String, String>;

pub(super) fn tags(value: &str) -> Tags {
    Tags::from([(TAG.to_owned(), value.to_owned())])
}

/// Whether something was made by this program, whoever it was for.
pub(super) fn is_page(tags: Option<&Tags>) -> bool {
    tags.is_some_and(|tags| tags.contains_key(TAG))
}

fn bears(tags: Option<&Tags>, value: &str) -> bool {
    tags.and_then(|tags| tags.get(TAG)).is_some_and(|found| found == value)
}

#[derive(Deserialize)]
pub(super) struct Site {
    pub(super) location: String,
    pub(super) tags: Option<Tags>,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    state: Option<String>,
    default_host_name: Option<String>,
    traffic_manager_host_names: Option<Vec<String>>,
    host_name_ssl_states: Option<Vec<Host>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Host {
    name: String,
    host_type: Option<String>,
}

impl Site {
    pub(super) async fn find(arm: &Arm, app: &Resource) -> Result<Option<Self>, Trouble> {
        arm.find(Call::get(&Id::of(app))).await
    }

    pub(super) fn state(&self) -> &str {
        self.properties.state.as_deref().unwrap_or("Unknown")
    }

    pub(super) fn is_running(&self) -> bool {
        self.state().eq_ignore_ascii_case("Running")
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.properties.default_host_name.as_deref()
    }

    /// The host that takes deployments. Azure's word, never a guess: newer sites have names of another form.
    pub(super) fn deployment_host(&self) -> Option<&str> {
        let hosts = self.properties.host_name_ssl_states.as_deref().unwrap_or_default();
        let takes = |host: &&Host| host.host_type.as_deref() == Some("Repository");
        hosts.iter().find(takes).map(|host| host.name.as_str())
    }

    /// The public names that lead to it, by profiles that target it.
    pub(super) fn public_names(&self) -> &[String] {
        self.properties.traffic_manager_host_names.as_deref().unwrap_or_default()
    }

    pub(super) fn bears(&self, tag: &str) -> bool {
        bears(self.tags.as_ref(), tag)
    }

    pub(super) fn evidence(&self) -> Evidence {
        let evidence = Evidence::new().text("state", self.state());
        match self.host() {
            Some(host) => evidence.text("host", host),
            None => evidence,
        }
    }
}

/// An App Service plan: the machines that apps run on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Farm {
    pub(super) location: Option<String>,
    pub(super) sku: Option<FarmSku>,
    tags: Option<Tags>,
    properties: Option<FarmProperties>,
}

#[derive(Deserialize)]
pub(super) struct FarmSku {
    pub(super) name: String,
}

impl FarmSku {
    /// Whether Traffic Manager takes the sites of such a plan: those below Standard it does not.
    pub(super) fn is_standard(&self) -> bool {
        let name = self.name.to_ascii_uppercase();
        // Free, Shared, Basic and Consumption. All the others are Standard or above.
        let is_below = |letter: char, rest: &str| {
            matches!(letter, 'F' | 'D' | 'B' | 'Y') && rest.chars().all(|c| c.is_ascii_digit())
        };
        let mut letters = name.chars();
        !letters.next().is_some_and(|letter| is_below(letter, letters.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FarmProperties {
    provisioning_state: Option<String>,
}

impl Farm {
    pub(super) async fn find(arm: &Arm, plan: &Resource) -> Result<Option<Self>, Trouble> {
        arm.find(Call::get(&Id::of(plan))).await
    }

    pub(super) fn is_ready(&self) -> bool {
        let state = self.properties.as_ref().and_then(|p| p.provisioning_state.as_deref());
        state.is_none_or(|state| state.eq_ignore_ascii_case("Succeeded"))
    }

    pub(super) fn bears(&self, tag: &str) -> bool {
        bears(self.tags.as_ref(), tag)
    }
}
