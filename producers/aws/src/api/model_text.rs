//! Reads the model's text, whose format `model/trim.py` describes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::model::{
    EndpointRule, Kind, Location, Member, ModelError, Operation, Paging, Protocol, Scalar, Service,
    Shape, Structure, Timestamp,
};

/// Reads all services of a model.
pub(super) fn parse(text: &str) -> Result<Vec<Service>, ModelError> {
    let raw: RawModel = serde_json::from_str(text)?;
    raw.services.into_iter().map(|(name, raw)| service(name, raw)).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    #[serde(rename = "notice")]
    _notice: String,
    services: BTreeMap<String, RawService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawService {
    protocol: Protocol,
    version: String,
    sign: String,
    #[serde(default)]
    target_prefix: String,
    #[serde(default)]
    json_version: String,
    endpoints: BTreeMap<String, EndpointRule>,
    operations: BTreeMap<String, RawOperation>,
    shapes: BTreeMap<String, RawShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOperation {
    method: String,
    uri: String,
    input: Option<String>,
    output: Option<String>,
    wrapper: Option<String>,
    #[serde(default)]
    roots: Vec<String>,
    root_text: Option<String>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawShape {
    Structure {
        members: BTreeMap<String, RawMember>,
        payload: Option<String>,
    },
    List {
        element: RawMember,
        #[serde(default)]
        flattened: bool,
    },
    Map {
        key: RawMember,
        value: RawMember,
        #[serde(default)]
        flattened: bool,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawMember {
    Target(String),
    Full {
        target: String,
        wire: Option<String>,
        query: Option<String>,
        location: Option<Location>,
        #[serde(default)]
        attribute: bool,
        #[serde(default)]
        flattened: bool,
    },
}

/// Shape names of one service, to be replaced by positions.
struct Names<'a> {
    service: &'a str,
    positions: BTreeMap<String, usize>,
}

fn service(name: String, raw: RawService) -> Result<Service, ModelError> {
    let keys = raw.shapes.keys().cloned();
    let positions = keys.enumerate().map(|(position, key)| (key, position)).collect();
    let names = Names { service: &name, positions };
    let operations = raw
        .operations
        .into_iter()
        .map(|(key, raw)| Ok((key.clone(), names.operation(key, raw)?)))
        .collect::<Result<_, ModelError>>()?;
    let shapes = raw.shapes.into_values().map(|raw| names.shape(raw));
    let mut shapes = shapes.collect::<Result<Vec<_>, ModelError>>()?;
    index_wire_names(&mut shapes);
    Ok(Service {
        protocol: raw.protocol,
        version: raw.version,
        sign: raw.sign,
        target_prefix: raw.target_prefix,
        json_version: raw.json_version,
        endpoints: raw.endpoints,
        operations,
        shapes,
        name,
    })
}

impl Names<'_> {
    fn operation(&self, name: String, raw: RawOperation) -> Result<Operation, ModelError> {
        Ok(Operation {
            name,
            method: raw.method,
            uri: raw.uri,
            input: raw.input.map(|shape| self.position(&shape)).transpose()?,
            output: raw.output.map(|shape| self.position(&shape)).transpose()?,
            wrapper: raw.wrapper,
            roots: raw.roots,
            root_text: raw.root_text,
            paging: raw.paging,
        })
    }

    fn shape(&self, raw: RawShape) -> Result<Shape, ModelError> {
        Ok(match raw {
            RawShape::Structure { members, payload } => {
                Shape::Structure(self.structure(members, payload)?)
            }
            RawShape::List { element, flattened } => {
                Shape::List { element: self.member("member".to_owned(), element)?, flattened }
            }
            RawShape::Map { key, value, flattened } => Shape::Map {
                key: self.member("key".to_owned(), key)?,
                value: self.member("value".to_owned(), value)?,
                flattened,
            },
        })
    }

    fn structure(
        &self,
        members: BTreeMap<String, RawMember>,
        payload: Option<String>,
    ) -> Result<Structure, ModelError> {
        let members = members.into_iter().map(|(name, raw)| self.member(name, raw));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let positions = members.iter().enumerate();
        let by_name: BTreeMap<_, _> = positions.map(|(i, m)| (m.name.clone(), i)).collect();
        let payload = payload.map(|name| by_name.get(&name).copied().ok_or(name));
        let payload = payload.transpose().map_err(|name| self.unknown(&name))?;
        Ok(Structure { members, by_name, by_wire: BTreeMap::new(), payload })
    }

    fn member(&self, name: String, raw: RawMember) -> Result<Member, ModelError> {
        Ok(match raw {
            RawMember::Target(target) => Member {
                name,
                wire: None,
                query: None,
                location: None,
                attribute: false,
                flattened: false,
                target: self.kind(&target)?,
            },
            RawMember::Full { target, wire, query, location, attribute, flattened } => {
                let target = self.kind(&target)?;
                Member { name, wire, query, location, attribute, flattened, target }
            }
        })
    }

    fn kind(&self, target: &str) -> Result<Kind, ModelError> {
        let scalar = match target {
            "#string" => Scalar::String,
            "#integer" => Scalar::Integer,
            "#float" => Scalar::Float,
            "#boolean" => Scalar::Boolean,
            "#blob" => Scalar::Blob,
            "#policy" => Scalar::Policy,
            "#timestamp" => Scalar::Timestamp(Timestamp::Default),
            "#timestamp:unix" => Scalar::Timestamp(Timestamp::Unix),
            "#timestamp:rfc822" => Scalar::Timestamp(Timestamp::Rfc822),
            "#timestamp:iso8601" => Scalar::Timestamp(Timestamp::Iso8601),
            shape => return Ok(Kind::Shape(self.position(shape)?)),
        };
        Ok(Kind::Scalar(scalar))
    }

    fn position(&self, shape: &str) -> Result<usize, ModelError> {
        self.positions.get(shape).copied().ok_or_else(|| self.unknown(shape))
    }

    fn unknown(&self, shape: &str) -> ModelError {
        ModelError::Shape { service: self.service.to_owned(), shape: shape.to_owned() }
    }
}

/// Fills `by_wire`, once all shapes are known.
///
/// A flattened list without a wire name of its own has its element's name on the wire.
fn index_wire_names(shapes: &mut [Shape]) {
    let elements: Vec<Option<String>> = shapes.iter().map(element_name).collect();
    for shape in shapes {
        let Shape::Structure(structure) = shape else {
            continue;
        };
        let names = structure.members.iter().enumerate().map(|(position, member)| {
            let inherited = match member.target {
                Kind::Shape(shape) if member.flattened && member.wire.is_none() => {
                    elements[shape].clone()
                }
                _ => None,
            };
            (inherited.unwrap_or_else(|| member.wire().to_owned()), position)
        });
        structure.by_wire = names.collect();
    }
}

fn element_name(shape: &Shape) -> Option<String> {
    match shape {
        Shape::List { element, .. } => element.wire.clone(),
        _ => None,
    }
}
