//! The forms of the Query protocol, as the trees that they stand for (Smithy, "AWS query protocol").

use failover::wire::Element;

/// `A.member.1.B=x` is `<A><member.N><B>x</B></member.N></A>`: `N` says that there was a number.
pub(super) fn tree(pairs: &[(String, String)]) -> Result<Element, String> {
    let mut root = Element::new("sent");
    for (key, text) in pairs {
        let mut node = &mut root;
        for name in key.split('.') {
            let known = node.children.iter().position(|child| child.name == name);
            let place = known.unwrap_or_else(|| {
                node.children.push(Element::new(name));
                node.children.len() - 1
            });
            node = &mut node.children[place];
        }
        if !node.text.is_empty() || !node.children.is_empty() {
            return Err(format!("`{key}` is there twice"));
        }
        node.text.clone_from(text);
    }
    let [root] = <[Element; 1]>::try_from(unfold(root)?).map_err(|_| "the form is a list")?;
    Ok(root)
}

/// Numbered children are so many elements of the parent's name, beside each other.
fn unfold(node: Element) -> Result<Vec<Element>, String> {
    let Element { name, text, mut children } = node;
    let number = |child: &Element| child.name.parse::<usize>().ok();
    if !children.iter().any(|child| number(child).is_some()) {
        let children = children.into_iter().map(unfold).collect::<Result<Vec<_>, _>>()?;
        return Ok(vec![Element { name, text, children: children.concat() }]);
    }
    children.sort_by_key(number);
    if !children.iter().map(number).eq((1..=children.len()).map(Some)) {
        let numbers: Vec<_> = children.iter().map(|child| child.name.as_str()).collect();
        return Err(format!("`{name}` is not numbered from 1 on without a gap: {numbers:?}"));
    }
    let named = |child| unfold(Element { name: format!("{name}.N"), ..child });
    Ok(children.into_iter().map(named).collect::<Result<Vec<_>, _>>()?.concat())
}
