//! Names from Terraform: what is read, what is done with it, and what is said where it cannot be read.

use super::{Called, Desk};
use snapbox::{assert_data_eq, str};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const RUNBOOK: &str = r#"failover: 1
runbook: web
summary: Move the web app to the other region
vars_from: { terraform: infra/live }
azure: { subscription: "${{ vars.subscription }}", resource_group: "${{ vars.group }}" }
regions:
  eastus: { app: "${{ vars.apps.eastus }}" }
  westus: { app: "${{ vars.apps.westus }}" }
steps:
  - { id: stop-old, action: azure.app_service.stop, with: { app: "${{ from.app }}" }, on_failure: owe }
  - { id: start-new, action: azure.app_service.start, with: { app: "${{ to.app }}" } }
"#;

const OUTPUTS: &str = r#"{
  "apps": {
    "sensitive": false,
    "type": ["object", { "eastus": "string", "westus": "string" }],
    "value": { "eastus": "app-web-eastus", "westus": "app-web-westus" }
  },
  "group": { "sensitive": false, "type": "string", "value": "rg-web" },
  "password": { "sensitive": true, "type": "string", "value": "hunter2" },
  "subscription": { "sensitive": false, "type": "string", "value": "sub-web" }
}
"#;

const RUN: &str = "execute eastus westus --runbook web.yaml --simulate --yes";

/// A folder with a runbook, beside a root module that puts out what a file says.
struct Project {
    desk: Desk,
    folder: tempfile::TempDir,
    path: String,
}

impl Project {
    fn new(runbook: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("infra/live")).unwrap();
        std::fs::write(folder.path().join("web.yaml"), runbook).unwrap();
        let stand_ins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-ins");
        Self { desk: Desk::new(), folder, path: format!("{stand_ins}:/usr/bin:/bin") }
    }

    fn with(file: &str, text: &str) -> Self {
        let project = Self::new(RUNBOOK);
        project.put(file, text);
        project
    }

    fn put(&self, file: &str, text: &str) {
        std::fs::write(self.module().join(file), text).unwrap();
    }

    fn module(&self) -> PathBuf {
        self.folder.path().join("infra/live")
    }

    /// Nothing is installed any more.
    fn bare(mut self) -> Self {
        self.path = self.module().display().to_string();
        self
    }

    fn call(&self, arguments: &str) -> Called {
        let mut command = self.desk.command(arguments);
        command.current_dir(self.folder.path()).env("PATH", &self.path).stdin(Stdio::null());
        Called::from(command.output().unwrap())
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.desk.last_run().join("report.md")).unwrap()
    }
}

