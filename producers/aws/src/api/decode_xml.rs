//! Reads the XML answers of the `query`, `ec2` and `rest-xml` protocols in one pass.

use std::borrow::Cow;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::{Map, Value};

use super::model::{Kind, Member, Operation, Protocol, Service, Shape, Structure};
use super::scalar::{self, ScalarError};

/// How deep elements may lie in each other, those that nobody reads too.
const ELEMENTS_DEPTH_MAX: usize = 100;

/// What is wrong with an XML answer.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// It is not well-formed.
    #[error("not well-formed XML")]
    Syntax(#[from] quick_xml::Error),
    /// It ends in the middle, or is empty.
    #[error("the XML is cut off")]
    CutOff,
    /// Its root is another one: HTML, an error, the answer of another operation.
    #[error("the root element is {found}, not {expected}")]
    Root {
        /// What it is.
        found: String,
        /// What the model says.
        expected: String,
    },
    /// The element with the result is missing.
    #[error("element {0} is missing")]
    Missing(String),
    /// Elements lie in each other without end.
    #[error("its elements lie in each other deeper than {ELEMENTS_DEPTH_MAX}")]
    Deep,
    /// Something follows the root element.
    #[error("there is more after the root element")]
    Trailing,
    /// An entity that XML does not define.
    #[error("unknown entity {0}")]
    Entity(String),
    /// A text that is not the value it should be.
    #[error("{member}")]
    Scalar {
        /// The element's name.
        member: String,
        /// Why.
        #[source]
        source: ScalarError,
    },
}

/// Reads a whole answer into the document that boto3 gives.
///
/// Shape: `output` is the structure under the root (or under the result element); members that
/// the model does not have are left out. Errors: anything that is not one whole document with the
/// operation's root element.
pub(super) fn decode(
    service: &Service,
    operation: &Operation,
    output: usize,
    body: &[u8],
) -> Result<Value, XmlError> {
    let mut xml = Xml::new(service, body);
    let root = xml.root()?;
    check_root(service.protocol, operation, &root)?;
    let document = if let Some(member) = &operation.root_text {
        let text = xml.text()?;
        // An empty root says null, which boto3 keeps.
        let text = if text.is_empty() { Value::Null } else { Value::from(text) };
        Value::Object(Map::from_iter([(member.clone(), text)]))
    } else if let Some(wrapper) = &operation.wrapper {
        let start = xml.child(wrapper)?;
        let document = xml.value(Kind::Shape(output), &start)?;
        xml.rest_of_element()?;
        document
    } else {
        xml.value(Kind::Shape(output), &root)?
    };
    xml.end()?;
    Ok(document)
}

/// Reads `Code` and `Message` of an error document, whatever surrounds its `Error` element.
///
/// Source: `ErrorResponse/Error` (query), `Response/Errors/Error` (ec2), `Error` (s3).
pub(super) fn error_members(body: &[u8]) -> Map<String, Value> {
    let mut reader = Reader::from_reader(body);
    let mut path: Vec<String> = Vec::new();
    let mut out: Map<String, Value> = Map::new();
    while let Ok(event) = reader.read_event() {
        let text = match event {
            Event::Start(_) if path.len() == ELEMENTS_DEPTH_MAX => break,
            Event::Start(start) => {
                path.push(local_name(&start).into_owned());
                continue;
            }
            Event::End(_) => {
                path.pop();
                continue;
            }
            Event::Text(text) => text.decode().unwrap_or_default().into_owned(),
            Event::CData(text) => text.decode().unwrap_or_default().into_owned(),
            Event::GeneralRef(entity) => resolve(&entity).unwrap_or_default(),
            Event::Eof => break,
            _ => continue,
        };
        if let [.., parent, name] = path.as_slice()
            && parent == "Error"
        {
            match out.entry(name.clone()).or_insert_with(|| Value::from("")) {
                Value::String(known) => known.push_str(&text),
                _ => continue,
            }
        }
    }
    out
}

