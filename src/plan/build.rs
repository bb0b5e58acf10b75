//! A runbook, two regions and a mode to a plan.

use super::{ActionWork, NamesFrom, Plan, Step, VERSION, Watch, Work};
use crate::{
    action::{Catalogue, Shape},
    model::{ActionName, Diagnostic, Mode, Node, Region, Resource, SecretSource, StepId, Value},
    runbook::{
        Env, Files, Found, Invent, Mistakes, OnFailure, Order, Outputs, Outside, Resolved,
        ResolvedAction, Resolver, Runbook, Tables, Way, plain_value,
    },
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

/// What the operator chose, and what is around the runbook.
pub struct Choice<'a> {
    pub from: &'a str,
    pub to: &'a str,
    /// The runbook's default when it is not given.
    pub mode: Option<Mode>,
    /// Values for the runbook's variables, by name.
    pub vars: Vec<(String, String)>,
    pub env: Env<'a>,
    /// Asked only for a runbook that names a root module.
    pub outputs: Outputs<'a>,
    /// Whether values are made up for what is not set or cannot be read, as a simulated run may; the plan lists them.
    pub made_up_env: bool,
    pub files: Files<'a>,
    pub catalogue: Catalogue,
}

/// Makes a plan, or says everything that is in the way of one.
pub fn build(runbook: &Runbook, choice: &Choice<'_>) -> Result<Plan, Mistakes> {
    let mut found = Found::default();
    let mistakes =
        |found: Found| Mistakes { source: runbook.source.clone(), found: found.into_list() };
    check_regions(runbook, choice, &mut found);
    let made_up = MadeUp::default();
    let env =
        |name: &str| (choice.env)(name).or_else(|| choice.made_up_env.then(|| made_up.value(name)));
    let output = |path: &str| made_up.value(&format!("vars.{path}"));
    let output: Option<Invent<'_>> = if choice.made_up_env { Some(&output) } else { None };
    let outside = Outside::read(runbook.vars_from.as_ref(), choice.outputs, output);
    outside.twice(&runbook.vars).into_iter().for_each(|twice| found.add(twice));
    let vars = chosen_vars(runbook, choice, &outside, &mut found);
    if !found.is_empty() {
        return Err(mistakes(found));
    }
    let order = Order::of(runbook, &mut found);
    let tables = Tables::of(runbook, Some(&env), (&vars, &outside), &mut found);
    let blind = Tables::blind(runbook, &vars);
    let mode = choice.mode.unwrap_or(runbook.default_mode);
    let resolver = Resolver {
        runbook,
        order: &order,
        tables: &tables,
        blind: &blind,
        way: Way { from: choice.from, to: choice.to, mode },
        env: Some(&env),
        files: choice.files,
        catalogue: choice.catalogue,
    };
    let mut steps = steps(&resolver, &mut found);
    mark_made(&mut steps);
    let watch = watch(&resolver, &mut found);
    if !found.is_empty() {
        return Err(mistakes(found));
    }
    Ok(Plan {
        version: VERSION,
        runbook: runbook.name.clone(),
        summary: runbook.summary.clone(),
        path: runbook.source.path.clone(),
        from: Region::new(choice.from),
        to: Region::new(choice.to),
        mode,
        lock: runbook.lock.clone(),
        afterwards: runbook
            .afterwards
            .as_ref()
            .map(|file| beside(&runbook.source.path, &file.text)),
        serving: runbook.serving,
        objectives: runbook.objectives.clone(),
        azure_credential: runbook.azure.credential.clone(),
        secrets: secrets(runbook, choice.catalogue, &steps),
        watch,
        steps,
        made_up: made_up.0.take(),
        names_from: names_from(runbook, &outside),
    })
}

