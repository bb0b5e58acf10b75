//! A page for users to look at while their app is away: a plan, a site on it, and the page.

use super::{
    OnAzure,
    arm::{Arm, PATIENCE, before_sending, origin},
    call::Call,
    examine::Need,
    id::{Id, place, same_place},
    operation::{self, Operation},
    site::{Farm, FarmSku, MADE_APP, MADE_PLAN, Site, tags},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, File, Finding, Handle, Kind, Look,
        Observation, Parameter, Params, Plane, Polled, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Resource},
    wire::{Intent, Request},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{join, join_all};
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
    // The page is sent to the site itself, and looked at there.
    planes: &[Plane::Control("app"), Plane::Data("app")],
    permissions: &[
        "Microsoft.Web/serverfarms/Read",
        "Microsoft.Web/serverfarms/Write",
        "Microsoft.Web/serverfarms/join/Action",
        "Microsoft.Web/sites/Read",
        "Microsoft.Web/sites/Write",
        "Microsoft.Web/sites/start/Action",
        "Microsoft.Web/sites/publish/Action",
        "Microsoft.Web/sites/operationresults/read",
    ],
    // A plan and a site take 5 to 60 s each, a page 5 to 30 s.
    usual: Duration::from_mins(1),
    // A site that was deployed to starts anew before it shows the page.
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const PLAN_NEEDS: [&str; 3] = [
    "Microsoft.Web/serverfarms/Read",
    "Microsoft.Web/serverfarms/Write",
    "Microsoft.Web/serverfarms/join/Action",
];
const SITE_NEEDS: [&str; 5] = [
    "Microsoft.Web/sites/Read",
    "Microsoft.Web/sites/Write",
    "Microsoft.Web/sites/start/Action",
    "Microsoft.Web/sites/publish/Action",
    "Microsoft.Web/sites/operationresults/read",
];

