//! Answers: results, and refusals.

use super::{
    check_type, document,
    excerpt::{EXCERPTS, Fault, Protocol},
    header,
    request::{Request, json_type},
    xml::Origin,
};
use failover::wire::{Element, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// Every answer of a service has an id. A refusal without one comes from whatever stands before the service, and is
/// nobody's contract.
pub(super) fn check(
    request: &Request<'_>,
    status: StatusCode,
    response: &Response,
) -> Result<(), String> {
    let has_id = response.headers().contains_key("x-amzn-requestid");
    match (status.as_u16(), has_id) {
        (200, true) => {
            let output = result(request, response)?;
            let shape = request.operation.output.as_deref().map(Value::from);
            match (shape, output) {
                (Some(shape), output) => request.service.shapes.check(&shape, &output, "answered"),
                (None, output) if output == json!({}) => Ok(()),
                (None, output) => Err(format!("answered {output} where nothing is")),
            }
        }
        (200, false) => Err("the answer has no request id".to_owned()),
        (400.., true) => check_refusal(request, status, response)
            .map_err(|why| format!("the error {status}: {why}")),
        (400.., false) => Ok(()),
        _ => Err(format!("the status {status} is not of this operation")),
    }
}

fn result(request: &Request<'_>, response: &Response) -> Result<Value, String> {
    let (service, name) = (request.service, request.name);
    let output = request.operation.output.as_deref();
    let body = response.body();
    match request.protocol {
        Protocol::Json => {
            check_type(response.headers(), &[&json_type(service)])?;
            serde_json::from_slice(body).map_err(|error| format!("the answer: {error}"))
        }
        Protocol::RestXml => {
            let output = output.ok_or("no excerpt of its answer")?;
            let root = root(request, response, &[output])?;
            service.shapes.read(&Value::from(output), &root, Origin::Answer)
        }
        Protocol::Query => {
            let root = root(request, response, &[&format!("{name}Response")])?;
            let wrapper = format!("{name}Result");
            check_children(&root, &[&wrapper, "ResponseMetadata"])?;
            if root.at(&["ResponseMetadata", "RequestId"]).is_none() {
                return Err("the answer lacks the `RequestId` of its metadata".to_owned());
            }
            match (output, root.get(&wrapper)) {
                (Some(output), Some(result)) => {
                    service.shapes.read(&Value::from(output), result, Origin::Answer)
                }
                (Some(_), None) => Err(format!("the answer lacks `{wrapper}`")),
                (None, Some(_)) => Err(format!("the answer has a `{wrapper}`")),
                (None, None) => Ok(json!({})),
            }
        }
    }
}

fn root(request: &Request<'_>, response: &Response, roots: &[&str]) -> Result<Element, String> {
    check_type(response.headers(), &["text/xml", "application/xml"])?;
    document(request.service, response.body(), roots)
}

fn check_children(element: &Element, known: &[&str]) -> Result<(), String> {
    let unknown = element.children.iter().find(|child| !known.contains(&child.name.as_str()));
    unknown.map_or(Ok(()), |child| Err(format!("{}.{} is not known", element.name, child.name)))
}

/// An error must be one that the operation declares, or that any service may answer with.
fn check_refusal(
    request: &Request<'_>,
    status: StatusCode,
    response: &Response,
) -> Result<(), String> {
    let code = match request.protocol {
        Protocol::Json => json_code(request, response),
        Protocol::Query | Protocol::RestXml => xml_code(request, response),
    }?;
    let Some((_, fault)) = declared(request, &code) else {
        let is_common = EXCERPTS.common.has(request.protocol, &code);
        let unknown = || Err(format!("`{code}` is not of this operation"));
        return if is_common { Ok(()) } else { unknown() };
    };
    match fault.and_then(|fault| fault.status) {
        Some(meant) if meant != status.as_u16() => {
            Err(format!("`{code}` is answered with {meant}"))
        }
        _ => Ok(()),
    }
}

/// The error that the operation declares under a code. Over JSON its name is the code.
fn declared<'a>(request: &Request<'a>, code: &str) -> Option<(&'a str, Option<&'a Fault>)> {
    let named = |name: &'a String| (name.as_str(), request.service.errors.get(name));
    let mut all = request.operation.errors.iter().map(named);
    all.find(|(name, fault)| match request.protocol {
        Protocol::Json => *name == code,
        Protocol::Query | Protocol::RestXml => query_code(name, *fault) == code,
    })
}

fn query_code<'a>(name: &'a str, fault: Option<&'a Fault>) -> &'a str {
    fault.and_then(|fault| fault.code.as_deref()).unwrap_or(name)
}

fn json_code(request: &Request<'_>, response: &Response) -> Result<String, String> {
    check_type(response.headers(), &[&json_type(request.service)])?;
    let body: Value = serde_json::from_slice(response.body()).map_err(|error| error.to_string())?;
    let code = body["__type"].as_str().ok_or("it has no `__type`")?;
    let code = code.rsplit('#').next().unwrap_or_default();
    if !body["message"].is_string() && !body["Message"].is_string() {
        return Err(format!("`{code}` has no message"));
    }
    if request.service.keeps_query_codes {
        let told = header(response.headers(), "x-amzn-query-error");
        let (query, side) = told.split_once(';').ok_or("it lacks `x-amzn-query-error`")?;
        let meant = declared(request, code).map_or(query, |(name, fault)| query_code(name, fault));
        if query != meant || !["Sender", "Receiver"].contains(&side) {
            return Err(format!("`x-amzn-query-error` is `{told}`, and `{code}` is `{meant}`"));
        }
    }
    Ok(code.to_owned())
}

fn xml_code(request: &Request<'_>, response: &Response) -> Result<String, String> {
    // Route 53 lists what is wrong with a batch in a document of its own (API reference, ChangeResourceRecordSets).
    const BATCH: &str = "InvalidChangeBatch";
    let root = root(request, response, &["ErrorResponse", BATCH])?;
    if root.name == BATCH {
        return Ok(root.name);
    }
    check_children(&root, &["Error", "RequestId"])?;
    root.text_of("RequestId").ok_or("it has no request id")?;
    let error = root.get("Error").ok_or("it lacks `Error`")?;
    check_children(error, &["Type", "Code", "Message", "Detail"])?;
    error.text_of("Message").ok_or("it has no message")?;
    if !["Sender", "Receiver"].contains(&error.text_of("Type").unwrap_or_default()) {
        return Err("it does not say whose fault it is".to_owned());
    }
    Ok(error.text_of("Code").ok_or("it has no code")?.to_owned())
}
