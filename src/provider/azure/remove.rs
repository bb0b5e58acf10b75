//! Taking a maintenance page down again, once no user is sent there.

use super::{
    OnAzure, absent,
    arm::Arm,
    call::Call,
    examine::Need,
    id::Id,
    profile::{PROFILE, Profile},
    site::{Farm, MADE_APP, MADE_PLAN, Site},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static REMOVE: Kind = Kind {
    name: "azure.app_service.remove",
    summary: "Take a maintenance page down: its site and its plan",
    parameters: &[
        Parameter::required("app", MADE_APP, "The site that shows the page"),
        Parameter::required("plan", MADE_PLAN, "The plan that the site runs on"),
        Parameter::required("region", Shape::Text, "Where it runs"),
        Parameter::required("profile", PROFILE, "The profile that must not send users there"),
        Parameter::optional("tag", Shape::Text, "The mark that both must bear").or(Default::Lock),
    ],
    observed: &["state", "host"],
    planes: &[Plane::Control("app"), Plane::Global("profile")],
    permissions: &["Microsoft.Web/sites/Delete", "Microsoft.Web/serverfarms/Delete"],
    // Two deletions that answer within seconds.
    usual: Duration::from_secs(30),
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const SITE_NEEDS: [&str; 1] = ["Microsoft.Web/sites/Delete"];
const PLAN_NEEDS: [&str; 1] = ["Microsoft.Web/serverfarms/Delete"];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Remove {
        arm: Arm::new(clients),
        app: params.resource("app")?,
        plan: params.resource("plan")?,
        profile: params.resource("profile")?,
        tag: params.text("tag")?,
    };
    Ok(action.into_action())
}

struct Remove {
    arm: Arm,
    app: Resource,
    plan: Resource,
    profile: Resource,
    tag: String,
}

#[async_trait]
impl OnAzure for Remove {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.app, &SITE_NEEDS), Need::new(&self.plan, &PLAN_NEEDS)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(profile) = Profile::find(&self.arm, &self.profile).await? else {
            let answer = absent("Traffic Manager profile", &self.profile);
            return Ok(Observation::new(answer, Evidence::new()));
        };
        let site = Site::find(&self.arm, &self.app).await?;
        let plan = Farm::find(&self.arm, &self.plan).await?;
        let evidence = site.as_ref().map(Site::evidence).unwrap_or_default();
        let app = &self.app.name;
        let answer = if let Some(endpoint) = profile.targeting(&Id::of(&self.app)) {
            let why =
                format!("users may still be sent to `{app}`, by the endpoint `{}`", endpoint.name);
            Answer::NotYet { why, look_again: Duration::from_secs(15) }
        } else if site.as_ref().is_some_and(|site| !site.bears(&self.tag)) {
            let why = format!(
                "the app `{app}` does not bear the tag failover={}: it is not ours to remove",
                self.tag
            );
            Answer::Never { why }
        } else {
            let mut missing = Vec::new();
            if site.is_some() {
                missing.push(Change::harmless("site", Sign::Changes, format!("remove site {app}")));
            }
            // A plan that somebody else made is left as it was found.
            if plan.is_some_and(|plan| plan.bears(&self.tag)) {
                let says = format!("remove plan {}", self.plan.name);
                missing.push(Change::harmless("plan", Sign::Changes, says));
            }
            if missing.is_empty() { Answer::AsDesired } else { Answer::Missing(missing) }
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        match change.id.as_str() {
            // Left out, the second parameter would let Azure delete the plan as well.
            "site" => Ok(Call::delete(&Id::of(&self.app))
                .query("deleteMetrics", "true")
                .query("deleteEmptyServerFarm", "false")),
            "plan" => Ok(Call::delete(&Id::of(&self.plan))),
            _ => Err(unknown_change(change)),
        }
    }
}
