//! XML as a tree of elements, which keeps all that it was read from: what a caller does not know is written back.

use quick_xml::{
    Reader,
    escape::{escape, unescape},
    events::Event,
};
use std::fmt::{self, Display};

/// One element. Its name has no prefix; of its attributes, comments and processing instructions nothing is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Self>,
}

impl Element {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    pub fn with_text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::new(name) }
    }

    #[must_use]
    pub fn with(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// Reads a document. `None` when it is none, or breaks off.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    let name =
                        std::str::from_utf8(start.local_name().into_inner()).ok()?.to_owned();
                    open.push(Self::new(name));
                }
                Event::Empty(empty) => {
                    let name = std::str::from_utf8(empty.local_name().into_inner()).ok()?;
                    open.last_mut()?.children.push(Self::new(name));
                }
                Event::End(_) => {
                    let mut done = open.pop()?;
                    if !done.children.is_empty() {
                        done.text.clear();
                    }
                    open.last_mut()?.children.push(done);
                }
                Event::Text(text) => {
                    let text = text.decode().ok()?;
                    open.last_mut()?.text.push_str(&unescape(&text).ok()?);
                }
                Event::GeneralRef(name) => {
                    let name = name.decode().ok()?;
                    let text = format!("&{name};");
                    open.last_mut()?.text.push_str(&unescape(&text).ok()?);
                }
                Event::CData(data) => {
                    open.last_mut()?.text.push_str(std::str::from_utf8(&data).ok()?);
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        let [root] = &mut open[..] else { return None };
        root.children.pop().filter(|_| root.children.is_empty())
    }

    pub fn get(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The child at the end of a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.get(name))
    }

    /// The text of a child, when it has any.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// The children of a child: the members of a list.
    pub fn members(&self, name: &str) -> &[Self] {
        self.get(name).map(|list| list.children.as_slice()).unwrap_or_default()
    }

    /// The first element of this name, wherever it stands.
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(name))
    }

    /// Sets the text of a child that is there.
    pub fn set(&mut self, name: &str, text: impl Into<String>) {
        if let Some(child) = self.children.iter_mut().find(|child| child.name == name) {
            child.text = text.into();
        }
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        write!(f, "<{name}>{}", escape(&self.text))?;
        self.children.iter().try_for_each(|child| child.fmt(f))?;
        // A name may be followed by attributes, such as a namespace.
        write!(f, "</{}>", name.split(' ').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_back() {
        let text = "<a><b>1 &lt; 2 &amp; 3</b><c><d>x</d><d></d></c></a>";
        assert_eq!(Element::read(text).unwrap().to_string(), text);
    }

    #[test]
    fn names_lose_their_prefix_and_space_between_elements_is_nothing() {
        let text =
            "<?xml version=\"1.0\"?>\n<x:a xmlns:x=\"u\">\n  <x:b/> <c>&#x41;\n</c>\n</x:a>\n";
        let root = Element::read(text).unwrap();
        assert_eq!((root.name.as_str(), root.text.as_str()), ("a", ""));
        assert_eq!(root.text_of("c"), Some("A"));
        assert_eq!(root.get("b"), Some(&Element::new("b")));
    }

    #[test]
    fn what_breaks_off_is_nothing() {
        for text in ["", "<a>", "<a><b></a>", "<a></a><b></b>", "no XML", "<a>&nobody;</a>"] {
            assert_eq!(Element::read(text), None, "{text}");
        }
    }
}
