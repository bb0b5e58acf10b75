//! The API server: who may ask, what is there, and what becomes of a patch (Kubernetes, "API concepts").

use super::{
    HOST, Key, Kubernetes,
    autoscaler::Autoscaler,
    deployment::Deployment,
    object::Object,
    pod::{self, Labels},
};
use crate::sim::{
    call::{Call, Reply},
    cloud::Cloud,
    fault::FAULT,
    program,
    reached::Reached,
};
use crate::wire::Program;
use http::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

/// The one type of patch that is modeled.
const MERGE: &str = "application/merge-patch+json";

/// A request that is not carried out: a status, its reason, and what is said of it.
struct No(u16, &'static str, String);

type Said = Result<Value, No>;

impl No {
    fn reply(self) -> Reply {
        let Self(code, reason, message) = self;
        Reply::json(
            code,
            &json!({
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": message,
                "reason": reason,
                "code": code,
            }),
        )
    }
}

fn not_found(kind: &str, name: &str) -> No {
    No(404, "NotFound", format!("{kind} \"{name}\" not found"))
}

/// What is asked: of which kind of object, where, and which one.
struct Asked<'a> {
    context: String,
    namespace: &'a str,
    /// `RESOURCE.GROUP`
    kind: String,
    name: Option<&'a str>,
    part: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn read(call: &Call<'a>) -> Option<Self> {
        let (context, rest) = call.path.split_first()?;
        let context = form_urlencoded::parse(context.as_bytes()).next()?.0.into_owned();
        let (group, rest) = match rest {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let (plural, rest) = rest.split_first()?;
        let dot = if group.is_empty() { "" } else { "." };
        let kind = format!("{plural}{dot}{group}");
        let (name, part) = (rest.first().copied(), rest.get(1).copied());
        Some(Self { context, namespace, kind, name, part })
    }

    fn key(&self, name: &str) -> Key {
        Key {
            context: self.context.clone(),
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// As a role names it.
    fn permission(&self, method: &Method) -> String {
        let verb = match (method, self.name) {
            (&Method::GET, None) => "list",
            (&Method::GET, Some(_)) => "get",
            (&Method::PATCH, _) => "patch",
            (&Method::POST, _) => "create",
            _ => "update",
        };
        let part = self.part.map_or_else(String::new, |part| format!("/{part}"));
        format!("{verb} {}{part}", self.kind)
    }
}

/// Takes a request to the API server that it is for; `None` when it is for none.
pub(in crate::sim) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    if call.host != HOST {
        return None;
    }
    let Some(asked) = Asked::read(call) else {
        let message = "the server could not find the requested resource".to_owned();
        return Some(Reached::Reply(No(404, "NotFound", message).reply()));
    };
    let Some(region) = cloud.kubernetes.region(&asked.context) else {
        return Some(Reached::Nowhere);
    };
    // An API server is one of the machines of its region.
    if cloud.is_dark(region) {
        return Some(Reached::Nobody);
    }
    let said = admit(&cloud.kubernetes, call, &asked).and_then(|()| route(cloud, call, &asked));
    let makes = *call.method() == Method::POST && asked.part.is_none();
    let status = if makes { 201 } else { 200 };
    let id = format!("audit-{}", cloud.accepted);
    let reply = said.map_or_else(No::reply, |value| Reply::json(status, &value));
    Some(Reached::Reply(reply.with("audit-id", id)))
}

/// A fault's answer.
pub(in crate::sim) fn refusal(call: &Call<'_>, status: u16) -> Option<Reply> {
    let reason = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        409 => "Conflict",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    (call.host == HOST).then(|| No(status, reason, FAULT.to_owned()).reply())
}

fn admit(kubernetes: &Kubernetes, call: &Call<'_>, asked: &Asked<'_>) -> Result<(), No> {
    let has_token = call.header("authorization").is_some_and(|text| text.starts_with("Bearer "));
    if !has_token && !call.is_replay {
        return Err(No(401, "Unauthorized", "Unauthorized".to_owned()));
    }
    let permission = asked.permission(call.method());
    if !kubernetes.forbidden.contains(&permission) {
        return Ok(());
    }
    let name = asked.name.unwrap_or_default();
    let message = format!(
        "{} \"{name}\" is forbidden: User \"operator\" cannot {permission} in the namespace \"{}\"",
        asked.kind, asked.namespace
    );
    Err(No(403, "Forbidden", message))
}

fn route(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked<'_>) -> Said {
    if let Some(name) = asked.name {
        return object(cloud, call, asked, &asked.key(name));
    }
    match (call.method(), asked.kind.as_str()) {
        (&Method::POST, "selfsubjectaccessreviews.authorization.k8s.io") => {
            review(&cloud.kubernetes, call)
        }
        (&Method::GET, "pods") => Ok(pods(cloud, call, asked)),
        (&Method::GET, "endpointslices.discovery.k8s.io") => Ok(slices(cloud, call, asked)),
        (&Method::GET, "horizontalpodautoscalers.autoscaling") => {
            let Kubernetes { autoscalers, deployments, .. } = &cloud.kubernetes;
            let here = autoscalers
                .iter()
                .filter(|one| one.target.is_in(&asked.context, asked.namespace))
                .map(|one| one.show(deployments));
            Ok(list("autoscaling/v2", "HorizontalPodAutoscaler", &here.collect::<Vec<_>>()))
        }
        _ => Err(not_allowed()),
    }
}

fn not_allowed() -> No {
    let message = "the server does not allow this method on the requested resource";
    No(405, "MethodNotAllowed", message.to_owned())
}

/// What is asked of one object, or of a part of it.
fn object(cloud: &mut Cloud, call: &Call<'_>, asked: &Asked<'_>, key: &Key) -> Said {
    if (asked.kind.as_str(), asked.part) == ("pods", Some("exec")) {
        return exec(cloud, call, key);
    }
    let is_patch = *call.method() == Method::PATCH;
    if !is_patch && *call.method() != Method::GET {
        return Err(not_allowed());
    }
    if (asked.kind.as_str(), asked.part) == ("deployments.apps", Some("scale")) {
        return scale(cloud, call, key);
    }
    if asked.part.is_some() {
        return Err(not_allowed());
    }
    let mut patch = if is_patch { Some(patched(call)?) } else { None };
    let shown = match asked.kind.as_str() {
        "deployments.apps" => deployment(cloud, call, key, patch.as_mut()),
        "pods" => pod(cloud, call, key, patch.as_mut()),
        "services" => service(cloud, call, key, patch.as_mut()),
        "horizontalpodautoscalers.autoscaling" => autoscaler(cloud, call, key, patch.as_mut()),
        _ => return other(cloud, &asked.kind, key, patch.as_ref()),
    };
    let mut shown = shown?;
    let Kubernetes { objects, writes, .. } = &mut cloud.kubernetes;
    let mut kept = objects.iter().position(|one| one.kind == asked.kind && one.key == *key);
    // What is modeled took its own members; the rest is kept as it was said.
    if let Some(rest) = patch.filter(|patch| !is_empty(patch)) {
        let at = *kept.get_or_insert_with(|| {
            objects.push(Object::beside(&asked.kind, key));
            objects.len() - 1
        });
        objects[at].merge(&rest, *writes);
    }
    if let Some(at) = kept {
        objects[at].lay_over(&mut shown);
    }
    Ok(shown)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.values().all(is_empty))
}

/// An object of a kind that is only kept.
fn other(cloud: &mut Cloud, kind: &str, key: &Key, patch: Option<&Value>) -> Said {
    let Kubernetes { objects, writes, .. } = &mut cloud.kubernetes;
    let found = objects.iter_mut().find(|one| one.kind == kind && one.key == *key);
    let found = found.ok_or_else(|| not_found(kind, &key.name))?;
    if let Some(patch) = patch {
        let mut patch = patch.clone();
        check_version(&mut patch, &found.version(), &format!("{kind} \"{}\"", key.name))?;
        *writes += 1;
        found.merge(&patch, *writes);
    }
    Ok(found.show())
}

fn list(api: &str, kind: &str, items: &[Value]) -> Value {
    json!({
        "kind": format!("{kind}List"),
        "apiVersion": api,
        "metadata": { "resourceVersion": "1" },
        "items": items,
    })
}

fn review(kubernetes: &Kubernetes, call: &Call<'_>) -> Said {
    let mut review = body(call)?;
    let of = |name: &str| {
        review["spec"]["resourceAttributes"][name].as_str().unwrap_or_default().to_owned()
    };
    let (dot, slash) = (
        if of("group").is_empty() { "" } else { "." },
        if of("subresource").is_empty() { "" } else { "/" },
    );
    let permission = format!(
        "{} {}{dot}{}{slash}{}",
        of("verb"),
        of("resource"),
        of("group"),
        of("subresource")
    );
    review["status"] = json!({ "allowed": !kubernetes.forbidden.contains(&permission) });
    Ok(review)
}

fn body(call: &Call<'_>) -> Said {
    serde_json::from_slice(call.request.body())
        .map_err(|error| No(400, "BadRequest", format!("the body is no JSON: {error}")))
}

/// The body of a patch.
fn patched(call: &Call<'_>) -> Said {
    let kind = call.header("content-type").unwrap_or_default();
    if kind != MERGE {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {MERGE}, not {kind}"
        );
        return Err(No(415, "UnsupportedMediaType", message));
    }
    body(call)
}

