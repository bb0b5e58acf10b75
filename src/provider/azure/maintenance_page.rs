//! A page for users to look at while their app is away: a plan, a site on it, and the page.

use super::{
    OnAzure,
    arm::{Arm, PATIENCE, before_sending},
    call::Call,
    examine::Need,
    id::Id,
    site::{Farm, MADE_APP, MADE_PLAN, Site, tags},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, File, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Resource},
    wire::{Intent, Request},
};
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use std::{
    io::{Cursor, Write},
    sync::Arc,
    time::Duration,
};
use zip::{ZipWriter, result::ZipResult, write::SimpleFileOptions};

pub(crate) static MAINTENANCE_PAGE: Kind = Kind {
    name: "azure.app_service.maintenance_page",
    summary: "Put a maintenance page up, on a site of its own",
    parameters: &[
        Parameter::required("app", MADE_APP, "The site that shows the page"),
        Parameter::required("plan", MADE_PLAN, "The plan that the site runs on"),
        Parameter::required(
            "region",
            Shape::Text,
            "Where it runs: best in neither of the two regions",
        ),
        Parameter::required("page", Shape::File { most_bytes: 1 << 20 }, "The page, as HTML"),
        Parameter::optional(
            "tag",
            Shape::Text,
            "The mark on what is made, so that nothing else is touched",
        )
        .or(Default::Lock),
        Parameter::optional(
            "sku",
            Shape::Text,
            "The plan's size; Traffic Manager wants S1 or larger",
        )
        .or(Default::Text("S1")),
    ],
    observed: &["state", "host", "page"],
    planes: &[Plane::Control("app"), Plane::Data("app")],
    permissions: &[
        "Microsoft.Web/serverfarms/Write",
        "Microsoft.Web/serverfarms/join/Action",
        "Microsoft.Web/sites/Write",
        "Microsoft.Web/sites/publish/Action",
    ],
    // A plan and a site take 5 to 60 s each, a page 5 to 30 s.
    usual: Duration::from_mins(1),
    // A site that was deployed to starts anew before it shows the page.
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const PLAN_NEEDS: [&str; 2] =
    ["Microsoft.Web/serverfarms/Write", "Microsoft.Web/serverfarms/join/Action"];
const SITE_NEEDS: [&str; 2] = ["Microsoft.Web/sites/Write", "Microsoft.Web/sites/publish/Action"];

/// A path that is no file's: it must show the page too, as the monitor's does.
const ANY_PATH: &str = "/any/path";

/// Answers every path with the page, and lets nobody keep it: users must see the app as soon as it is back.
const WEB_CONFIG: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <system.webServer>
    <rewrite>
      <rules>
        <rule name="page" stopProcessing="true">
          <match url=".*" />
          <action type="Rewrite" url="/index.html" />
        </rule>
      </rules>
    </rewrite>
    <staticContent>
      <clientCache cacheControlMode="DisableCache" />
    </staticContent>
  </system.webServer>
</configuration>
"#;

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Maintenance {
        arm: Arm::new(clients),
        app: params.resource("app")?,
        plan: params.resource("plan")?,
        region: params.text("region")?,
        page: params.file("page")?,
        tag: params.text("tag")?,
        sku: params.text("sku")?,
    };
    Ok(action.into_action())
}

struct Maintenance {
    arm: Arm,
    app: Resource,
    plan: Resource,
    region: String,
    page: File,
    tag: String,
    sku: String,
}

#[async_trait]
impl OnAzure for Maintenance {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.plan, &PLAN_NEEDS), Need::new(&self.app, &SITE_NEEDS)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let plan = Farm::find(&self.arm, &self.plan).await?;
        let site = Site::find(&self.arm, &self.app).await?;
        let mut evidence = site.as_ref().map(Site::evidence).unwrap_or_default();
        let mut missing = Vec::new();
        if let Some(site) = &site
            && !site.bears(&self.tag)
        {
            let why = format!(
                "the app `{}` does not bear the tag failover={}: it is not ours to change",
                self.app.name, self.tag
            );
            return Ok(Observation::new(Answer::Never { why }, evidence));
        }
        match &plan {
            Some(plan) if plan.is_ready() => {}
            Some(_) => {
                let why = format!("the plan `{}` is being made", self.plan.name);
                let answer = Answer::NotYet { why, look_again: Duration::from_secs(5) };
                return Ok(Observation::new(answer, evidence));
            }
            None => missing.push(self.change("plan", Sign::Creates)),
        }
        match &site {
            Some(site) if site.is_running() => {}
            Some(_) => missing.push(self.change("start", Sign::Changes)),
            None => missing.push(self.change("site", Sign::Creates)),
        }
        let is_shown = match site.as_ref().and_then(Site::host) {
            Some(host) => self.is_shown_at(host).await,
            None => false,
        };
        evidence.set("page", Datum::Flag(is_shown));
        if !is_shown {
            missing.push(self.change("page", Sign::Creates));
        }
        let answer = if missing.is_empty() { Answer::AsDesired } else { Answer::Missing(missing) };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let app = Id::of(&self.app);
        match change.id.as_str() {
            "plan" => Ok(Call::put(
                &Id::of(&self.plan),
                &json!({
                    "location": self.region,
                    "tags": tags(&self.tag),
                    "kind": "app",
                    "sku": { "name": self.sku },
                    "properties": { "reserved": false },
                }),
            )),
            "site" => Ok(Call::put(
                &app,
                &json!({
                    "location": self.region,
                    "tags": tags(&self.tag),
                    "kind": "app",
                    "properties": {
                        "serverFarmId": Id::of(&self.plan).as_str(),
                        // Traffic Manager takes a redirect to https for a failure.
                        "httpsOnly": false,
                        "siteConfig": { "alwaysOn": true, "minTlsVersion": "1.2" },
                    },
                }),
            )),
            "start" => Ok(Call::post(&app.then("start"))),
            "page" => self.deployment().await,
            _ => Err(unknown_change(change)),
        }
    }
}

