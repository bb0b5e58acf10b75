//! The deployment host of a site.
//!
//! There is no published contract; this follows Kudu's source: `PushDeploymentController` and `DeploymentController`
//! of projectkudu/kudu.

use super::{
    operation::{Progress, Work, instant},
    policy::{authenticate, authorize},
    web::{Deployment, Task},
};
use crate::sim::{
    address::Address,
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
};
use http::Method;
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    time::Duration,
};
use zip::ZipArchive;

const DEPLOYS: Duration = Duration::from_secs(15);
/// No page of a maintenance site is larger.
const LARGEST: u64 = 1 << 20;

pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>, site: &Address) -> Reply {
    // Kudu answers its own errors as plain texts.
    let text = |refusal: Refusal| {
        let reply = Reply::typed(refusal.status, "text/plain; charset=utf-8", refusal.message);
        refusal.headers.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value))
    };
    route(cloud, call, site).unwrap_or_else(text)
}

fn route(cloud: &mut Cloud, call: &Call<'_>, site: &Address) -> Replied {
    if !call.is_replay {
        authenticate(call)?;
        authorize(cloud, call, "Microsoft.Web/sites/publish/Action")?;
    }
    let segments: Vec<_> = call.lower.iter().map(String::as_str).collect();
    match (call.method(), &segments[..]) {
        (&Method::POST, ["api", "publish"]) => {
            if call.parameter("type").is_none_or(|kind| kind != "zip") {
                let why = "Artifact type is required, and only 'zip' is simulated.";
                return Err(Refusal::new(400, "BadRequest", why));
            }
            let is_clean = flag(call, "clean").unwrap_or(true);
            publish(cloud, call, site, is_clean, flag(call, "async") == Some(true))
        }
        (&Method::POST, ["api", "zipdeploy"]) => {
            let is_clean = flag(call, "clean").unwrap_or(false);
            publish(cloud, call, site, is_clean, flag(call, "isAsync") == Some(true))
        }
        (&Method::GET, ["api", "deployments", "latest"]) => latest(cloud, call, site),
        _ => Err(Refusal::new(404, "NotFound", "No HTTP resource was found.")),
    }
}

fn flag(call: &Call<'_>, name: &str) -> Option<bool> {
    call.parameter(name).map(|said| said.eq_ignore_ascii_case("true"))
}

fn is_deploying(cloud: &Cloud, site: &Address) -> bool {
    cloud.under_way().any(|work| {
        matches!(work, Work::Web { site: other, task: Task::Deploy { .. } } if other == site)
    })
}

fn publish(
    cloud: &mut Cloud,
    call: &Call<'_>,
    site: &Address,
    is_clean: bool,
    is_async: bool,
) -> Replied {
    if is_deploying(cloud, site) {
        let why =
            "There is a deployment currently in progress. Please try again when it completes.";
        return Err(Refusal::new(409, "Conflict", why));
    }
    let Some(files) = unpack(call.request.body()) else {
        return Err(Refusal::new(400, "BadRequest", "The package is not a zip file."));
    };
    let work = Work::Web { site: site.clone(), task: Task::Deploy { files, is_clean } };
    let id = cloud.begin(&site.subscription, "", work, DEPLOYS);
    let started = cloud.now;
    let deployment = id.replace('-', "");
    if let Some(known) = cloud.sites.iter_mut().find(|one| one.at == *site) {
        known.deployment = Some(Deployment { id: deployment.clone(), operation: id, started });
    }
    if !is_async {
        return Ok(Reply::empty(200).taking(DEPLOYS + Duration::from_secs(1)));
    }
    let time = call.now.strftime("%Y-%m-%d_%H-%M-%SZ");
    let location = format!("{}/api/deployments/latest?deployer=OneDeploy&time={time}", call.base);
    let reply = Reply::empty(202).with("location", location).with("retry-after", "30");
    Ok(match flag(call, "trackDeploymentProgress") {
        Some(true) => reply.with("scm-deployment-id", deployment),
        _ => reply,
    })
}

fn unpack(package: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut archive = ZipArchive::new(Cursor::new(package)).ok()?;
    let mut files = BTreeMap::new();
    for place in 0..archive.len() {
        let file = archive.by_index(place).ok()?;
        let name = file.name().trim_start_matches('/').to_owned();
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).ok()?;
        files.insert(name, String::from_utf8_lossy(&bytes).into_owned());
    }
    Some(files)
}

/// 202 while it is pending, 200 when it is over, 404 when there is none.
fn latest(cloud: &Cloud, call: &Call<'_>, site: &Address) -> Replied {
    let known = cloud.sites.iter().find(|one| one.at == *site);
    let Some(deployment) = known.and_then(|site| site.deployment.as_ref()) else {
        return Err(Refusal::new(404, "NotFound", "Deployment not found."));
    };
    let progress = cloud.progress_of(&deployment.operation).unwrap_or(Progress::Succeeded);
    let (status, says, state) = match progress {
        Progress::Running => (2, "", "InProgress"),
        Progress::Succeeded => (4, "", "Succeeded"),
        Progress::Failed => (3, "The package could not be unpacked.", "Failed"),
    };
    let is_over = progress != Progress::Running;
    let end = is_over.then(|| instant(deployment.started + DEPLOYS));
    let body = json!({
        "id": deployment.id,
        "status": status,
        "status_text": says,
        "author": "N/A",
        "deployer": "OneDeploy",
        "message": "OneDeploy",
        "progress": if is_over { "" } else { "Deploying" },
        "received_time": instant(deployment.started),
        "start_time": instant(deployment.started),
        "end_time": end,
        "last_success_end_time": end.filter(|_| progress == Progress::Succeeded),
        "complete": is_over,
        "active": progress == Progress::Succeeded,
        "is_temp": false,
        "is_readonly": true,
        "url": format!("{}/api/deployments/{}", call.base, deployment.id),
        "log_url": format!("{}/api/deployments/{}/log", call.base, deployment.id),
        "site_name": site.name,
        "provisioningState": state,
    });
    Ok(Reply::json(if is_over { 200 } else { 202 }, &body))
}
