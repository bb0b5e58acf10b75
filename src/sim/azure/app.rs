//! What people and probes get from the sites themselves.

use super::{
    storage::Account,
    web::{self, Content, Site},
};
use crate::sim::{
    call::{Call, Reply},
    cloud::Cloud,
};
use serde_json::json;

/// A stopped site's front end still answers (App Service: "Error 403 - This web app is stopped").
const STOPPED: &str = "<!DOCTYPE html><html><head><title>Web App - Unavailable</title></head><body><h1>Error 403 - This web app is stopped.</h1></body></html>";
const LANDING: &str = "<!DOCTYPE html><html><head><title>Microsoft Azure App Service - Welcome</title></head><body>Your web app is running and waiting for your content</body></html>";
const HEALTH: &str = "/health";

/// The answer of a site to a path; nothing when its region is out.
pub(super) fn answer(cloud: &Cloud, call: &Call<'_>, site: &Site) -> Option<Reply> {
    if cloud.is_dark(&site.location) {
        return None;
    }
    Some(visit(cloud, site, call.request.uri().path()))
}

fn visit(cloud: &Cloud, site: &Site, path: &str) -> Reply {
    if !site.is_running {
        return Reply::html(403, STOPPED);
    }
    if cloud.now < site.up_from {
        return Reply::html(
            503,
            "<!DOCTYPE html><html><body>The service is unavailable.</body></html>",
        );
    }
    match &site.content {
        Content::Landing if path == "/" => Reply::html(200, LANDING),
        Content::Landing => Reply::html(404, "<!DOCTYPE html><html><body>Not found</body></html>"),
        Content::App { database } => app(cloud, site, database.as_deref(), path),
        Content::Files(files) => {
            let page = ["index.html", "index.htm", "default.htm", "hostingstart.html"]
                .iter()
                .find_map(|name| Some((*name, files.get(*name)?)));
            let asked = files.get(path.trim_start_matches('/'));
            // IIS serves the page for other paths only where the package's web.config sends them to it.
            let is_sent = |name: &str| {
                path == "/" || files.get("web.config").is_some_and(|config| config.contains(name))
            };
            match (asked, page) {
                (Some(file), _) => Reply::html(200, file.clone()),
                (None, Some((name, page))) if is_sent(name) => Reply::html(200, page.clone()),
                _ => Reply::html(404, "<!DOCTYPE html><html><body>Not found</body></html>"),
            }
        }
    }
}

/// Proseware: its health page writes a row and reads a video.
fn app(cloud: &Cloud, site: &Site, database: Option<&str>, path: &str) -> Reply {
    let writes = database.map(|setting| is_database_writable(cloud, site, setting));
    // What it mounted before a failover is not there any more; a restart mounts it anew.
    let is_mounted = |account: &Account| account.failed_over.is_none_or(|at| at <= site.up_from);
    let reads =
        cloud.accounts.iter().all(|account| account.is_readable(cloud) && is_mounted(account));
    let is_well = writes != Some(false) && reads;
    let mut body = json!({ "status": if is_well { "ok" } else { "ill" }, "region": site.location });
    if let Some(writes) = writes {
        body["database"] = json!(if writes { "writable" } else { "not writable" });
    }
    if !cloud.accounts.is_empty() {
        body["videos"] = json!(if reads { "readable" } else { "not readable" });
    }
    let status = if is_well { 200 } else { 503 };
    let reply = if path == HEALTH {
        Reply::json(status, &body)
    } else {
        Reply::html(status, format!("<!DOCTYPE html><title>Proseware</title>{}", site.location))
    };
    reply.with("x-region", site.location.clone())
}

fn is_database_writable(cloud: &Cloud, site: &Site, setting: &str) -> bool {
    let value = site
        .settings
        .iter()
        .chain(&site.connection_strings)
        .find(|(name, _)| name.eq_ignore_ascii_case(setting))
        .map(|(_, value)| value.as_str().or_else(|| value["value"].as_str()).unwrap_or_default());
    // A whole connection string may stand around the host's name.
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let mut hosts = value.unwrap_or_default().split(|c| !letter(c));
    let server = hosts.find_map(|host| cloud.database(&host.to_ascii_lowercase()));
    server.is_some_and(|server| server.is_writable(cloud))
}

/// What a visitor of a site sees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum View {
    App,
    Page,
    Nothing,
}

pub(in crate::sim) fn view(cloud: &Cloud, site: &Site) -> View {
    match status(cloud, site, "/") {
        Some(200) if matches!(site.content, Content::App { .. }) => View::App,
        Some(200) => View::Page,
        _ => View::Nothing,
    }
}

/// The status that a path of a site answers; none when its region is out.
pub(super) fn status(cloud: &Cloud, site: &Site, path: &str) -> Option<u16> {
    (!cloud.is_dark(&site.location)).then(|| visit(cloud, site, path).status)
}

/// Whether a host is none of this world's. Those are taken to be well.
pub(in crate::sim) fn is_outside(host: &str) -> bool {
    !host.ends_with(web::SUFFIX)
}
