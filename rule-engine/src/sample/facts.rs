//! Field values while an event is put together.
//!
//! In: fields by name, as [`Datum`]. Out: checked values, and at the end the [`MapEvent`]. Never: defaults; those are
//! `derive`'s.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::datum::{Datum, DatumKind, Owned, from_hex};
use super::{MapEvent, OpenEnded, SampleError};
use crate::schema::{EventKind, EventTypeId, FieldDef, Multiplicity, ParamType, Schema, Type};
use crate::suggest::closest;
use crate::value::{FieldError, FieldKey, FieldRef};

/// Ancestors at most; more is a mistake.
const MAX_ANCESTORS: usize = 64;

/// A property of a process, by the names that fields have for it: of the process, of its parent, of an ancestor.
pub(super) struct Property {
    /// `name` in an `ancestors:` list.
    pub(super) short: &'static str,
    /// `proc.name`
    pub(super) own: &'static str,
    /// `proc.pname`
    pub(super) parent: Option<&'static str>,
    /// `proc.aname`
    pub(super) ancestor: &'static str,
}

/// All properties that ancestors have.
pub(super) const PROPERTIES: &[Property] = &[
    property("name", "proc.name", Some("proc.pname"), "proc.aname"),
    property("exe", "proc.exe", Some("proc.pexe"), "proc.aexe"),
    property(
        "exepath",
        "proc.exepath",
        Some("proc.pexepath"),
        "proc.aexepath",
    ),
    property(
        "cmdline",
        "proc.cmdline",
        Some("proc.pcmdline"),
        "proc.acmdline",
    ),
    property("args", "proc.args", None, "proc.aargs"),
    property("env", "proc.env", None, "proc.aenv"),
    property("pid", "proc.pid", Some("proc.ppid"), "proc.apid"),
];

const fn property(
    short: &'static str,
    own: &'static str,
    parent: Option<&'static str>,
    ancestor: &'static str,
) -> Property {
    Property {
        short,
        own,
        parent,
        ancestor,
    }
}

/// The values so far.
pub(super) struct Facts<'s> {
    pub(super) schema: &'s Schema,
    pub(super) event: EventTypeId,
    /// `None` for a field that is said to be missing.
    values: HashMap<FieldRef, Option<Owned>, RandomState>,
    pub(super) ancestors: usize,
}