/// A patch must be about the version that is there, if it says one.
fn check_version(patch: &mut Value, version: &str, what: &str) -> Result<(), No> {
    let meant = take(patch, "metadata", "resourceVersion");
    if meant.as_ref().and_then(Value::as_str).is_none_or(|meant| meant == version) {
        return Ok(());
    }
    let message = format!(
        "Operation cannot be fulfilled on {what}: the object has been modified; please apply your changes to the latest version and try again"
    );
    Err(No(409, "Conflict", message))
}

/// Takes a member out of a part of a patch.
fn take(patch: &mut Value, part: &str, member: &str) -> Option<Value> {
    patch.get_mut(part)?.as_object_mut()?.remove(member)
}

fn invalid(kind: &str, name: &str, why: &str) -> No {
    No(422, "Invalid", format!("{kind} \"{name}\" is invalid: {why}"))
}

/// A number of a patch that is not below this.
fn at_least(least: u64, value: &Value) -> Option<u64> {
    value.as_u64().filter(|number| *number >= least)
}

/// The part of a deployment that says how many pods there are.
fn scale(cloud: &mut Cloud, call: &Call<'_>, key: &Key) -> Said {
    let now = call.now;
    if *call.method() == Method::PATCH {
        deployment(cloud, call, key, Some(&mut patched(call)?))?;
    }
    let mut all = cloud.kubernetes.deployments.iter();
    let found = all.find(|one| one.key == *key);
    Ok(found.ok_or_else(|| not_found("deployments.apps", &key.name))?.show_scale(now))
}

