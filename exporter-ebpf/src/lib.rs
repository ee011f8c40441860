//! Everything that crosses the border with the kernel: the kernel programs, the layout of what they send, the built objects.

pub mod record;
