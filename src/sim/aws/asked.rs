//! What a request asks of a service, in whichever of AWS's protocols, and how the service's answer is written.

use super::{cloudwatch, route53, signature::Scope, tree};
use crate::{
    sim::call::{Call, Refusal, Replied, Reply},
    wire::Element,
};
use serde_json::{Value, json};

/// How a service is spoken to (its API reference; Smithy's protocol documents).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// A form in, XML out.
    Query,
    /// JSON in and out; a header names the operation.
    Json(&'static str),
    /// Paths and XML.
    Rest,
}

/// A request, taken apart.
pub(super) struct Asked {
    pub scope: Scope,
    /// As the vendor writes it; empty where paths say what is asked.
    pub operation: String,
    form: Vec<(String, String)>,
    pub body: Value,
    protocol: Protocol,
    id: String,
}

impl Asked {
    /// `number` is how many changes were accepted before it.
    pub(super) fn read(call: &Call<'_>, scope: Scope, number: u64) -> Result<Self, Reply> {
        let protocol = match scope.service.as_str() {
            "route53" => Protocol::Rest,
            "route53-recovery-cluster" => Protocol::Json("application/x-amz-json-1.0"),
            "monitoring" if call.header("x-amz-target").is_some() => {
                Protocol::Json("application/x-amz-json-1.0")
            }
            _ if call.header("x-amz-target").is_some() => {
                Protocol::Json("application/x-amz-json-1.1")
            }
            _ => Protocol::Query,
        };
        let mut asked = Self {
            scope,
            operation: String::new(),
            form: Vec::new(),
            body: Value::Null,
            protocol,
            id: request_id(number),
        };
        match protocol {
            Protocol::Query => {
                asked.form =
                    url::form_urlencoded::parse(call.request.body()).into_owned().collect();
                asked.operation = asked.text("Action").unwrap_or_default().to_owned();
            }
            Protocol::Json(_) => {
                let target = call.header("x-amz-target").unwrap_or_default();
                target.rsplit('.').next().unwrap_or_default().clone_into(&mut asked.operation);
                let Ok(body) = serde_json::from_slice(call.request.body()) else {
                    let why = "The request body is no JSON.";
                    let refusal = Refusal::new(400, "SerializationException", why);
                    return Err(asked.dress(Err(refusal)));
                };
                asked.body = body;
            }
            Protocol::Rest => route53::operation(call).clone_into(&mut asked.operation),
        }
        Ok(asked)
    }

    /// Whether a request may pass, before anybody asks what it wants.
    pub(super) fn admit(&self, call: &Call<'_>) -> Result<(), Refusal> {
        if call.is_replay { Ok(()) } else { self.scope.check(call) }
    }

    /// Refuses what a policy forbids.
    pub(super) fn authorize(&self, forbidden: &[String], call: &Call<'_>) -> Result<(), Refusal> {
        let name = match self.scope.service.as_str() {
            "monitoring" => "cloudwatch",
            service => service,
        };
        let asked = format!("{name}:{}", self.operation);
        if call.is_replay || !forbidden.contains(&asked) {
            return Ok(());
        }
        let why = format!("User is not authorized to perform: {asked}");
        let code = match self.protocol {
            Protocol::Json(_) => "AccessDeniedException",
            Protocol::Query | Protocol::Rest => "AccessDenied",
        };
        Err(Refusal::new(403, code, why))
    }

