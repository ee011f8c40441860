//! What plans look like, and what keeps them open.
