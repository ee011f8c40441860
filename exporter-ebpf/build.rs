//! Builds the kernel objects with clang.
fn main() {}