fn deployment(cloud: &mut Cloud, call: &Call<'_>, key: &Key, patch: Option<&mut Value>) -> Said {
    let Kubernetes { deployments, writes, .. } = &mut cloud.kubernetes;
    let found: Option<&mut Deployment> = deployments.iter_mut().find(|one| one.key == *key);
    let found = found.ok_or_else(|| not_found("deployments.apps", &key.name))?;
    if let Some(patch) = patch {
        let what = format!("deployments.apps \"{}\"", key.name);
        check_version(patch, &found.version(call.now), &what)?;
        let wanted = match take(patch, "spec", "replicas") {
            None => found.replicas,
            Some(value) => at_least(0, &value).ok_or_else(|| {
                let why = "spec.replicas: Invalid value: must be greater than or equal to 0";
                invalid("Deployment.apps", &key.name, why)
            })?,
        };
        *writes += 1;
        found.scale(wanted, *writes, call.now);
    }
    Ok(found.show(call.now))
}

fn autoscaler(cloud: &mut Cloud, call: &Call<'_>, key: &Key, patch: Option<&mut Value>) -> Said {
    let Kubernetes { autoscalers, deployments, writes, .. } = &mut cloud.kubernetes;
    let kind = "horizontalpodautoscalers.autoscaling";
    let found: Option<&mut Autoscaler> = autoscalers.iter_mut().find(|one| one.target == *key);
    let found = found.ok_or_else(|| not_found(kind, &key.name))?;
    if let Some(patch) = patch {
        check_version(patch, &found.version(), &format!("{kind} \"{}\"", key.name))?;
        let invalid = |why: &str| invalid("HorizontalPodAutoscaler.autoscaling", &key.name, why);
        let wanted = match take(patch, "spec", "minReplicas") {
            None => found.min,
            Some(value) => at_least(1, &value)
                .ok_or_else(|| invalid("spec.minReplicas: must be greater than 0"))?,
        };
        if wanted > found.max {
            let why =
                "spec.maxReplicas: Invalid value: must be greater than or equal to `minReplicas`";
            return Err(invalid(why));
        }
        *writes += 1;
        found.set_min(wanted, *writes, call.now);
    }
    Ok(found.show(deployments))
}