impl<'s> Facts<'s> {
    /// No values yet; the event's type is what the fields say, or the default.
    pub(super) fn new(
        schema: &'s Schema,
        fields: &Datum,
        default: Option<&str>,
        errors: &mut Vec<SampleError>,
    ) -> Facts<'s> {
        let (mut name, mut span) = (default.map(str::to_owned), fields.span);
        if let DatumKind::Map(pairs) = &fields.kind
            && let Some((_, value)) = pairs
                .iter()
                .find(|(key, _)| key.scalar() == Some("evt.type"))
        {
            span = value.span;
            name = value.scalar().map(str::to_owned);
        }
        let known = name.as_deref().and_then(|name| schema.event(name));
        if known.is_none() {
            errors.push(match &name {
                Some(name) => {
                    let names = schema.events.iter().map(|event| event.name);
                    SampleError::new(span, format!("unknown event type {name}"))
                        .help(closest(name, names).map(|name| format!("did you mean `{name}`?")))
                }
                None => SampleError::new(span, "the event has no `evt.type`")
                    .help(Some("add one, such as `evt.type: openat`".to_owned())),
            });
        }
        let event = known.unwrap_or(EventTypeId(0));
        Facts {
            schema,
            event,
            values: HashMap::default(),
            ancestors: 0,
        }
    }

    /// Sets every field of a mapping.
    pub(super) fn set_all(&mut self, fields: &Datum, errors: &mut Vec<SampleError>) {
        match &fields.kind {
            DatumKind::Map(pairs) => {
                for (key, value) in pairs {
                    if let Err(error) = self.set(key, value) {
                        errors.push(error);
                    }
                }
            }
            DatumKind::Null => {}
            _ => errors.push(SampleError::new(
                fields.span,
                format!(
                    "fields are a mapping of names and values, not {}",
                    fields.describe()
                ),
            )),
        }
    }

    /// Sets the processes above, the parent first: each a name, or a mapping of properties.
    pub(super) fn set_ancestors(&mut self, ancestors: &Datum, errors: &mut Vec<SampleError>) {
        let members = match &ancestors.kind {
            DatumKind::List(members) if members.len() <= MAX_ANCESTORS => members.as_slice(),
            DatumKind::Null => &[],
            DatumKind::List(members) => {
                let message = format!("{} ancestors; the limit is {MAX_ANCESTORS}", members.len());
                return errors.push(SampleError::new(ancestors.span, message));
            }
            _ => {
                let message = format!(
                    "ancestors are a list, the parent first, not {}",
                    ancestors.describe()
                );
                return errors.push(SampleError::new(ancestors.span, message));
            }
        };
        self.ancestors = members.len();
        for (above, member) in members.iter().enumerate() {
            let level = above as u32 + 1;
            match &member.kind {
                DatumKind::Scalar(name) => self.put_at("proc.aname", level, Owned::text(name)),
                DatumKind::Map(pairs) => {
                    for (key, value) in pairs {
                        if let Err(error) = self.set_property(level, key, value) {
                            errors.push(error);
                        }
                    }
                }
                _ => errors.push(SampleError::new(
                    member.span,
                    format!(
                        "an ancestor is a process name or a mapping of properties, not {}",
                        member.describe()
                    ),
                )),
            }
        }
    }

    fn set_property(&mut self, level: u32, key: &Datum, value: &Datum) -> Result<(), SampleError> {
        let name = key.scalar().unwrap_or_default();
        let Some(property) = PROPERTIES
            .iter()
            .find(|property| property.short == name || property.own == name)
        else {
            let shorts = || PROPERTIES.iter().map(|property| property.short);
            let all = shorts().collect::<Vec<_>>().join(", ");
            let help = closest(name, shorts()).map_or(format!("known are {all}"), |name| {
                format!("did you mean `{name}`?")
            });
            return Err(SampleError::new(
                key.span,
                format!("an ancestor has no property `{name}`"),
            )
            .help(Some(help)));
        };
        let Some(field) = self.field_at(property.ancestor, level) else {
            return Ok(());
        };
        let def = self.schema.field_def(field.id);
        let parsed = match &value.kind {
            DatumKind::Null => None,
            DatumKind::List(words) if def.ty == Type::CharBuf => {
                Some(Owned::text(join_words(words)?))
            }
            _ => Some(one(def, def.ty, value)?),
        };
        self.values.insert(field, parsed);
        Ok(())
    }

    /// Sets a field as it is written in the file.
    fn set(&mut self, key: &Datum, value: &Datum) -> Result<(), SampleError> {
        let written = key.scalar().unwrap_or_default();
        let (name, bracket) = split_bracket(written);
        let field = FieldRef::resolve(self.schema, name, bracket)
            .map_err(|error| self.no_field(key, name, &error))?;
        let schema = self.schema;
        let def = schema.field_def(field.id);
        let parsed = match &value.kind {
            DatumKind::Null => None,
            _ => Some(self.convert(def, &field, value)?),
        };
        self.set_related(def, &field, value);
        self.values.insert(field, parsed);
        Ok(())
    }

    /// What else a field's value says: words of `proc.args`, variables of `proc.env`, levels of `proc.aname`, and that the
    /// parent is the first ancestor.
    fn set_related(&mut self, def: &FieldDef, field: &FieldRef, value: &Datum) {
        match (def.name, &field.arg) {
            ("proc.args", FieldKey::None) => self.put_words(value),
            ("proc.env", FieldKey::None) => self.put_variables(value),
            _ => {}
        }
        let member = |datum: &Datum| one(def, def.ty, datum).ok();
        if def.multiplicity == Multiplicity::Any {
            match (&field.arg, &value.kind) {
                (FieldKey::None, DatumKind::List(members)) => {
                    for (above, datum) in members.iter().enumerate() {
                        if let Some(value) = member(datum) {
                            self.put_at(def.name, above as u32 + 1, value);
                        }
                    }
                    self.ancestors = self.ancestors.max(members.len().min(MAX_ANCESTORS));
                }
                (FieldKey::None, DatumKind::Scalar(_)) => {
                    if let Some(value) = member(value) {
                        self.put_at(def.name, 1, value);
                    }
                    self.ancestors = self.ancestors.max(1);
                }
                (FieldKey::Index(level), _) => {
                    self.ancestors = self.ancestors.max((*level as usize).min(MAX_ANCESTORS));
                }
                _ => {}
            }
        }
    }

    fn put_words(&mut self, value: &Datum) {
        let words: Vec<String> = match &value.kind {
            DatumKind::List(words) => words
                .iter()
                .filter_map(|word| word.scalar().map(str::to_owned))
                .collect(),
            DatumKind::Scalar(text) => text
                .split(' ')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            _ => return,
        };
        for (at, word) in words.iter().enumerate() {
            self.put_at("proc.args", at as u32, Owned::text(word));
        }
    }

    fn put_variables(&mut self, value: &Datum) {
        for text in variables(value) {
            if let Some((name, value)) = text.split_once('=')
                && let Ok(field) = FieldRef::resolve(self.schema, "proc.env", Some(name))
            {
                self.put_ref(field, Owned::text(value));
            }
        }
    }

    fn convert(
        &self,
        def: &FieldDef,
        field: &FieldRef,
        value: &Datum,
    ) -> Result<Owned, SampleError> {
        let ty = self.type_of(def, field);
        let several = |members: &[Datum]| {
            members
                .iter()
                .map(|member| one(def, ty, member))
                .collect::<Result<Vec<_>, _>>()
        };
        match (&value.kind, def.multiplicity, &field.arg) {
            (DatumKind::List(members), Multiplicity::List, _) => several(members).map(Owned::List),
            (_, Multiplicity::List, _) => one(def, ty, value).map(|value| Owned::List(vec![value])),
            (DatumKind::List(members), Multiplicity::Any, FieldKey::None)
            | (DatumKind::List(members), Multiplicity::Sides, _) => {
                several(members).map(Owned::Several)
            }
            (_, Multiplicity::Any, FieldKey::None) | (_, Multiplicity::Sides, _) => {
                one(def, ty, value).map(|value| Owned::Several(vec![value]))
            }
            (DatumKind::List(words), _, FieldKey::None) if def.name == "proc.args" => {
                join_words(words).map(Owned::text)
            }
            (DatumKind::List(_) | DatumKind::Map(_), _, FieldKey::None)
                if def.name == "proc.env" =>
            {
                Ok(Owned::text(variables(value).join(" ")))
            }
            _ => one(def, ty, value),
        }
    }

    /// The type of a field's value; that of `evt.rawarg` is the parameter's in this event.
    fn type_of(&self, def: &FieldDef, field: &FieldRef) -> Type {
        let FieldKey::Name(name) = &field.arg else {
            return def.ty;
        };
        if def.name != "evt.rawarg" {
            return def.ty;
        }
        let own = self
            .schema
            .event_def(self.event)
            .params
            .iter()
            .find(|param| param.name == &**name)
            .copied();
        match own
            .or_else(|| self.schema.raw_param(name))
            .map(|param| param.ty)
        {
            Some(ParamType::Pid) => Type::Int64,
            Some(ParamType::Uid | ParamType::Gid) => Type::Uint32,
            Some(ParamType::SigType) => Type::Uint8,
            Some(ty) => ty.raw_type().unwrap_or(Type::CharBuf),
            None => Type::CharBuf,
        }
    }

    fn no_field(&self, key: &Datum, name: &str, error: &FieldError) -> SampleError {
        let help = match error {
            FieldError::Nonexistent(_) if self.schema.split(name).is_some() => {
                Some("the field does not take such an argument".to_owned())
            }
            FieldError::Nonexistent(_) => {
                let names = self.schema.fields.iter().map(|field| field.name);
                closest(name, names).map(|name| format!("did you mean `{name}`?"))
            }
            FieldError::UnknownParam(param) => closest(param, self.schema.param_names())
                .map(|name| format!("did you mean `{name}`?")),
            FieldError::ArgumentMissing(_) => Some(format!(
                "the field needs an argument, such as `{name}.NAME`"
            )),
            FieldError::UnknownEvent(_) => None,
        };
        let message = match error {
            FieldError::Nonexistent(written) => format!("unknown field {written}"),
            FieldError::ArgumentMissing(written) => format!("{written} without an argument"),
            other => other.to_string(),
        };
        SampleError::new(key.span, message).help(help)
    }

    /// The field, if the schema has it.
    pub(super) fn field(&self, name: &str) -> Option<FieldRef> {
        FieldRef::resolve(self.schema, name, None).ok()
    }

    fn field_at(&self, name: &str, index: u32) -> Option<FieldRef> {
        let id = self.schema.field(name)?;
        Some(FieldRef {
            id,
            arg: FieldKey::Index(index),
        })
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&Owned> {
        self.values.get(&self.field(name)?)?.as_ref()
    }

    /// The value of a field at an index.
    pub(super) fn get_at(&self, name: &str, index: u32) -> Option<&Owned> {
        self.values.get(&self.field_at(name, index)?)?.as_ref()
    }

    /// Whether something is known of the field, be it that it is missing.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.field(name)
            .is_some_and(|field| self.values.contains_key(&field))
    }

    /// Whether the field is said to be missing.
    pub(super) fn is_missing(&self, name: &str) -> bool {
        self.field(name)
            .is_some_and(|field| self.values.get(&field) == Some(&None))
    }

    /// Gives a field a value unless something is known of it. A field that the schema lacks is left out.
    pub(super) fn put(&mut self, name: &str, value: Owned) {
        if let Some(field) = self.field(name) {
            self.put_ref(field, value);
        }
    }

    /// Says that a field is missing, unless something is known of it.
    pub(super) fn miss(&mut self, name: &str) {
        if let Some(field) = self.field(name) {
            self.values.entry(field).or_insert(None);
        }
    }

    /// The same as [`Facts::put`] at an index.
    pub(super) fn put_at(&mut self, name: &str, index: u32, value: Owned) {
        if let Some(field) = self.field_at(name, index) {
            self.put_ref(field, value);
        }
    }

    /// Gives a field a value from its text; for values that stand in this crate and fit.
    pub(super) fn put_text(&mut self, name: &str, text: &str) {
        let datum = Datum {
            span: None,
            kind: DatumKind::Scalar(text.to_owned()),
        };
        let (bare, bracket) = split_bracket(name);
        if let Ok(field) = FieldRef::resolve(self.schema, bare, bracket)
            && let Ok(value) = self.convert(self.schema.field_def(field.id), &field, &datum)
        {
            self.put_ref(field, value);
        }
    }

    fn put_ref(&mut self, field: FieldRef, value: Owned) {
        self.values.entry(field).or_insert(Some(value));
    }

    /// Says that the parent's fields are those of the first ancestor.
    pub(super) fn name_parent(&mut self) {
        for property in PROPERTIES {
            let value = self.get_at(property.ancestor, 1).cloned();
            if let (Some(parent), Some(value)) = (property.parent, value) {
                self.put(parent, value);
            }
        }
    }

    /// The event of what is known.
    pub(super) fn finish(mut self) -> MapEvent {
        let event = self.schema.event_def(self.event);
        self.put("evt.type", Owned::text(event.name));
        self.put("evt.dir", Owned::text("<"));
        if event.kind == EventKind::Syscall {
            self.put("syscall.type", Owned::text(event.name));
        }
        self.put(&format!("evt.type.is.{}", event.name), Owned::Uint(1));
        for (at, param) in event.params.iter().enumerate() {
            if let Some(value) = self.get(&format!("evt.arg.{}", param.name)).cloned() {
                self.put_at("evt.arg", at as u32, value);
            }
        }
        for property in PROPERTIES {
            if let Some(own) = self.get(property.own).cloned() {
                self.put_at(property.ancestor, 0, own);
            }
            let levels = 1..=self.ancestors as u32;
            let all: Vec<_> = levels
                .filter_map(|level| self.get_at(property.ancestor, level).cloned())
                .collect();
            if !all.is_empty() {
                self.put(property.ancestor, Owned::Several(all));
            }
        }
        let empty = ["proc.args", "proc.env"].map(|name| (name, OpenEnded::EmptyBeyond));
        let open_ended = empty
            .into_iter()
            .chain([("evt.type.is", OpenEnded::ZeroBeyond)]);
        let open_ended = open_ended
            .filter_map(|(name, rule)| Some((self.schema.field(name)?, rule)))
            .collect();
        let values = self
            .values
            .into_iter()
            .filter_map(|(field, value)| Some((field, value?)))
            .collect();
        MapEvent {
            event: self.event,
            values,
            open_ended,
        }
    }
}