/// All files of a folder, whole.
fn everything(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &everything(&path);
        } else {
            all += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn a_run_takes_its_names_from_outputs_and_tells_what_will_be_changed_back() {
    let project = Project::with("outputs.json", OUTPUTS);
    let called = project.call(RUN);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let apply = "an apply of Terraform may undo this run: see the report";
    assert!(called.stdout.contains(apply), "{}", called.stdout);
    let report = project.report();
    let section = report.split("## What Terraform").nth(1).unwrap().split("## ").next().unwrap();
    assert_data_eq!(
        section,
        str![[r#"
 will want to change back

Terraform in `infra/live` names resources of this run, and was not asked about them. An apply there may undo what follows, unless the configuration says by then what is so now; `terraform -chdir=infra/live plan` tells.

| resources | what was changed |
| --- | --- |
| `app-web-eastus` | app-web-eastus: Running → Stopped |
| `app-web-westus` | app-web-westus: Stopped → Running |


"#]]
    );
    let kept = everything(project.desk.state());
    assert!(kept.contains("/resourceGroups/rg-web/") && kept.contains("sub-web"));
    // A secret that nothing refers to gets nowhere either.
    assert!(!(kept + &called.stdout + &called.stderr).contains("hunter2"));
}

#[test]
fn a_plan_and_a_dry_run_say_where_names_come_from() {
    let project = Project::with("outputs.json", OUTPUTS);
    let says = "names come from Terraform in infra/live\n";
    for arguments in [
        "plan eastus westus --runbook web.yaml",
        "execute eastus westus --runbook web.yaml --simulate --dry-run",
    ] {
        let called = project.call(arguments);
        assert!(called.stdout.contains(says), "{}", called.stdout);
        assert!(called.stdout.contains("app-web-eastus"), "{}", called.stdout);
    }
}

#[test]
fn open_tofu_is_asked_where_it_is_named() {
    let project = Project::new(&RUNBOOK.replace("terraform:", "opentofu:"));
    project.put("outputs.json", OUTPUTS);
    let called = project.call("plan eastus westus --runbook web.yaml");
    assert!(
        called.stdout.contains("names come from OpenTofu in infra/live\n"),
        "{}",
        called.stdout
    );
    let failed = "Error: No state\n";
    project.put("error.txt", failed);
    let refused = project.call("execute eastus westus --runbook web.yaml --yes");
    assert!(
        refused.stderr.contains("`tofu output` failed\n       Error: No state\n"),
        "{}",
        refused.stderr
    );
}

#[test]
fn without_terraform_a_check_passes_a_rehearsal_makes_names_up_and_a_live_run_is_refused() {
    let project = Project::new(RUNBOOK).bare();
    let checked = project.call("validate web.yaml");
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let planned = project.call("plan eastus westus --runbook web.yaml");
    assert_eq!(planned.code, Some(0), "{}", planned.stderr);
    let head: Vec<_> = planned.stdout.lines().skip(1).take(6).collect();
    assert_data_eq!(
        head.join("\n"),
        str![[r#"
offline: no cloud was asked, so what is already done is not known
vars.apps.eastus is not set: its value here is made up
vars.apps.westus is not set: its value here is made up
vars.subscription is not set: its value here is made up
vars.group is not set: its value here is made up
no names were read from Terraform in infra/live: `terraform` is not on the PATH
"#]]
    );
    let rehearsed = project.call(RUN);
    assert_eq!(rehearsed.code, Some(0), "{}", rehearsed.stderr);
    let live = project.call("execute eastus westus --runbook web.yaml --yes");
    assert_eq!(live.code, Some(3), "{}", live.stdout);
    assert_data_eq!(
        live.stderr,
        str![[r#"
error: the outputs of Terraform cannot be read: `terraform` is not on the PATH
 --> web.yaml:4:25
  |
4 | vars_from: { terraform: infra/live }
  |                         ^^^^^^^^^^
hint: install Terraform
hint: or give each name that is needed of them: --var NAME=…

error: a mistake in web.yaml: nothing was done

"#]]
    );
}

#[test]
fn a_live_run_tells_why_outputs_cannot_be_read() {
    let live = "execute eastus westus --runbook web.yaml --yes";
    // What Terraform 1.11 says before `terraform init`.
    let error = "\nError: Backend initialization required, please run \"terraform init\"\n\n\
                 Reason: Initial configuration of the requested backend \"s3\"\n\n\
                 The \"backend\" is the interface that Terraform uses to store state,\n\
                 perform operations, etc. If this message is showing up, it means that the\n";
    assert_data_eq!(
        Project::with("error.txt", error).call(live).stderr,
        str![[r#"
error: the outputs of Terraform cannot be read: `terraform output` failed
       Error: Backend initialization required, please run "terraform init"
       Reason: Initial configuration of the requested backend "s3"
       The "backend" is the interface that Terraform uses to store state,
       perform operations, etc. If this message is showing up, it means that the
 --> web.yaml:4:25
  |
4 | vars_from: { terraform: infra/live }
  |                         ^^^^^^^^^^
hint: try it: terraform -chdir=infra/live output
hint: or give each name that is needed of them: --var NAME=…

error: a mistake in web.yaml: nothing was done

"#]]
    );
    let odd = Project::with("outputs.json", "hunter2\n").call(live);
    assert_eq!(odd.code, Some(3));
    let why = "`terraform output -json` printed no JSON: line 1, column 1";
    assert!(odd.stderr.contains(why) && !odd.stderr.contains("hunter2"), "{}", odd.stderr);
    let nowhere = Project::new(&RUNBOOK.replace("infra/live", "infra/dead")).call(live);
    assert!(nowhere.stderr.contains("there is no folder infra/dead"), "{}", nowhere.stderr);
}

#[test]
fn names_that_are_given_need_no_terraform() {
    let flat = RUNBOOK.replace("vars.apps.", "vars.");
    let project = Project::new(&flat).bare();
    let names = "eastus=app-e\nwestus=app-w\nsubscription=s\ngroup=g\n";
    std::fs::write(project.folder.path().join("names"), names).unwrap();
    let given = "--runbook web.yaml --var-file names --var westus=app-typed";
    let called = project.call(&format!("execute eastus westus {given} --simulate --yes"));
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let plan = std::fs::read_to_string(project.desk.last_run().join("plan.json")).unwrap();
    assert!(plan.contains("\"app-typed\"") && plan.contains("\"made_up\":[]"), "{plan}");
    // A live one gets as far as signing in.
    let live = project.call(&format!("execute eastus westus {given} --yes"));
    assert_eq!(live.code, Some(4), "{}", live.stderr);
    assert!(live.stderr.contains("error: cannot sign in as"), "{}", live.stderr);
}

#[test]
#[ignore = "it needs `terraform`: `tests/run` runs it where that is installed"]
fn what_terraform_itself_puts_out_is_read() {
    let project =
        Project::new(&RUNBOOK.replace("vars.group }}", "vars.group }}-${{ vars.number }}"));
    let module = r#"
output "apps" { value = { for region in ["eastus", "westus"] : region => "app-web-${region}" } }
output "group" { value = "rg-web" }
output "number" { value = 7 }
output "nothing" { value = null }
output "subscription" { value = "sub-web" }
output "password" {
  value     = "hunter2"
  sensitive = true
}
"#;
    project.put("main.tf", module);
    #[expect(clippy::disallowed_methods, reason = "it is wherever it was installed")]
    let path = std::env::var("PATH").unwrap();
    let terraform = |arguments: &[&str]| {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(project.module()).env_clear();
        let command = command.env("PATH", &path).env("CHECKPOINT_DISABLE", "1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    terraform(&["init"]);
    terraform(&["apply", "-auto-approve"]);
    let project = Project { path, ..project };
    let called = project.call(RUN);
    assert_eq!(called.code, Some(0), "{}", called.stderr);
    let kept = everything(project.desk.state());
    assert!(kept.contains("/resourceGroups/rg-web-7/") && kept.contains("app-web-eastus"));
    assert!(!(kept + &called.stdout + &called.stderr).contains("hunter2"));
    let backend = "terraform {\n  backend \"s3\" {}\n}\n";
    project.put("backend.tf", backend);
    let refused = project.call("execute eastus westus --runbook web.yaml --yes");
    assert_eq!(refused.code, Some(3), "{}", refused.stdout);
    assert!(refused.stderr.contains("Error: Backend "), "{}", refused.stderr);
}
