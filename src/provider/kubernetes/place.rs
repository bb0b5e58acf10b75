//! How a runbook names what is in a cluster: `CONTEXT/NAMESPACE/NAME`, and a namespace alone `CONTEXT/NAMESPACE`.

use crate::{action::Params, model::Diagnostic};

/// One namespace of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Namespace {
    pub context: String,
    pub name: String,
}

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub namespace: Namespace,
    pub name: String,
}

impl Namespace {
    /// The namespace that a parameter names.
    pub(super) fn of(params: &Params<'_>, parameter: &str) -> Result<Self, Diagnostic> {
        let name = params.resource(parameter)?.name;
        Self::read(&name).ok_or_else(|| wrong(params, parameter, "CONTEXT/NAMESPACE", &name))
    }

    /// Read from its end: the name of a context may hold anything, as that of EKS does, which is an ARN.
    fn read(text: &str) -> Option<Self> {
        let (context, name) = text.rsplit_once('/')?;
        let is_one = is_name(name) && !context.trim().is_empty();
        is_one.then(|| Self { context: context.to_owned(), name: name.to_owned() })
    }

    /// The path of one of its lists, in an API such as `apis/apps/v1`.
    pub(super) fn list(&self, api: &str, plural: &str) -> String {
        format!("/{api}/namespaces/{}/{plural}", self.name)
    }
}

impl Place {
    /// What a parameter names.
    pub(super) fn of(params: &Params<'_>, parameter: &str) -> Result<Self, Diagnostic> {
        let name = params.resource(parameter)?.name;
        Self::read(&name).ok_or_else(|| wrong(params, parameter, "CONTEXT/NAMESPACE/NAME", &name))
    }

    fn read(text: &str) -> Option<Self> {
        let (namespace, name) = text.rsplit_once('/')?;
        let namespace = Namespace::read(namespace).filter(|_| is_name(name))?;
        Some(Self { namespace, name: name.to_owned() })
    }

    pub(super) fn path(&self, api: &str, plural: &str) -> String {
        format!("{}/{}", self.namespace.list(api, plural), self.name)
    }

    /// As it is called in its cluster.
    pub(super) fn short(&self) -> String {
        format!("{}/{}", self.namespace.name, self.name)
    }
}

fn wrong(params: &Params<'_>, parameter: &str, form: &str, name: &str) -> Diagnostic {
    let message = format!("`{parameter}` must be {form}, not `{name}`");
    let hint =
        "a context of the kubeconfig, as `kubectl config get-contexts` lists them, comes first";
    Diagnostic::at(params.span(parameter), message).hint(hint)
}

/// A DNS subdomain name (Kubernetes, "Object Names and IDs"), so that it stands in a path as it is.
pub(super) fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 253
        && text.chars().all(letter)
        && text.starts_with(is_end)
        && text.ends_with(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_its_end() {
        let arn = "arn:aws:eks:us-west-2:111122223333:cluster/shop/database/postgres-1";
        let place = Place::read(arn).unwrap();
        assert_eq!(place.namespace.context, "arn:aws:eks:us-west-2:111122223333:cluster/shop");
        assert_eq!(place.short(), "database/postgres-1");
        assert_eq!(
            place.path("api/v1", "pods"),
            "/api/v1/namespaces/database/pods/postgres-1",
            "the context is no part of a path"
        );
        for wrong in ["shop/web", "web", "/shop/web", "west/Shop/web", "west/shop/", "west/../web"]
        {
            assert_eq!(Place::read(wrong), None, "{wrong}");
        }
    }
}
