//! The layout of the filter's tables: the Rust twin of `bpf/plan.h`, which says what each means.
//!
//! In: nothing. Out: plain structs with the C layout, and the constants. Never: rules.

use crate::layout::{constants, structs};

constants! {
    "rec_filter_limit": usize {
        /// One in force, and the next one.
        FILTER_GENERATIONS = 2,
        /// `CALL_…` are below it.
        FILTER_CALLS_MAX = 256,
        /// Plans of a generation, of which 0 is none.
        FILTER_PLANS_MAX = 64,
        /// Tests of all plans.
        FILTER_TESTS_MAX = 2048,
        /// Tests of one stage of one plan.
        FILTER_PLAN_TESTS_MAX = 128,
        /// Questions about texts of all plans.
        FILTER_ATOMS_MAX = 2048,
        /// Questions about one text of one plan.
        FILTER_PLAN_ATOMS_MAX = 64,
        /// Nodes of all trees.
        FILTER_SLOTS_MAX = 65536,
        /// Nodes of them at which something is found.
        FILTER_ACCEPTS_MAX = 8192,
        /// A path of this length or more is not known.
        FILTER_TEXT_BYTES_MAX = 512,
        /// Longest pattern.
        FILTER_PATTERN_BYTES_MAX = 255,
        /// Cgroups of which it is known whether they are containers.
        FILTER_CGROUPS_MAX = 8192,
    }
    "rec_filter_number": u32 {
        /// What the call returned.
        NUMBER_RESULT = 0,
        /// Flags of an open.
        NUMBER_OPEN_FLAGS = 1,
        /// Permissions that an open asks for.
        NUMBER_OPEN_MODE = 2,
        /// `S_IFMT` bits of the file that was opened.
        NUMBER_FILE_TYPE = 3,
        /// Effective user.
        NUMBER_UID = 4,
        /// Effective group.
        NUMBER_GID = 5,
        /// Address family of the socket.
        NUMBER_FAMILY = 6,
        /// Its type.
        NUMBER_SOCKET_TYPE = 7,
        /// Port of this side.
        NUMBER_LOCAL_PORT = 8,
        /// Port of the other side.
        NUMBER_REMOTE_PORT = 9,
        /// 1 in a container.
        NUMBER_IN_CONTAINER = 10,
        /// The first of six arguments.
        NUMBER_ARG = 11,
        /// How many there may be.
        NUMBERS = 32,
    }
    "rec_filter_stage": usize {
        /// What the call itself tells.
        STAGE_CALL = 0,
        /// The file that was opened.
        STAGE_FILE = 1,
        /// The socket.
        STAGE_SOCKET = 2,
        /// Where the process is.
        STAGE_PLACE = 3,
        /// How many there are.
        STAGES = 4,
    }
    "rec_filter_text_id": usize {
        /// Name of the process.
        TEXT_COMM = 0,
        /// The path as it was given.
        TEXT_RAW_PATH = 1,
        /// The path, made absolute.
        TEXT_PATH = 2,
        /// Address of this side.
        TEXT_LOCAL = 3,
        /// Address of the other side.
        TEXT_REMOTE = 4,
        /// How many there are.
        TEXTS = 5,
    }
    "rec_filter_test_flag": u32 {
        /// Bits, rather than a range.
        TEST_BITS = 1,
        /// The last of a question.
        TEST_LAST = 2,
    }
}

structs! {
    /// A range or some bits of a number.
    "rec_filter_test" Test {
        /// The least, or which bits.
        first: i64,
        /// The greatest, or what they are.
        last: i64,
        /// Clauses that survive the answer yes.
        if_true: u64,
        /// Clauses that survive the answer no.
        if_false: u64,
        /// `NUMBER_…`
        number: u32,
        /// `TEST_…`
        flags: u32,
        /// Zero.
        pad: [u64; 3],
    }
    /// A question about a text.
    "rec_filter_atom" Atom {
        /// Clauses that survive the answer yes.
        if_true: u64,
        /// Clauses that survive the answer no.
        if_false: u64,
    }
    /// A part of a table.
    "rec_filter_span" Span {
        /// Its first entry.
        first: u16,
        /// How many.
        count: u16,
    }
    /// What is asked about one text.
    "rec_filter_text" Text {
        /// Clauses that ask about it.
        clauses: u64,
        /// Atoms that the last component alone cannot answer with no.
        beginnings: u64,
        /// Atoms that are true of two dots.
        dots: u64,
        /// Root of the tree for the way from the beginning, 0 for none.
        forward: u16,
        /// Root of the tree for the way from the end.
        backward: u16,
        /// Its atoms.
        atoms: Span,
    }
    /// What rules want of a call.
    "rec_filter_plan" Plan {
        /// Clauses that there are.
        clauses: u64,
        /// By stage: clauses that ask for it.
        asked: [u64; 4],
        /// Clauses that ask for more than the call tells.
        late: u64,
        /// Tests by stage.
        tests: [Span; 4],
        /// By `TEXT_…`
        texts: [Text; 5],
        /// Zero.
        pad: [u64; 4],
    }
    /// A node of a tree.
    "rec_filter_slot" Slot {
        /// Slot of its parent.
        parent: u16,
        /// Its child by a byte is in the slot of this number plus the byte.
        base: u16,
        /// What is found here, 0 for nothing.
        accept: u16,
        /// Zero.
        pad: u16,
    }
    /// Atoms that are true at a node.
    "rec_filter_accept" Accept {
        /// Whatever else.
        always: u64,
        /// Forward at the last slash, backward behind a slash.
        edge: u64,
        /// Backward at the beginning of the text.
        whole: u64,
        /// Of this node and all below.
        below: u64,
    }
    /// One generation.
    "rec_filter" Filter {
        /// By `CALL_…`, 0: everything passes.
        plan_of: [u8; FILTER_CALLS_MAX],
        /// Plans.
        plans: [Plan; FILTER_PLANS_MAX],
        /// Tests of all of them.
        tests: [Test; FILTER_TESTS_MAX],
        /// Atoms of all texts.
        atoms: [Atom; FILTER_ATOMS_MAX],
        /// What is found at nodes.
        accepts: [Accept; FILTER_ACCEPTS_MAX],
        /// Nodes.
        slots: [Slot; FILTER_SLOTS_MAX],
    }
    /// What is in force.
    "rec_filter_control" Control {
        /// Bit n: generation n.
        active: u32,
        /// Of what does not pass, one in so many comes marked; 0: none.
        audit: u32,
    }
}
