//! The command line from outside: exit codes, what goes to which stream, shapes of JSON, documentation made from code.

mod docs;
mod list;
mod pages;
mod rules;
mod support;