/// One value of a type.
fn one(def: &FieldDef, ty: Type, value: &Datum) -> Result<Owned, SampleError> {
    let wrong = |wanted: String| {
        SampleError::new(
            value.span,
            format!("{} {wanted}, not {}", def.name, value.describe()),
        )
    };
    match &value.kind {
        DatumKind::Scalar(text) => Owned::parse(ty, text).map_err(wrong),
        DatumKind::Map(pairs) if ty == Type::ByteBuf => match pairs.as_slice() {
            [(key, digits)] if key.scalar() == Some("hex") => {
                let bytes = digits.scalar().and_then(from_hex);
                bytes.map(Owned::Bytes).ok_or_else(|| {
                    wrong("as `hex` is an even number of hexadecimal digits".to_owned())
                })
            }
            _ => Err(wrong("is text, or `{hex: DIGITS}`".to_owned())),
        },
        _ => Err(wrong("is one value".to_owned())),
    }
}

fn join_words(words: &[Datum]) -> Result<String, SampleError> {
    let word = |datum: &Datum| {
        let wrong = || {
            SampleError::new(
                datum.span,
                format!("an argument is text, not {}", datum.describe()),
            )
        };
        datum.scalar().map(str::to_owned).ok_or_else(wrong)
    };
    Ok(words
        .iter()
        .map(word)
        .collect::<Result<Vec<_>, _>>()?
        .join(" "))
}

/// Environment variables as `NAME=value`, from a mapping, a list or one text with blanks between.
fn variables(value: &Datum) -> Vec<String> {
    match &value.kind {
        DatumKind::Map(pairs) => pairs
            .iter()
            .filter_map(|(name, value)| {
                Some(format!(
                    "{}={}",
                    name.scalar()?,
                    value.scalar().unwrap_or_default()
                ))
            })
            .collect(),
        DatumKind::List(members) => members
            .iter()
            .filter_map(|member| member.scalar().map(str::to_owned))
            .collect(),
        DatumKind::Scalar(text) => text
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
        DatumKind::Null => Vec::new(),
    }
}

/// `proc.aname[2]` → `proc.aname` and `2`; quotes around the argument are undone.
pub(super) fn split_bracket(written: &str) -> (&str, Option<&str>) {
    let inner = written
        .strip_suffix(']')
        .and_then(|text| text.split_once('['));
    match inner {
        Some((name, arg)) => {
            let quoted = |quote: char| {
                arg.strip_prefix(quote)
                    .and_then(|arg| arg.strip_suffix(quote))
            };
            (
                name,
                Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(arg)),
            )
        }
        None => (written, None),
    }
}