/// All must show the page: where users come in, where a monitor usually asks, and what is no file's.
const PATHS: [&str; 3] = ["/", "/health", "/any/path"];

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

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        let operation = Operation::from_handle(handle)?;
        let Operation::Deployment(url) = &operation else {
            return operation::ask(&self.arm, &operation).await;
        };
        // The token goes where Azure says today that the site is deployed to, whatever the journal holds.
        let site = Site::find(&self.arm, &self.app).await?;
        let host = site.as_ref().and_then(Site::deployment_host);
        let is_its_own = host.is_some_and(|host| origin(url) == origin(&format!("https://{host}")));
        if is_its_own {
            return operation::ask(&self.arm, &operation).await;
        }
        let why = format!("`{}` is not deployed to there any more", self.app.name);
        Ok(Polled::Failed { why })
    }

    /// What is there already may not be what the runbook says, and Traffic Manager may not take it.
    async fn examine(&self) -> Vec<Finding> {
        let (plan, site) = join(
            self.arm.glimpse::<Farm>(Call::get(&Id::of(&self.plan))),
            self.arm.glimpse::<Site>(Call::get(&Id::of(&self.app))),
        )
        .await;
        let (app, name) = (&self.app.name, &self.plan.name);
        let wanted = FarmSku { name: self.sku.clone() };
        let found = plan.as_ref().and_then(|plan| plan.sku.as_ref());
        let mut findings = Vec::new();
        let sku = found.unwrap_or(&wanted);
        if !sku.is_standard() {
            findings.push(Finding::blocker(format!(
                "the plan `{name}` is {}: Traffic Manager takes no site of a plan below Standard (S1)",
                sku.name
            )));
        } else if !sku.name.eq_ignore_ascii_case(&self.sku) {
            let says = format!("the plan `{name}` is {}, not {}", sku.name, self.sku);
            findings.push(Finding::warning(says));
        }
        let places = [
            (format!("the plan `{name}`"), plan.and_then(|plan| plan.location)),
            (format!("the app `{app}`"), site.map(|site| site.location)),
        ];
        for (what, location) in places {
            let Some(location) = location.filter(|found| !same_place(found, &self.region)) else {
                continue;
            };
            let says = format!("{what} is in {}, not in {}", place(&location), self.region);
            findings.push(Finding::warning(says));
        }
        findings
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
        let all = join_all(PATHS.iter().map(|path| self.is_shown(host, path))).await;
        all.into_iter().all(|is_shown| is_shown)
    }

    async fn is_shown(&self, host: &str, path: &str) -> bool {
        let Ok(uri) = format!("https://{host}{path}").parse() else { return false };
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
    use super::*;
    use crate::provider::testing::*;
    use crate::{action::Applied, model::Node};

    fn page(script: &Arc<Script>) -> Arc<dyn Action> {
        page_of(script, "S1")
    }

    fn page_of(script: &Arc<Script>, sku: &str) -> Arc<dyn Action> {
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
            ("sku", Node::text(sku)),
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
            .on("GET .net/any/path", ok("<p>default</p>"))
            .on("GET .net/any/path", ok("<p>back soon</p>\n"))
            .on("GET page.azurewebsites.net/", ok("<p>back soon</p>\n"))
            .on("POST page-x1.scm.azurewebsites.net/api/publish", ok(""));
        let action = page(&script);
        let applied = apply_first(&action).await;
        assert_eq!(applied, Ok(Applied::Done { request_id: Some("8f2c".to_owned()) }));
        assert_eq!(script.changes().len(), 1);
        assert_eq!(action.observe(&look()).await.unwrap().answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn a_deployment_is_asked_about_where_it_was_sent_and_nowhere_else() {
        let deployed = |location: &str| {
            Script::new()
                .on("GET /serverfarms/farm", ok("{}"))
                .on("GET /sites/page", ok(&site("proseware")))
                .on("GET page.azurewebsites.net/", ok("<p>default</p>"))
                .on("POST /api/publish", answer(202, &[("location", location)], ""))
        };
        let latest = "page-x1.scm.azurewebsites.net/api/deployments/latest?time=1";
        let failed = r#"{"id":"7f3a","status":3,"status_text":"no space left","complete":true}"#;
        let script = deployed(&format!("http://{latest}"))
            .on("GET /api/deployments/latest", answer(202, &[], r#"{"status":2}"#))
            .on("GET /api/deployments/latest", ok(failed));
        let action = page(&script);
        let applied = apply_first(&action).await;
        let Ok(Applied::Accepted { handle, .. }) = applied else { panic!("{applied:?}") };
        assert_eq!(handle.0["deployment"], format!("https://{latest}"));
        assert!(matches!(action.poll(&handle).await, Ok(Polled::Pending { .. })));
        let why = "the deployment 7f3a failed: no space left".to_owned();
        assert_eq!(action.poll(&handle).await, Ok(Polled::Failed { why }));

        let script = deployed("https://evil.example/api/deployments/latest");
        let action = page(&script);
        assert!(matches!(apply_first(&action).await, Ok(Applied::Done { .. })));
        let forged = Operation::Deployment("https://evil.example/latest".into()).to_handle();
        assert!(matches!(action.poll(&forged).await, Ok(Polled::Failed { .. })));
        assert!(script.sent().iter().all(|line| !line.contains("/latest")));
    }

    #[tokio::test]
    async fn a_site_of_somebody_elses_is_not_touched() {
        let script = Script::new()
            .on("GET /serverfarms/farm", answer(404, &[], ""))
            .on("GET /sites/page", ok(&site("somebody")));
        let seen = page(&script).observe(&look()).await.unwrap();
        assert!(matches!(seen.answer, Answer::Never { .. }), "{seen:?}");
    }

    #[tokio::test]
    async fn a_page_that_a_monitor_does_not_find_is_not_there() {
        let script = Script::new()
            .on("GET /serverfarms/farm", ok("{}"))
            .on("GET /sites/page", ok(&site("proseware")))
            .on("GET page.azurewebsites.net/health", answer(404, &[], ""))
            .on("GET page.azurewebsites.net/", ok("<p>back soon</p>"));
        let seen = page(&script).observe(&look()).await.unwrap();
        assert_eq!(missing(&seen.answer), ["page"]);
    }

    #[tokio::test]
    async fn what_is_there_and_not_as_it_should_be_is_told() {
        let farm = |sku: &str, place: &str| {
            ok(&json!({ "location": place, "sku": { "name": sku } }).to_string())
        };
        let absent = || answer(404, &[], "");
        let below =
            "the plan `farm` is B1: Traffic Manager takes no site of a plan below Standard (S1)";
        let table = [
            ("S1", absent(), absent(), vec![]),
            ("P1v3", absent(), absent(), vec![]),
            ("B1", absent(), absent(), vec![below]),
            ("S1", farm("B1", "centralus"), absent(), vec![below]),
            ("S1", farm("P0v3", "Central US"), absent(), vec!["the plan `farm` is P0v3, not S1"]),
            (
                "S1",
                farm("S1", "East US"),
                ok(&site("proseware").replace("centralus", "eastus")),
                vec![
                    "the plan `farm` is in eastus, not in centralus",
                    "the app `page` is in eastus, not in centralus",
                ],
            ),
        ];
        for (sku, plan, site, expected) in table {
            let script = Script::new()
                .on("GET Microsoft.Authorization", ok(r#"{"value":[{"actions":["*"]}]}"#))
                .on("GET /resourceGroups/rg?", ok("{}"))
                .on("GET /serverfarms/farm", plan)
                .on("GET /sites/page", site);
            let findings = page_of(&script, sku).examine().await;
            let says: Vec<_> = findings.iter().map(|found| found.says.as_str()).collect();
            let says: Vec<_> = says.into_iter().filter(|says| !says.contains("lock")).collect();
            assert_eq!(says, expected);
        }
    }
}
