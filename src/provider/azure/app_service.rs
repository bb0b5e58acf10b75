//! Starting and stopping an app.

use super::{
    OnAzure, absent,
    arm::Arm,
    call::Call,
    examine::Need,
    id::Id,
    site::{APP, Site},
};
use crate::{
    action::{
        Action, Answer, Bind, Change, Clients, Effect, Kind, Look, Observation, Parameter, Params,
        Plane, Sign, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

const PARAMETERS: [Parameter; 1] = [Parameter::required("app", APP, "The app")];

const fn kind(name: &'static str, summary: &'static str, power: &'static Power) -> Kind {
    Kind {
        name,
        summary,
        parameters: &PARAMETERS,
        observed: &["state", "host"],
        planes: &[Plane::Control("app")],
        permissions: &power.needs,
        // Azure answers at once; the state follows within seconds, and the workers drain in 30 to 90 s.
        usual: Duration::from_secs(20),
        shows_within: Duration::from_mins(1),
        deadline: Duration::from_mins(5),
        effect: Effect::Changes,
        proves_service: false,
        mark_valid_for: None,
        cured_by: &[],
        bind: power.bind,
    }
}

pub(crate) static START: Kind = kind("azure.app_service.start", "Start an app", &RUNNING);
pub(crate) static STOP: Kind = kind("azure.app_service.stop", "Stop an app", &STOPPED);

/// One position of the switch.
struct Power {
    state: &'static str,
    verb: &'static str,
    needs: [&'static str; 2],
    bind: Bind,
}

static RUNNING: Power = Power {
    state: "Running",
    verb: "start",
    needs: ["Microsoft.Web/sites/Read", "Microsoft.Web/sites/start/Action"],
    bind: |params, clients| bind(params, clients, &RUNNING),
};

static STOPPED: Power = Power {
    state: "Stopped",
    verb: "stop",
    needs: ["Microsoft.Web/sites/Read", "Microsoft.Web/sites/stop/Action"],
    bind: |params, clients| bind(params, clients, &STOPPED),
};

fn bind(
    params: &Params<'_>,
    clients: &Clients,
    wanted: &'static Power,
) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Switch { arm: Arm::new(clients), app: params.resource("app")?, wanted }.into_action())
}

struct Switch {
    arm: Arm,
    app: Resource,
    wanted: &'static Power,
}

#[async_trait]
impl OnAzure for Switch {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.app, &self.wanted.needs)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(site) = Site::find(&self.arm, &self.app).await? else {
            return Ok(Observation::new(absent("app", &self.app), Evidence::new()));
        };
        let answer = if site.state().eq_ignore_ascii_case(self.wanted.state) {
            Answer::AsDesired
        } else {
            let says = format!("{}: {} → {}", self.app.name, site.state(), self.wanted.state);
            Answer::Missing(vec![Change::harmless(self.wanted.verb, Sign::Changes, says)])
        };
        Ok(Observation::new(answer, site.evidence()))
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        Ok(Call::post(&Id::of(&self.app).then(self.wanted.verb)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::testing::*;

    #[tokio::test]
    async fn an_app_is_switched_only_when_it_is_not_so() {
        let site = |state| {
            ok(&format!(
                r#"{{"location":"eastus","properties":{{"state":"{state}","defaultHostName":"app.azurewebsites.net"}}}}"#
            ))
        };
        let app = resource("Microsoft.Web/sites", "app", Some("eastus"));
        let script = Script::new().on("GET sites/app", site("Running")).on("POST /stop", ok(""));
        let stop = bound(&STOP, &script, [("app", node(&app))]);
        apply_first(&stop).await.unwrap();
        assert!(script.changes()[0].contains("/sites/app/stop?api-version=2024-04-01"));

        let start = bound(&START, &script, [("app", node(&app))]);
        assert_eq!(start.observe(&look()).await.unwrap().answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn an_app_that_is_not_there_will_never_stop() {
        let app = resource("Microsoft.Web/sites", "app", Some("eastus"));
        let script = Script::new().on("GET sites/app", answer(404, &[], ""));
        let stop = bound(&STOP, &script, [("app", node(&app))]);
        let why = "there is no app `app` in the resource group `rg`".to_owned();
        assert_eq!(stop.observe(&look()).await.unwrap().answer, Answer::Never { why });
    }
}
