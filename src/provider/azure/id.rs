//! How ARM names a resource: by a path. Knows which api-version each service is spoken to in.

use crate::model::{Region, Resource};
use std::fmt;

/// The api-versions that this program was written against, by the type that stands last in a path.
///
/// All are generally available, and Microsoft keeps such versions callable. Their contracts are published in
/// <https://github.com/Azure/azure-rest-api-specs>. The first row that fits counts.
const API_VERSIONS: [(&str, &str); 7] = [
    ("microsoft.authorization/permissions", "2022-04-01"),
    ("microsoft.authorization/locks", "2020-05-01"),
    ("microsoft.insights/metrics", "2024-02-01"),
    ("microsoft.storage/", "2023-05-01"),
    ("microsoft.network/trafficmanagerprofiles", "2022-04-01"),
    ("microsoft.web/", "2024-04-01"),
    ("microsoft.dbforpostgresql/", "2024-08-01"),
];

/// The path of a resource, or of a part of it.
#[derive(Clone, Debug)]
pub(super) struct Id(String);

impl Id {
    /// The id of a resource; one whose name is `parent/child` has a type of as many parts.
    pub(super) fn of(resource: &Resource) -> Self {
        let (namespace, types) =
            resource.kind.split_once('/').unwrap_or((resource.kind.as_str(), ""));
        let mut path = Self::group(resource).0;
        path.push_str("/providers/");
        path.push_str(namespace);
        for (kind, name) in types.split('/').zip(resource.name.split('/')) {
            path.push('/');
            path.push_str(kind);
            path.push('/');
            path.push_str(&encode(name));
        }
        Self(path)
    }

    /// The id of the resource group that holds a resource.
    pub(super) fn group(resource: &Resource) -> Self {
        let group = encode(resource.resource_group());
        Self(format!("{}/resourceGroups/{group}", Self::subscription(resource).0))
    }

    pub(super) fn subscription(resource: &Resource) -> Self {
        Self(format!("/subscriptions/{}", encode(resource.subscription())))
    }

    /// An id as Azure wrote it in an answer.
    pub(super) fn from_azure(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// A part of this resource, or something that is done with it.
    #[must_use]
    pub(super) fn then(&self, path: &str) -> Self {
        Self(format!("{}/{path}", self.0))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the resource that Azure names so. Services answer with letters of their own case.
    pub(super) fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }

    /// Whether this resource is the one of that id, or lies within it.
    pub(super) fn is_within(&self, scope: &str) -> bool {
        let (own, scope) = (self.0.to_ascii_lowercase(), scope.to_ascii_lowercase());
        own.strip_prefix(&scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The version in which its service is spoken to.
    pub(super) fn api_version(&self) -> &'static str {
        let path = self.0.to_ascii_lowercase();
        let kind = path.rsplit_once("/providers/").map_or("", |(_, kind)| kind);
        API_VERSIONS
            .iter()
            .find(|(prefix, _)| kind.starts_with(prefix))
            // That of resource groups themselves.
            .map_or("2024-07-01", |(_, version)| version)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The last name of an id: what people call the resource.
pub(super) fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Whether two names of a location mean the same one: `Canada Central` is `canadacentral`.
pub(super) fn same_place(one: &str, other: &str) -> bool {
    place(one) == place(other)
}

/// A location as runbooks write it.
pub(super) fn place(name: &str) -> Region {
    Region::new(name.replace(' ', "").to_ascii_lowercase())
}

/// Writes a text so that it is one segment of a path, or one value of a query, whatever stands in it.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'(' | b')' => {
                encoded.push(char::from(byte));
            }
            _ => {
                encoded.push('%');
                encoded.extend(
                    [byte >> 4, byte & 15]
                        .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
                );
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Owner;

    fn resource(kind: &str, name: &str) -> Resource {
        Resource {
            kind: kind.to_owned(),
            name: name.to_owned(),
            owner: Owner::Azure {
                subscription: "s1".to_owned(),
                resource_group: "rg prod".to_owned(),
            },
            region: None,
            made_by_the_run: false,
        }
    }

    #[test]
    fn a_child_stands_below_its_parent() {
        let endpoint =
            resource("Microsoft.Network/trafficManagerProfiles/azureEndpoints", "tm/one");
        assert_eq!(
            Id::of(&endpoint).as_str(),
            "/subscriptions/s1/resourceGroups/rg%20prod/providers/Microsoft.Network/trafficManagerProfiles/tm/azureEndpoints/one"
        );
    }

    #[test]
    fn every_service_has_its_version() {
        let account = Id::of(&resource("Microsoft.Storage/storageAccounts", "st"));
        assert_eq!(account.api_version(), "2023-05-01");
        let permissions = account.then("providers/Microsoft.Authorization/permissions");
        assert_eq!(permissions.api_version(), "2022-04-01");
    }

    #[test]
    fn ids_and_places_are_compared_without_case_and_spaces() {
        let account = Id::of(&resource("Microsoft.Storage/storageAccounts", "st"));
        assert!(account.is(&account.as_str().to_ascii_lowercase()));
        assert!(account.is_within("/SUBSCRIPTIONS/s1"));
        assert!(!account.is_within("/subscriptions/s"));
        assert!(same_place("Canada Central", "canadacentral"));
    }
}