/// Where the secrets are kept that these steps use. A file stands beside the runbook.
fn secrets(
    runbook: &Runbook,
    catalogue: Catalogue,
    steps: &[Step],
) -> BTreeMap<String, SecretSource> {
    let named = |work: &ActionWork| {
        let parameters =
            catalogue.get(work.action.as_str()).map_or(&[][..], |kind| kind.parameters);
        let given = |shape| {
            let of_shape = parameters.iter().filter(move |parameter| parameter.shape == shape);
            of_shape.filter_map(|parameter| work.with.get(parameter.name))
        };
        let maps = given(Shape::Secrets).flat_map(Node::entries).map(|(_, node)| node);
        let names = given(Shape::Secret).chain(maps).filter_map(Node::as_text);
        names.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let used: BTreeSet<_> = steps.iter().filter_map(Step::action).flat_map(named).collect();
    let kept = runbook.secrets.iter().filter(|(key, _)| used.contains(&key.text));
    kept.map(|(key, source)| {
        let source = match source {
            SecretSource::File(file) => SecretSource::File(beside(&runbook.source.path, file)),
            other => other.clone(),
        };
        (key.text.clone(), source)
    })
    .collect()
}

fn watch(resolver: &Resolver<'_>, found: &mut Found) -> Vec<Watch> {
    let watch = resolver.watch(found).into_iter();
    watch
        .map(|(watched, url)| Watch {
            name: watched.name.clone(),
            url,
            every: watched.every,
            contains: watched.contains.clone(),
        })
        .collect()
}

fn names_from(runbook: &Runbook, outside: &Outside<'_>) -> Option<NamesFrom> {
    let from = runbook.vars_from.as_ref()?;
    let folder = beside(&runbook.source.path, &from.folder.text);
    Some(NamesFrom { tool: from.tool, folder, unread: outside.unread() })
}

/// The path of what stands beside the runbook.
fn beside(runbook: &str, file: &str) -> String {
    std::path::Path::new(runbook).with_file_name(file).display().to_string()
}

fn check_regions(runbook: &Runbook, choice: &Choice<'_>, found: &mut Found) {
    let known = || runbook.regions();
    for name in [choice.from, choice.to] {
        if !known().any(|known| known == name) {
            let listed = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("`{name}` is not a region of this runbook, which has {listed}");
            found.add(Diagnostic::whole_file(message).did_you_mean(name, known()));
        }
    }
    if choice.from == choice.to && found.is_empty() {
        let message = format!("`{}` cannot fail over to itself", choice.from);
        found.add(Diagnostic::whole_file(message));
    }
}

/// The values that the operator gave, each of the kind that the runbook's own value or the output has.
fn chosen_vars(
    runbook: &Runbook,
    choice: &Choice<'_>,
    outside: &Outside<'_>,
    found: &mut Found,
) -> Vec<(String, Node)> {
    let mut chosen = Vec::new();
    for (name, text) in &choice.vars {
        let has_value = |own: &&Node| own.value != Value::Null;
        let own = runbook.vars.get(name);
        let own = match (own.filter(has_value), outside.like(name)) {
            (None, Some(Err(diagnostic))) => {
                found.add(diagnostic);
                continue;
            }
            (None, Some(Ok(output))) => Some(output),
            _ => own.cloned(),
        };
        let Some(own) = own else {
            let known = runbook.vars.entries().iter().map(|(key, _)| key.text.as_str());
            let known = known.chain(outside.names());
            let message = format!("there is no variable `{name}` in this runbook");
            found.add(Diagnostic::whole_file(message).did_you_mean(name, known));
            continue;
        };
        let plain = plain_value(text);
        let value = match (&own.value, plain) {
            (Value::Text(_) | Value::Null, _) => Value::Text(text.clone()),
            (own, Some(plain)) if std::mem::discriminant(own) == std::mem::discriminant(&plain) => {
                plain
            }
            _ => {
                let message = format!("`{name}` must be {}, not `{text}`", own.describe());
                found.add(Diagnostic::at(own.span, message));
                continue;
            }
        };
        chosen.push((name.clone(), Node::new(value, own.span)));
    }
    chosen
}

/// What values were made up for.
#[derive(Default)]
struct MadeUp(RefCell<Vec<String>>);

impl MadeUp {
    fn value(&self, name: &str) -> String {
        let mut names = self.0.borrow_mut();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        invented(name)
    }
}

/// A value that cannot be mistaken for a real one.
fn invented(name: &str) -> String {
    let name = name.strip_prefix("vars.").unwrap_or(name).to_uppercase();
    let words = format!("made-up-{}", name.to_lowercase().replace(['_', '.'], "-"));
    match name.rsplit(['_', '.', '-']).next() {
        // AWS numbers its accounts.
        Some("ID") if name.ends_with("ACCOUNT_ID") => "000000000000".to_owned(),
        Some("ID") => "00000000-0000-0000-0000-000000000000".to_owned(),
        Some("URL" | "URI") => format!("https://{words}.example"),
        _ => words,
    }
}

fn steps(resolver: &Resolver<'_>, found: &mut Found) -> Vec<Step> {
    let order = resolver.order;
    let removed = resolver.removed(false, found);
    let needs = order.without(&removed);
    let id = |at: usize| StepId::new(&order.steps[at].step.id.text);
    let mut steps = Vec::new();
    let (mut number, mut child) = (0, 0);
    for (at, placed) in order.steps.iter().enumerate().filter(|(at, _)| !removed[*at]) {
        if placed.group.is_some() {
            child += 1;
        } else {
            (number, child) = (number + 1, 0);
        }
        let Resolved { title, confirm, on_failure, waive, timeout, action } =
            resolver.step(at, &removed, found);
        let work = match action {
            Some(action) => Work::Action(Box::new(work(action, timeout))),
            None => Work::Group {
                children: (at + 1..=at + placed.step.children().len())
                    .filter(|child| !removed[*child])
                    .map(id)
                    .collect(),
            },
        };
        steps.push(Step {
            id: id(at),
            number: format!("{number}{}", letters(child)),
            title,
            work,
            needs: needs[at].iter().map(|need| id(*need)).collect(),
            group: placed.group.map(id),
            confirm,
            // What cannot be read was reported, and no plan is made.
            on_failure: on_failure.unwrap_or(OnFailure::Stop),
            waive,
            is_finally: placed.is_finally,
        });
    }
    steps
}

fn work(resolved: ResolvedAction, timeout: Option<Duration>) -> ActionWork {
    let ResolvedAction { kind, with, touches, planes } = resolved;
    let times = kind.times(&with);
    ActionWork {
        action: ActionName::new(kind.name),
        with,
        touches,
        planes,
        effect: kind.effect,
        proves_service: kind.proves_service,
        mark_valid_for: kind.mark_valid_for,
        usual: times.usual,
        shows_within: kind.shows_within,
        timeout: timeout.unwrap_or(times.deadline),
    }
}

/// What one step makes need not be there before, whichever other steps touch it.
fn mark_made(steps: &mut [Step]) {
    let name = |it: &Resource| (it.kind.clone(), it.owner.clone(), it.name.clone());
    let touches = steps.iter().filter_map(Step::action).flat_map(|work| &work.touches);
    let made: HashSet<_> = touches.filter(|it| it.made_by_the_run).map(name).collect();
    for step in steps {
        if let Work::Action(work) = &mut step.work {
            for touched in &mut work.touches {
                touched.made_by_the_run |= made.contains(&name(touched));
            }
        }
    }
}

/// Nothing, `a` to `z`, `aa`, `ab` …
fn letters(mut count: usize) -> String {
    let mut letters = Vec::new();
    while count > 0 {
        count -= 1;
        letters.push(char::from(b'a' + u8::try_from(count % 26).unwrap_or_default()));
        count /= 26;
    }
    letters.iter().rev().collect()
}
