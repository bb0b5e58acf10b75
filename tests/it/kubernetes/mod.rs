//! Kubernetes as it is reached for real: by the binary, over TLS, with what a kubeconfig says.

mod exec;
mod server;

use crate::room::Room;
use failover::sim::{Fault, Mishap};
use http::Method;
use rcgen::{CertificateParams, KeyPair};
use server::{Server, TOKEN};
use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

const RUNBOOK: &str = "failover: 1
runbook: web
summary: Pods in the region that takes over
default_mode: planned
lock: web
regions: { east: { cluster: prod-east }, west: { cluster: prod-west } }
steps:
  - id: pods
    action: kubernetes.scale
    with: { deployment: '${{ to.cluster }}/shop/web', replicas: 3 }
    timeout: 40s
";
/// Preflight says no (README, "Exit codes").
const REFUSED: i32 = 4;
const SCALED: &str = "PATCH /prod-west/apis/apps/v1/namespaces/shop/deployments/web/scale";

/// A desk, its server, and a kubeconfig that is this user's.
struct Place {
    room: Room,
    server: Server,
    folder: tempfile::TempDir,
}

impl Place {
    fn new(user: &str) -> Self {
        Self::holding(RUNBOOK, user)
    }

    fn holding(runbook: &str, user: &str) -> Self {
        let room = Room::holding(runbook);
        let server = Server::start(&room.runbook);
        let folder = tempfile::tempdir().unwrap();
        server.kubeconfig(folder.path(), user);
        Self { room, server, folder }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn call(&self, arguments: &str) -> (Option<i32>, String) {
        let mut command = self.room.command(arguments);
        command.env("KUBECONFIG", self.folder().join("config"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = [output.stderr, output.stdout].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), said.concat())
    }

    fn execute(&self) -> (Option<i32>, String) {
        self.call(&format!("execute east west --yes --runbook {}", self.room.runbook.display()))
    }

    fn plugin(&self, text: &str) {
        let path = self.folder().join("plugin");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

fn token() -> String {
    format!("{{ token: {TOKEN} }}")
}

const PLUGIN: &str = "{ exec: { apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: IfAvailable, env: [{ name: KEY, value: hush-hush }] } }";

/// What a plugin prints to say that this is the token.
fn credential(token: &str) -> String {
    format!(
        r#"{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
    )
}

#[test]
fn pods_are_scaled_up_by_the_token_that_the_kubeconfig_holds() {
    let place = Place::new(&token());
    let (code, said) = place.execute();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.server.changes(), [SCALED]);
    assert!(!place.room.journal().contains(TOKEN), "the token stands in the journal");
    let (_, again) = place.execute();
    assert_eq!(place.server.changes(), [SCALED], "{again}");
}

#[test]
fn a_plan_and_a_dry_run_change_nothing() {
    let place = Place::new(&token());
    let runbook = place.room.runbook.display();
    for call in ["plan east west", "execute east west --dry-run"] {
        let (code, said) = place.call(&format!("{call} --runbook {runbook}"));
        assert_eq!(code, Some(0), "{said}");
    }
    let log = place.server.cloud.log();
    assert!(log.iter().any(|exchange| exchange.path_and_query.contains("deployments/web")));
    assert!(log.iter().all(|exchange| exchange.is_read), "{log:?}");
}

#[test]
fn who_has_a_certificate_needs_no_token() {
    let place = Place::new("{ client-certificate: me.pem, client-key: me.key }");
    let (code, said) = place.execute();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.server.changes(), [SCALED]);
}

#[test]
fn a_token_that_has_died_is_asked_for_again() {
    let place = Place::new(PLUGIN);
    place.plugin(&format!(
        "test -e \"$0.old\" && echo '{}' || {{ touch \"$0.old\"; echo '{}'; }}",
        credential(TOKEN),
        credential("dead"),
    ));
    let (code, said) = place.execute();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.server.changes(), [SCALED]);
    // It had died: the mark says that it was given out.
    assert!(place.folder().join("plugin.old").exists());
}

#[test]
fn a_plugin_that_fails_is_quoted_without_what_it_was_given() {
    let place = Place::new(PLUGIN);
    place.plugin(&format!("echo 'sign in first' >&2; echo '{}'; exit 3", credential(TOKEN)));
    let (code, said) = place.execute();
    assert_eq!(code, Some(REFUSED), "{said}");
    assert!(said.contains("its plugin failed (exit status: 3): sign in first"), "{said}");
    for secret in [TOKEN, "hush-hush"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert_eq!(place.server.changes(), [""; 0]);
}

#[test]
fn a_server_that_another_authority_certified_is_told_nothing() {
    let place = Place::new(&token());
    let mut stranger = CertificateParams::new(Vec::new()).unwrap();
    stranger.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let stranger = stranger.self_signed(&KeyPair::generate().unwrap()).unwrap();
    fs::write(place.folder().join("ca.pem"), stranger.pem()).unwrap();
    let (code, said) = place.execute();
    assert_eq!(code, Some(REFUSED), "{said}");
    assert!(said.contains("certificate"), "{said}");
    assert!(place.server.cloud.log().is_empty(), "it was asked");
}

#[test]
fn a_context_that_is_not_there_is_named_beside_those_that_are() {
    let place = Place::new(&token());
    place.room.change("cluster: prod-west", "cluster: prod-wset");
    let (code, said) = place.execute();
    assert_eq!(code, Some(REFUSED), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected = "it has no context `prod-wset`; it has `prod-east`, `prod-west`";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn an_answer_that_is_lost_is_looked_for_and_not_sent_again() {
    let place = Place::new(&token());
    place.server.cloud.fault(Fault {
        method: Some(Method::PATCH),
        path: "/scale".to_owned(),
        nth: 1,
        mishap: Mishap::LateStatus(http::StatusCode::GATEWAY_TIMEOUT),
    });
    let (code, said) = place.execute();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.server.changes(), [SCALED]);
}

#[test]
fn what_no_role_allows_is_found_before_anything_begins() {
    let place = Place::new(&token());
    place.server.cloud.with_world(|world| {
        world.cloud_mut().forbid_in_clusters("patch deployments.apps/scale");
    });
    let (code, said) = place.execute();
    assert_ne!(code, Some(0), "{said}");
    let expected = "may not patch deployments.apps/scale in the namespace `shop`";
    assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(expected), "{said}");
    assert_eq!(place.server.changes(), [""; 0]);
}

#[test]
fn pods_for_which_no_node_has_room_are_told_of() {
    let place = Place::new(&token());
    place.server.cloud.with_world(|world| world.cloud_mut().fill_nodes("web"));
    let (code, said) = place.execute();
    assert_ne!(code, Some(0), "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("Unschedulable: 0/3 nodes are available"), "{said}");
}