impl Maintenance {
    fn change(&self, id: &str, sign: Sign) -> Change {
        let (app, plan) = (&self.app.name, &self.plan.name);
        let says = match id {
            "plan" => format!("plan {plan} ({}, {})", self.sku, self.region),
            "site" => format!("site {app}"),
            "start" => format!("{app}: Stopped → Running"),
            _ => {
                let size = u64::try_from(self.page.text.len()).unwrap_or(u64::MAX);
                format!("page {}, {}", self.page.path, Datum::Bytes(size))
            }
        };
        Change::harmless(id, sign, says)
    }

    async fn is_shown_at(&self, host: &str) -> bool {
        let Ok(uri) = format!("https://{host}{ANY_PATH}").parse() else { return false };
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = uri;
        let answer = self.arm.clients.transport.send(request, Intent::Read);
        match self.arm.clients.clock.within(PATIENCE, answer).await {
            Some(Ok(response)) => {
                response.status().is_success()
                    && response.body().trim_ascii() == self.page.text.trim().as_bytes()
            }
            _ => false,
        }
    }

    async fn deployment(&self) -> Result<Call, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let site = Site::find(&self.arm, &self.app).await.map_err(before_sending)?;
        let host = site.as_ref().and_then(Site::deployment_host).ok_or_else(|| {
            refused(format!("Azure names no host that takes deployments for `{}`", self.app.name))
        })?;
        let zip = package(&self.page.text)
            .map_err(|error| refused(format!("cannot pack `{}`: {error}", self.page.path)))?;
        Ok(Call::deploy(host, zip))
    }
}

fn package(page: &str) -> ZipResult<Bytes> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in [("index.html", page), ("web.config", WEB_CONFIG)] {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(text.as_bytes())?;
    }
    Ok(zip.finish()?.into_inner().into())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::model::Node;

    fn page(script: &Arc<Script>) -> Arc<dyn Action> {
        let mut app = resource("Microsoft.Web/sites", "page", Some("centralus"));
        let mut plan = resource("Microsoft.Web/serverfarms", "farm", Some("centralus"));
        app.made_by_the_run = true;
        plan.made_by_the_run = true;
        let file = [("path", Node::text("page.html")), ("text", Node::text("<p>back soon</p>"))];
        let with = [
            ("app", node(&app)),
            ("plan", node(&plan)),
            ("region", Node::text("centralus")),
            ("page", Node::map(file)),
            ("tag", Node::text("proseware")),
            ("sku", Node::text("S1")),
        ];
        bound(&MAINTENANCE_PAGE, script, with)
    }

    fn site(tag: &str) -> String {
        json!({
            "location": "centralus",
            "tags": { "failover": tag },
            "properties": {
                "state": "Running",
                "defaultHostName": "page.azurewebsites.net",
                "hostNameSslStates": [
                    { "name": "page.azurewebsites.net", "hostType": "Standard" },
                    { "name": "page-x1.scm.azurewebsites.net", "hostType": "Repository" },
                ],
            },
        })
        .to_string()
    }

    #[tokio::test]
    async fn nothing_there_misses_plan_site_and_page() {
        let script = Script::new()
            .on("GET /management.azure.com/", answer(404, &[], ""))
            .on("PUT /serverfarms/farm", ok("{}"));
        let action = page(&script);
        let seen = action.observe(&look()).await.unwrap();
        assert_eq!(missing(&seen.answer), ["plan", "site", "page"]);
        apply_first(&action).await.unwrap();
        assert!(script.changes()[0].contains(r#""tags":{"failover":"proseware"}"#));
    }

    #[tokio::test]
    async fn the_page_is_deployed_where_azure_says() {
        let script = Script::new()
            .on("GET /serverfarms/farm", ok(r#"{"properties":{"provisioningState":"Succeeded"}}"#))
            .on("GET /sites/page", ok(&site("proseware")))
            .on("GET /any/path", ok("<p>default</p>"))
            .on("GET /any/path", ok("<p>back soon</p>\n"))
            .on("POST page-x1.scm.azurewebsites.net/api/publish", ok(""));
        let action = page(&script);
        apply_first(&action).await.unwrap();
        assert_eq!(script.changes().len(), 1);
        assert_eq!(action.observe(&look()).await.unwrap().answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn a_site_of_somebody_elses_is_not_touched() {
        let script = Script::new()
            .on("GET /serverfarms/farm", answer(404, &[], ""))
            .on("GET /sites/page", ok(&site("somebody")));
        let seen = page(&script).observe(&look()).await.unwrap();
        assert!(matches!(seen.answer, Answer::Never { .. }), "{seen:?}");
    }
}
