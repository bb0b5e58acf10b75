//! Forms and XML, read as a shape says.

use super::shape::{LEFT_OUT, Shapes, kind};
use failover::wire::Element;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// Where XML comes from. The items of a form's lists bear numbers; the members of a document's structures stand in the
/// model's order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Form,
    Document,
    Answer,
}

impl Shapes {
    pub(super) fn read(
        &self,
        shape: &Value,
        element: &Element,
        origin: Origin,
    ) -> Result<Value, String> {
        let (shape, name) = (self.get(shape), &element.name);
        let is_compound = ["members", "list", "map"].iter().any(|part| shape.get(part).is_some());
        if is_compound && !element.text.trim().is_empty() {
            return Err(format!("{name} holds the text `{}`", element.text));
        }
        let within = |why| format!("{name}.{why}");
        if let Some(members) = shape["members"].as_object() {
            return self.read_members(members, element, origin).map_err(within);
        }
        if let Some(item) = shape.get("list") {
            let meant = item_name(shape["name"].as_str().unwrap_or("member"), origin);
            let read = |child: &Element| {
                if child.name == meant {
                    self.read(item, child, origin).map_err(within)
                } else {
                    Err(format!("{name} holds `{}` instead of `{meant}`", child.name))
                }
            };
            let items: Result<Vec<_>, _> = element.children.iter().map(read).collect();
            return items.map(Value::from);
        }
        if let Some(item) = shape.get("map") {
            let names = [&item_name("entry", origin), "key", "value"];
            let entry = |entry: &Element| match &entry.children[..] {
                [key, value] if [&entry.name, &key.name, &value.name] == names => {
                    Ok((key.text.clone(), self.read(item, value, origin).map_err(within)?))
                }
                _ => Err(format!("{name} holds `{entry}`, no entry of a map")),
            };
            let entries: Result<Map<_, _>, _> = element.children.iter().map(entry).collect();
            return entries.map(Value::from);
        }
        match element.children.first() {
            Some(_) if kind(shape) == LEFT_OUT => Err(format!("{name} is left out of the excerpt")),
            Some(child) => Err(format!("{name} holds `{}` instead of a text", child.name)),
            None => Ok(scalar(kind(shape), &element.text)),
        }
    }

    fn read_members(
        &self,
        members: &Map<String, Value>,
        element: &Element,
        origin: Origin,
    ) -> Result<Value, String> {
        let (mut object, mut furthest) = (Map::new(), 0);
        for child in &element.children {
            let name = &child.name;
            let is_it = |(key, member): (&String, &Value)| key == name && member["in"].is_null();
            let place =
                members.iter().position(is_it).ok_or(format!("{name} is not in the model"))?;
            if origin == Origin::Document && place < furthest {
                return Err(format!("{name} stands behind what follows it in the model"));
            }
            furthest = place;
            let value = self.read(&members[name], child, origin)?;
            if object.insert(name.clone(), value).is_some() {
                return Err(format!("{name} is there twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// Numbers are told from names by what stands for them in a tree.
fn item_name(name: &str, origin: Origin) -> String {
    if origin == Origin::Form { format!("{name}.N") } else { name.to_owned() }
}

/// What a text stands for; the text itself when it is none of its kind.
pub(super) fn scalar(kind: &str, text: &str) -> Value {
    let read = match kind {
        "integer" | "long" => text.parse::<i64>().map(Value::from).ok(),
        "float" | "double" => text.parse::<f64>().map(Value::from).ok(),
        "boolean" => text.parse::<bool>().map(Value::from).ok(),
        "timestamp" if text.ends_with('Z') => {
            text.parse::<Timestamp>().map(|at| Value::from(at.as_second())).ok()
        }
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}