/// Fails when the root element is not the operation's.
///
/// An answer named after the operation is taken from S3 too: some S3 servers write it so.
fn check_root(
    protocol: Protocol,
    operation: &Operation,
    root: &BytesStart<'_>,
) -> Result<(), XmlError> {
    let found = local_name(root);
    let response = format!("{}Response", operation.name);
    if found == response || operation.roots.iter().any(|name| *name == found) {
        return Ok(());
    }
    let expected = match protocol {
        Protocol::RestXml => operation.roots.first().unwrap_or(&response).clone(),
        _ => response,
    };
    Err(XmlError::Root { found: found.into_owned(), expected })
}

struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    service: &'a Service,
    /// How many elements are open.
    depth: usize,
}

impl<'a> Xml<'a> {
    fn new(service: &'a Service, body: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(body);
        // `<groupSet/>` is the empty list that `<groupSet></groupSet>` is.
        reader.config_mut().expand_empty_elements = true;
        Self { reader, service, depth: 0 }
    }

    /// Gives the next event; the end of the text, which no caller awaits, is an error.
    fn next(&mut self) -> Result<Event<'a>, XmlError> {
        let event = self.reader.read_event()?;
        match event {
            Event::Eof => return Err(XmlError::CutOff),
            Event::Start(_) if self.depth == ELEMENTS_DEPTH_MAX => return Err(XmlError::Deep),
            Event::Start(_) => self.depth += 1,
            // The reader refuses an end without a beginning.
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Ok(event)
    }

