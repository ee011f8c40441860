//! YAML → items with places.

mod align;
mod yaml;
