//! The rules that the settings name, loaded.
//!
//! In: [`Settings`]. Out: [`Rules`] that compile, or everything that is wrong with them, drawn. Never: printing.

use std::fmt::Write as _;

use rule_engine::compile::{Matching, RuleSet};
use rule_engine::diagnostic::{Diagnostic, Severity};
use rule_engine::load::{self, LoadOptions, Loaded, Selected, Selector};
use rule_engine::priority::Priority;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

use crate::bundled;
use crate::config::{RuleMatching, Selection, Settings};