    /// A parameter of a form.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let mut all = self.form.iter();
        all.find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The parameter of a form that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            let why = format!("The request must contain the parameter {name}.");
            Refusal::new(400, "MissingParameter", why)
        })
    }

    /// The members of a list in a form: `NAME.member.1`, `NAME.member.2` …
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let member = |number: usize| self.text(&format!("{name}.member.{number}"));
        (1..).map_while(member).collect()
    }

    /// How many structures a list in a form has: `NAME.member.1.FIELD` …
    pub(super) fn count(&self, name: &str) -> usize {
        let mut number = 0;
        while self.has(&format!("{name}.member.{}.", number + 1)) {
            number += 1;
        }
        number
    }

    fn has(&self, prefix: &str) -> bool {
        self.form.iter().any(|(key, _)| key.starts_with(prefix))
    }

    pub(super) fn no_such_operation(&self) -> Refusal {
        let Self { operation, scope, .. } = self;
        let why = format!("The operation {operation} is not known to {}.", scope.service);
        match self.protocol {
            Protocol::Json(_) => Refusal::new(400, "UnknownOperationException", why),
            Protocol::Query | Protocol::Rest => Refusal::new(400, "InvalidAction", why),
        }
    }

    /// What is asked as a tree, whichever way it came.
    pub(super) fn input(&self) -> Value {
        match self.protocol {
            Protocol::Query => tree::of_form(&self.form),
            Protocol::Json(_) | Protocol::Rest => self.body.clone(),
        }
    }

    /// A result as a tree, written the way that the request came.
    pub(super) fn output(&self, body: &Value) -> Reply {
        match self.protocol {
            Protocol::Json(kind) => Reply::typed(200, kind, tree::without_nulls(body).to_string()),
            Protocol::Query | Protocol::Rest => self.result(tree::elements(body)),
        }
    }

    /// A result as the Query protocol wraps it.
    pub(super) fn result(&self, children: impl IntoIterator<Item = Element>) -> Reply {
        let result = Element::new(format!("{}Result", self.operation)).with(children);
        self.response(Some(result))
    }

    /// The answer of an operation that has no result.
    pub(super) fn done(&self) -> Reply {
        if let Protocol::Json(kind) = self.protocol {
            return Reply::typed(200, kind, "{}");
        }
        self.response(None)
    }

    fn response(&self, result: Option<Element>) -> Reply {
        let metadata = Element::new("ResponseMetadata").with([leaf("RequestId", &self.id)]);
        let children = result.into_iter().chain([metadata]);
        self.document(format!("{}Response", self.operation), children)
    }

    /// An answer of elements, in the service's namespace.
    pub(super) fn document(
        &self,
        name: impl AsRef<str>,
        children: impl IntoIterator<Item = Element>,
    ) -> Reply {
        let (name, namespace) = (name.as_ref(), namespace(&self.scope.service));
        let root = Element::new(format!("{name} xmlns=\"{namespace}\"")).with(children);
        xml(200, &root)
    }

    /// Adds what every answer has, or writes a refusal in the service's own way.
    pub(super) fn dress(&self, replied: Replied) -> Reply {
        let reply = match (replied, self.protocol) {
            (Ok(reply), _) => reply,
            // It once spoke Query only, and keeps the codes that it had there (Smithy, "awsQueryCompatible").
            (Err(refusal), Protocol::Json(kind)) if self.scope.service == "monitoring" => {
                let name = cloudwatch::exception(refusal.code);
                let body = json!({ "__type": name, "message": refusal.message });
                let query = format!("{};{}", refusal.code, side(refusal.status));
                Reply::typed(refusal.status, kind, body.to_string())
                    .with("x-amzn-query-error", query)
            }
            (Err(refusal), Protocol::Json(kind)) => {
                let body = json!({ "__type": refusal.code, "message": refusal.message });
                Reply::typed(refusal.status, kind, body.to_string())
            }
            (Err(refusal), Protocol::Query | Protocol::Rest) => {
                let error = Element::new("Error").with([
                    Element::with_text("Type", side(refusal.status)),
                    Element::with_text("Code", refusal.code),
                    Element::with_text("Message", refusal.message),
                ]);
                let namespace = namespace(&self.scope.service);
                let root = Element::new(format!("ErrorResponse xmlns=\"{namespace}\""))
                    .with([error, Element::with_text("RequestId", &self.id)]);
                xml(refusal.status, &root)
            }
        };
        reply.with("x-amzn-requestid", &self.id)
    }
}

/// Whose fault a status says it was.
fn side(status: u16) -> &'static str {
    if status < 500 { "Sender" } else { "Receiver" }
}

/// An answer in JSON.
pub(super) fn answer_json(asked: &Asked, body: &Value) -> Reply {
    let kind = match asked.protocol {
        Protocol::Json(kind) => kind,
        Protocol::Query | Protocol::Rest => "application/json",
    };
    Reply::typed(200, kind, body.to_string())
}

/// A document of XML.
pub(super) fn xml(status: u16, root: &Element) -> Reply {
    Reply::typed(status, "text/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}"))
}

#[expect(clippy::needless_pass_by_value, reason = "numbers and flags are written where they stand")]
pub(super) fn leaf(name: &str, text: impl ToString) -> Element {
    Element::with_text(name, text.to_string())
}

/// The list of a Query answer.
pub(super) fn members(name: &str, members: impl IntoIterator<Item = Element>) -> Element {
    Element::new(name)
        .with(members.into_iter().map(|member| Element { name: "member".to_owned(), ..member }))
}

fn namespace(service: &str) -> &'static str {
    match service {
        "autoscaling" => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "monitoring" => "http://monitoring.amazonaws.com/doc/2010-08-01/",
        "rds" => "http://rds.amazonaws.com/doc/2014-10-31/",
        "route53" => "https://route53.amazonaws.com/doc/2013-04-01/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}

fn request_id(number: u64) -> String {
    format!("{:08x}-0000-4000-8000-{:012x}", number ^ 0x5ca1_ab1e, number)
}
