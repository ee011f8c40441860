//! Fields and transformers: do they exist, and do they take what they are given?

use crate::ast::{self, FieldExpr, TransformArg, TransformExpr, Transformer};
use crate::diagnostic::{Code, Diagnostics};
use crate::op::Kind;
use crate::schema::{Multiplicity, Type};
use crate::source::TextRange;
use crate::suggest::closest;
use crate::typed::{FieldUse, Function, Operand, Transform};
use crate::value::{FieldError, FieldKey, FieldRef};

use super::Checker;

impl Checker<'_> {
    /// Checks the left side of a comparison, or what stands behind `%` in an output.
    pub(crate) fn operand(&mut self, operand: &ast::Operand) -> Option<Operand> {
        match operand {
            ast::Operand::Field(field) => self.field(field).map(Operand::Field),
            ast::Operand::Transform(transform) => self.transform(transform),
        }
    }

    pub(super) fn field(&mut self, expr: &FieldExpr) -> Option<FieldUse> {
        let bracket = expr.arg.as_ref().map(|arg| arg.text.as_str());
        let field = match FieldRef::resolve(self.schema, &expr.name, bracket) {
            Ok(field) => field,
            Err(why) => {
                self.field_error(expr, &why);
                return None;
            }
        };
        let def = self.schema.field_def(field.id);
        // A parameter that nothing can be compared with is refused when it is compared.
        let ty = self.raw_type(&field).flatten().unwrap_or(def.ty);
        if def.deprecated {
            let message = format!("usage of deprecated field '{}' has been detected", def.name);
            self.warn(Code::DeprecatedItem, expr.range, message);
        }
        let multiplicity = match def.multiplicity {
            Multiplicity::Any if field.arg != FieldKey::None => Multiplicity::One,
            multiplicity => multiplicity,
        };
        Some(FieldUse {
            field,
            ty,
            multiplicity,
        })
    }

    /// Of a field that is `evt.rawarg`, the type of the parameter, if it has one that can be compared.
    pub(super) fn raw_type(&self, field: &FieldRef) -> Option<Option<Type>> {
        match &field.arg {
            FieldKey::Name(param) if self.schema.field_def(field.id).name == "evt.rawarg" => {
                let param = self.schema.raw_param(param);
                Some(param.and_then(|param| param.ty.raw_type()))
            }
            _ => None,
        }
    }

    fn field_error(&mut self, expr: &FieldExpr, why: &FieldError) {
        let schema = self.schema;
        let did_you_mean = |name: &str| format!("did you mean `{name}`?");
        let help = match why {
            // Further errors are not kept, and a guess takes time.
            _ if self.errors.len() >= Diagnostics::LIMIT => None,
            FieldError::Nonexistent(_) => match schema.split(&expr.name) {
                Some((id, _)) => Some(format!(
                    "`{}` exists, but not with this argument",
                    schema.field_def(id).name
                )),
                None => closest(&expr.name, schema.fields.iter().map(|field| field.name))
                    .map(did_you_mean),
            },
            FieldError::ArgumentMissing(name) => {
                Some(format!("`{name}` needs to be told which one"))
            }
            FieldError::UnknownParam(name) => {
                let mut names: Vec<_> = schema.param_names().collect();
                names.sort_unstable();
                closest(name, names.into_iter()).map(did_you_mean)
            }
            FieldError::UnknownEvent(name) => self.similar_event(name),
        };
        let unknown_filter = matches!(
            why,
            FieldError::Nonexistent(_) | FieldError::UnknownEvent(_)
        );
        let finding = self.error(expr.range, why.to_string());
        finding.help = help;
        finding.unknown_filter = unknown_filter;
    }

    pub(super) fn similar_event(&self, name: &str) -> Option<String> {
        let names = self.schema.events.iter().map(|event| event.name);
        closest(name, names).map(|name| format!("did you mean `{name}`?"))
    }

    pub(super) fn transform(&mut self, expr: &TransformExpr) -> Option<Operand> {
        let mut args = Vec::with_capacity(expr.args.len());
        for arg in &expr.args {
            args.extend(self.transform_arg(arg, expr.transformer));
        }
        if args.len() < expr.args.len() {
            return None;
        }
        if expr.arg.is_some() && expr.transformer != Transformer::Getopt {
            self.error(
                expr.range,
                format!(
                    "'{}' takes no argument in brackets",
                    expr.transformer.name()
                ),
            );
            return None;
        }
        let transform = match expr.transformer {
            Transformer::Join => self.join(expr, args)?,
            Transformer::Concat => self.concat(expr, args)?,
            Transformer::Getopt => self.getopt(expr, args)?,
            _ => self.unary(expr, args)?,
        };
        Some(Operand::Transform(Box::new(transform)))
    }

    fn transform_arg(&mut self, arg: &TransformArg, transformer: Transformer) -> Option<Operand> {
        match arg {
            TransformArg::Field(expr) => {
                let field = self.field(expr)?;
                if self.schema.field_def(field.field.id).no_transform {
                    let name = transformer.name();
                    self.error(
                        expr.range,
                        format!(
                            "field '{}' does not support the '{name}' transformer",
                            expr.name
                        ),
                    );
                    return None;
                }
                Some(Operand::Field(field))
            }
            TransformArg::Transform(expr) => self.transform(expr),
            TransformArg::Text(literal) => Some(Operand::Text(literal.value.clone())),
            TransformArg::Number(literal) => Some(Operand::Number(literal.value.clone())),
            TransformArg::List(items, _) => {
                let mut operands = Vec::with_capacity(items.len());
                for item in items {
                    operands.extend(self.transform_arg(item, transformer));
                }
                (operands.len() == items.len()).then_some(Operand::List(operands))
            }
        }
    }

    /// A transformer of one value.
    fn unary(&mut self, expr: &TransformExpr, args: Vec<Operand>) -> Option<Transform> {
        let [arg] = <[Operand; 1]>::try_from(args)
            .map_err(|args| self.wrong_count(expr, args.len(), "one"))
            .ok()?;
        let (ty, list) = (arg.ty(), arg.is_list());
        let text = Kind::of(ty) == Kind::Text;
        let takes = match expr.transformer {
            Transformer::Len => list || text || Kind::of(ty) == Kind::Bytes,
            Transformer::B64 => matches!(ty, Type::CharBuf | Type::ByteBuf),
            _ => text,
        };
        // What a list of constants would be transformed to has no use.
        if !takes || matches!(arg, Operand::List(_)) {
            return self.wrong_type(expr, &expr.args[0], ty);
        }
        let function = match expr.transformer {
            Transformer::Tolower => Function::Tolower(arg),
            Transformer::Toupper => Function::Toupper(arg),
            Transformer::B64 => Function::B64(arg),
            Transformer::Basename => Function::Basename(arg),
            _ => {
                return Some(Transform {
                    function: Function::Len(arg),
                    ty: Type::Uint64,
                    list: false,
                });
            }
        };
        Some(Transform { function, ty, list })
    }

    fn join(&mut self, expr: &TransformExpr, args: Vec<Operand>) -> Option<Transform> {
        let [separator, items] = <[Operand; 2]>::try_from(args)
            .map_err(|args| self.wrong_count(expr, args.len(), "two"))
            .ok()?;
        if separator.is_list() || Kind::of(separator.ty()) != Kind::Text {
            return self.wrong_type(expr, &expr.args[0], separator.ty());
        }
        self.listed(expr, 1, &items)?;
        for (i, item) in elements(&items).iter().enumerate() {
            let whole =
                matches!(Kind::of(item.ty()), Kind::Number(n) if n != crate::op::NumberKind::Real);
            if item.is_list() || !(whole || Kind::of(item.ty()) == Kind::Text) {
                return self.wrong_type(expr, element(&expr.args[1], i), item.ty());
            }
        }
        Some(Transform {
            function: Function::Join { separator, items },
            ty: Type::CharBuf,
            list: false,
        })
    }

    fn concat(&mut self, expr: &TransformExpr, args: Vec<Operand>) -> Option<Transform> {
        if args.len() < 2 {
            self.wrong_count(expr, args.len(), "two or more");
            return None;
        }
        for (i, arg) in args.iter().enumerate() {
            if arg.is_list() || Kind::of(arg.ty()) != Kind::Text {
                return self.wrong_type(expr, &expr.args[i], arg.ty());
            }
        }
        Some(Transform {
            function: Function::Concat(args),
            ty: Type::CharBuf,
            list: false,
        })
    }

    fn getopt(&mut self, expr: &TransformExpr, args: Vec<Operand>) -> Option<Transform> {
        let [words, options] = <[Operand; 2]>::try_from(args)
            .map_err(|args| self.wrong_count(expr, args.len(), "two"))
            .ok()?;
        self.listed(expr, 0, &words)?;
        for (i, word) in elements(&words).iter().enumerate() {
            if word.is_list() || Kind::of(word.ty()) != Kind::Text {
                return self.wrong_type(expr, element(&expr.args[0], i), word.ty());
            }
        }
        if options.is_list() || Kind::of(options.ty()) != Kind::Text {
            return self.wrong_type(expr, &expr.args[1], options.ty());
        }
        if expr.arg.as_ref().is_some_and(|arg| arg.text.len() != 1) {
            self.error(
                expr.range,
                "the argument of 'getopt' in brackets must be a single option character",
            );
            return None;
        }
        let wanted = expr.arg.as_ref().map(|arg| arg.text.as_str().into());
        let list = wanted.is_none();
        Some(Transform {
            function: Function::Getopt {
                words,
                options,
                wanted,
            },
            ty: Type::CharBuf,
            list,
        })
    }

    /// An argument that must be a list.
    fn listed(&mut self, expr: &TransformExpr, index: usize, arg: &Operand) -> Option<()> {
        // The options that a getopt found are no list to other transformers.
        if arg.is_list()
            && !matches!(arg, Operand::Transform(t) if matches!(t.function, Function::Getopt { .. }))
        {
            return Some(());
        }
        let name = expr.transformer.name();
        let finding = self.error(
            range(&expr.args[index]),
            format!(
                "argument {} of the '{name}' transformer must be a list",
                index + 1
            ),
        );
        finding.help = Some("put the values in parentheses: `(a, b)`".to_owned());
        None
    }

    fn wrong_count(&mut self, expr: &TransformExpr, found: usize, wanted: &str) {
        let name = expr.transformer.name();
        self.error(
            expr.range,
            format!("the '{name}' transformer takes {wanted} arguments, {found} given"),
        );
    }

    fn wrong_type<T>(&mut self, expr: &TransformExpr, arg: &TransformArg, ty: Type) -> Option<T> {
        let name = expr.transformer.name();
        let mut message = format!(
            "type '{}' is not supported by '{name}' transformer",
            ty.name()
        );
        if let TransformArg::Field(field) = arg {
            message += &format!(" applied on field '{}'", field.name);
        }
        self.error(range(arg), message);
        None
    }
}

/// The members of a list in parentheses; of a list that is a field, none that could be looked at.
fn elements(list: &Operand) -> &[Operand] {
    match list {
        Operand::List(items) => items,
        _ => &[],
    }
}

fn element(arg: &TransformArg, index: usize) -> &TransformArg {
    match arg {
        TransformArg::List(items, _) => items.get(index).unwrap_or(arg),
        _ => arg,
    }
}

fn range(arg: &TransformArg) -> TextRange {
    match arg {
        TransformArg::Field(field) => field.range,
        TransformArg::Transform(transform) => transform.range,
        TransformArg::Text(literal) | TransformArg::Number(literal) => literal.range,
        TransformArg::List(_, range) => *range,
    }
}