    fn root(&mut self) -> Result<BytesStart<'a>, XmlError> {
        loop {
            match self.next()? {
                Event::Start(start) => return Ok(start),
                Event::Text(text) if !text.iter().all(u8::is_ascii_whitespace) => {
                    return Err(XmlError::Root { found: "text".into(), expected: "XML".into() });
                }
                _ => {}
            }
        }
    }

    /// Finds a child of the open element.
    fn child(&mut self, name: &str) -> Result<BytesStart<'a>, XmlError> {
        loop {
            match self.next()? {
                Event::Start(start) if local_name(&start) == name => return Ok(start),
                Event::Start(_) => self.rest_of_element()?,
                Event::End(_) => return Err(XmlError::Missing(name.to_owned())),
                _ => {}
            }
        }
    }

    /// Reads to the end of the open element.
    fn rest_of_element(&mut self) -> Result<(), XmlError> {
        let around = self.depth - 1;
        while self.depth > around {
            self.next()?;
        }
        Ok(())
    }

    /// Fails when anything but white space and comments follows.
    fn end(&mut self) -> Result<(), XmlError> {
        loop {
            match self.reader.read_event()? {
                Event::Eof => return Ok(()),
                Event::Comment(_) | Event::PI(_) => {}
                Event::Text(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                _ => return Err(XmlError::Trailing),
            }
        }
    }

    /// Reads the content of an element that was just opened.
    fn value(&mut self, kind: Kind, start: &BytesStart<'a>) -> Result<Value, XmlError> {
        let service = self.service;
        let shape = match kind {
            Kind::Scalar(kind) => {
                let text = self.text()?;
                return scalar::parse(&text, kind).map_err(|source| in_member(start, source));
            }
            Kind::Shape(position) => &service.shapes[position],
        };
        match shape {
            Shape::Structure(structure) => self.structure(structure, start),
            Shape::List { element, flattened: true } => {
                Ok(Value::Array(vec![self.value(element.target, start)?]))
            }
            Shape::List { element, .. } => {
                let mut out = Vec::new();
                while let Some(start) = self.next_child()? {
                    out.push(self.value(element.target, &start)?);
                }
                Ok(Value::Array(out))
            }
            Shape::Map { key, value, flattened } => {
                let mut out = Map::new();
                if *flattened {
                    self.entry(key, value, &mut out)?;
                } else {
                    while self.next_child()?.is_some() {
                        self.entry(key, value, &mut out)?;
                    }
                }
                Ok(Value::Object(out))
            }
        }
    }

    /// Gives the next child element, or none at the end of the open element.
    fn next_child(&mut self) -> Result<Option<BytesStart<'a>>, XmlError> {
        loop {
            match self.next()? {
                Event::Start(start) => return Ok(Some(start)),
                Event::End(_) => return Ok(None),
                _ => {}
            }
        }
    }

    fn structure(
        &mut self,
        structure: &'a Structure,
        start: &BytesStart<'a>,
    ) -> Result<Value, XmlError> {
        let mut out = Map::new();
        for member in structure.members.iter().filter(|member| member.attribute) {
            if let Some(value) = attribute(start, member)? {
                out.insert(member.name.clone(), value);
            }
        }
        while let Some(child) = self.next_child()? {
            match structure.by_wire.get(local_name(&child).as_ref()) {
                Some(&position) => self.member(&structure.members[position], &child, &mut out)?,
                // boto3 drops what its model does not have, so our documents do.
                None => self.rest_of_element()?,
            }
        }
        Ok(Value::Object(out))
    }

    fn member(
        &mut self,
        member: &'a Member,
        start: &BytesStart<'a>,
        out: &mut Map<String, Value>,
    ) -> Result<(), XmlError> {
        let service = self.service;
        let shape = match member.target {
            Kind::Shape(position) => Some(&service.shapes[position]),
            Kind::Scalar(_) => None,
        };
        match shape {
            Some(Shape::List { element, flattened }) if *flattened || member.flattened => {
                let item = self.value(element.target, start)?;
                match out.get_mut(&member.name) {
                    Some(Value::Array(items)) => items.push(item),
                    _ => drop(out.insert(member.name.clone(), Value::Array(vec![item]))),
                }
            }
            Some(Shape::Map { key, value, flattened }) if *flattened || member.flattened => {
                let mut entries = match out.remove(&member.name) {
                    Some(Value::Object(entries)) => entries,
                    _ => Map::new(),
                };
                self.entry(key, value, &mut entries)?;
                out.insert(member.name.clone(), Value::Object(entries));
            }
            _ => {
                let value = self.value(member.target, start)?;
                out.insert(member.name.clone(), value);
            }
        }
        Ok(())
    }

    /// Reads the key and the value of an open map entry.
    fn entry(
        &mut self,
        key: &Member,
        value: &Member,
        out: &mut Map<String, Value>,
    ) -> Result<(), XmlError> {
        let (mut name, mut content) = (None, None);
        while let Some(start) = self.next_child()? {
            let found = local_name(&start);
            if found == key.wire() {
                name = Some(self.text()?);
            } else if found == value.wire() {
                content = Some(self.value(value.target, &start)?);
            } else {
                self.rest_of_element()?;
            }
        }
        let name = name.ok_or_else(|| XmlError::Missing(key.wire().to_owned()))?;
        let content = content.ok_or_else(|| XmlError::Missing(value.wire().to_owned()))?;
        out.insert(name, content);
        Ok(())
    }

    /// Reads the text of the open element; white space counts, child elements do not.
    fn text(&mut self) -> Result<String, XmlError> {
        let mut out = String::new();
        loop {
            match self.next()? {
                Event::Text(text) => out.push_str(&text.decode().map_err(quick_xml::Error::from)?),
                Event::CData(text) => {
                    out.push_str(&text.decode().map_err(quick_xml::Error::from)?);
                }
                // quick-xml gives `&amp;` and its like as events of their own.
                Event::GeneralRef(entity) => match resolve(&entity) {
                    Some(text) => out.push_str(&text),
                    None => {
                        let name = String::from_utf8_lossy(&entity).into_owned();
                        return Err(XmlError::Entity(name));
                    }
                },
                Event::Start(_) => self.rest_of_element()?,
                Event::End(_) => return Ok(out),
                _ => {}
            }
        }
    }
}

fn local_name<'a>(start: &'a BytesStart<'_>) -> Cow<'a, str> {
    let name = start.local_name().into_inner();
    String::from_utf8_lossy(name)
}

/// Gives the text of a character reference or of one of XML's five entities.
fn resolve(entity: &BytesRef<'_>) -> Option<String> {
    if let Some(character) = entity.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    let name = entity.decode().ok()?;
    quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
}

fn attribute(start: &BytesStart<'_>, member: &Member) -> Result<Option<Value>, XmlError> {
    let Kind::Scalar(kind) = member.target else {
        return Ok(None);
    };
    let found = start.try_get_attribute(member.wire()).map_err(quick_xml::Error::from)?;
    let Some(found) = found else { return Ok(None) };
    let text = found.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
    scalar::parse(&text, kind).map(Some).map_err(|source| in_member(start, source))
}

fn in_member(start: &BytesStart<'_>, source: ScalarError) -> XmlError {
    XmlError::Scalar { member: local_name(start).into_owned(), source }
}