/// The labels of the query, each `NAME=VALUE`.
fn wanted(call: &Call<'_>) -> Labels {
    let selector = call.parameter("labelSelector").unwrap_or_default();
    let pairs = selector.split(',').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn pods(cloud: &Cloud, call: &Call<'_>, asked: &Asked<'_>) -> Value {
    let mut pods = cloud.kubernetes.all_pods((&asked.context, asked.namespace), call.now);
    let wanted = wanted(call);
    pods.retain(|pod| pod::has(pod, &wanted));
    list("v1", "Pod", &pods)
}

fn pod(cloud: &mut Cloud, call: &Call<'_>, key: &Key, patch: Option<&mut Value>) -> Said {
    let missing = || not_found("pods", &key.name);
    let Some(patch) = patch else {
        let all = cloud.kubernetes.all_pods((&key.context, &key.namespace), call.now);
        let found = all.into_iter().find(|pod| pod["metadata"]["name"] == *key.name);
        return found.ok_or_else(missing);
    };
    let Kubernetes { pods, writes, .. } = &mut cloud.kubernetes;
    let found = pods.iter_mut().find(|pod| pod.key == *key).ok_or_else(missing)?;
    check_version(patch, &found.version.to_string(), &format!("pods \"{}\"", key.name))?;
    *writes += 1;
    found.version = *writes;
    if let Some(Value::Object(labels)) = take(patch, "metadata", "labels") {
        pod::merge(&mut found.labels, &labels);
    }
    Ok(found.show())
}

/// A program in a container. Whatever it is, it ends as its rehearsal says.
fn exec(cloud: &mut Cloud, call: &Call<'_>, key: &Key) -> Said {
    let bad = |message: String| No(400, "BadRequest", message);
    let all = cloud.kubernetes.all_pods((&key.context, &key.namespace), call.now);
    let found = all.iter().find(|pod| pod["metadata"]["name"] == *key.name);
    let pod = found.ok_or_else(|| not_found("pods", &key.name))?;
    let container = call.parameter("container").unwrap_or_default();
    if !pod::containers(pod).any(|name| name == container) {
        let name = &key.name;
        return Err(bad(format!("container {container} is not valid for pod {name}")));
    }
    let program: Program = serde_json::from_value(body(call)?)
        .map_err(|error| bad(format!("the body is no program: {error}")))?;
    let asked = form_urlencoded::parse(call.query().as_bytes());
    let argv: Vec<_> =
        asked.filter(|(name, _)| name == "command").map(|(_, word)| word.into_owned()).collect();
    if argv.is_empty() || argv != program.argv {
        return Err(bad("you must specify at least 1 command for the container".to_owned()));
    }
    let place = [&*key.context, &key.namespace, &key.name, &container];
    Ok(json!(program::own(cloud, call.method(), &place, &program)))
}

fn service(cloud: &mut Cloud, call: &Call<'_>, key: &Key, patch: Option<&mut Value>) -> Said {
    let Kubernetes { services, writes, .. } = &mut cloud.kubernetes;
    let found = services.iter_mut().find(|one| one.key == *key);
    let found = found.ok_or_else(|| not_found("services", &key.name))?;
    if let Some(patch) = patch {
        let what = format!("services \"{}\"", key.name);
        check_version(patch, &found.version.to_string(), &what)?;
        *writes += 1;
        found.version = *writes;
        if let Some(Value::Object(selector)) = take(patch, "spec", "selector") {
            found.select(&selector, call.now);
        }
    }
    Ok(found.show())
}

fn slices(cloud: &Cloud, call: &Call<'_>, asked: &Asked<'_>) -> Value {
    let wanted = wanted(call);
    let of = wanted.get("kubernetes.io/service-name");
    let services = cloud.kubernetes.services.iter();
    let here = services.filter(|one| one.key.is_in(&asked.context, asked.namespace));
    let meant = here.filter(|one| of.is_none_or(|name| one.key.name == *name));
    let pods = cloud.kubernetes.all_pods((&asked.context, asked.namespace), call.now);
    let slices: Vec<_> = meant.map(|one| one.slice(&pods, call.now)).collect();
    list("discovery.k8s.io/v1", "EndpointSlice", &slices)
}
