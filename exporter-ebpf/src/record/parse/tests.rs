//! Records as the kernel sends them, and bytes that only look like records.

use zerocopy::{FromZeros, IntoBytes};

use super::*;

/// A record of one kind: `fixed` with its header completed, then the tails' bytes.
fn record<T: IntoBytes + zerocopy::Immutable>(kind: u16, fixed: &T, tails: &[&[u8]]) -> Vec<u8> {
    let mut bytes = fixed.as_bytes().to_vec();
    bytes.extend(tails.concat());
    let header = Header {
        bytes: u32::try_from(bytes.len()).unwrap(),
        kind,
        version: u16::try_from(LAYOUT_VERSION).unwrap(),
        pid: 7,
        ..Header::new_zeroed()
    };
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bytes
}

fn open(effective: PathDesc, requested: TailDesc, tails: &[&[u8]]) -> Vec<u8> {
    let fixed = Open {
        effective,
        requested,
        ..Open::new_zeroed()
    };
    record(Kind::Open.number(), &fixed, tails)
}

fn path(bytes: u16, root_bytes: u16) -> PathDesc {
    PathDesc {
        bytes,
        flags: 0,
        root_bytes,
        pad: 0,
    }
}

fn tail(bytes: u16) -> TailDesc {
    TailDesc {
        bytes,
        flags: TAIL_TRUNCATED,
    }
}

#[test]
fn tails_follow_in_the_order_of_their_descriptors() {
    let bytes = open(path(9, 4), tail(3), &[b"b\xff\n", b"/srv/a/b/"]);
    // At any alignment: the same record one byte further on.
    let shifted = [&[0][..], &bytes].concat();
    for bytes in [&bytes[..], &shifted[1..]] {
        let Record::Open(open) = Record::parse(bytes).unwrap() else {
            panic!("another kind")
        };
        assert_eq!(open.fixed.header.pid, 7);
        assert_eq!(
            (open.effective.bytes, open.effective.in_root()),
            (&b"/srv/a/b/"[..], &b"/a/b/"[..])
        );
        assert_eq!(
            (open.requested.bytes, open.requested.truncated()),
            (&b"b\xff\n"[..], true)
        );
        assert_eq!(open.dir, Path::default());
    }
}

#[test]
fn a_path_in_a_chroot_is_seen_from_its_root() {
    for (bytes, root_bytes, seen) in [
        ("/", 0, "/"),
        ("/a", 0, "/a"),
        ("/srv", 4, "/"),
        ("/srv/a", 4, "/a"),
        ("", 0, ""),
        ("memfd:x", 0, "memfd:x"),
    ] {
        let raw = open(
            path(u16::try_from(bytes.len()).unwrap(), root_bytes),
            tail(0),
            &[bytes.as_bytes()],
        );
        let Record::Open(open) = Record::parse(&raw).unwrap() else {
            panic!("another kind")
        };
        assert_eq!(
            open.effective.in_root(),
            seen.as_bytes(),
            "{bytes} {root_bytes}"
        );
    }
}

#[test]
fn what_is_no_record_is_refused() {
    let good = open(path(2, 0), tail(1), &[b"a", b"/a"]);
    assert!(Record::parse(&good).is_ok());
    let with = |at: usize, value: u16| {
        let mut bytes = good.clone();
        bytes[at..at + 2].copy_from_slice(&value.to_ne_bytes());
        Record::parse(&bytes).unwrap_err()
    };
    let kind_at = core::mem::offset_of!(Header, kind);
    let version_at = core::mem::offset_of!(Header, version);
    let effective_at = core::mem::offset_of!(Open, effective);
    let (fixed, whole) = (size_of::<Open>(), good.len());
    assert_eq!(
        with(0, 5),
        LayoutError::Length {
            declared: 5,
            got: whole
        }
    );
    assert_eq!(with(kind_at, 0), LayoutError::Kind { got: 0 });
    assert_eq!(with(kind_at, 999), LayoutError::Kind { got: 999 });
    assert_eq!(with(version_at, 9), LayoutError::Version { got: 9 });
    assert_eq!(
        with(effective_at, u16::MAX),
        LayoutError::Tail {
            declared: 65_535,
            left: 2
        }
    );
    assert_eq!(
        with(effective_at, 3),
        LayoutError::Tail {
            declared: 3,
            left: 2
        }
    );
    assert_eq!(with(effective_at, 1), LayoutError::Trailing { left: 1 });
    assert_eq!(
        with(effective_at + 4, 3),
        LayoutError::Root {
            declared: 3,
            path: 2
        }
    );
    assert_eq!(
        Record::parse(&[]),
        Err(LayoutError::Short {
            needed: size_of::<Header>(),
            got: 0
        })
    );
    let short = record(Kind::Open.number(), &Header::new_zeroed(), &[]);
    assert_eq!(
        Record::parse(&short),
        Err(LayoutError::Short {
            needed: fixed,
            got: size_of::<Header>()
        })
    );
}

#[test]
fn no_bytes_make_it_panic() {
    let good = open(path(9, 4), tail(3), &[b"abc", b"/srv/a/b/"]);
    for at in 0..good.len() {
        let _ = Record::parse(&good[..at]);
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = good.clone();
            bytes[at] = value;
            let (parsed, cut) = (Record::parse(&bytes), Records::new(&bytes).count());
            assert!(cut <= 1);
            if let Ok(record) = parsed {
                assert_eq!(usize::try_from(record.header().bytes).unwrap(), bytes.len());
            }
        }
    }
}

#[test]
fn a_stream_is_cut_into_whole_records() {
    let one = open(path(2, 0), tail(0), &[b"/a"]);
    let two = record(Kind::Exit.number(), &Exit::new_zeroed(), &[]);
    let stream = [&one[..], &two, &one[..9]].concat();
    let mut records = Records::new(&stream);
    assert_eq!(records.by_ref().collect::<Vec<_>>(), [&one[..], &two]);
    assert_eq!(
        records.rest(),
        &one[..9],
        "the beginning of a record that is not whole"
    );

    // A length below the header's would never end.
    let zero = [0u8; 100];
    let mut records = Records::new(&zero);
    assert_eq!(records.next(), None);
    assert_eq!(records.rest().len(), 100);
}

#[test]
fn every_error_names_itself() {
    let errors = [
        LayoutError::Short { needed: 1, got: 0 },
        LayoutError::Length {
            declared: 1,
            got: 0,
        },
        LayoutError::Version { got: 0 },
        LayoutError::Kind { got: 0 },
        LayoutError::Tail {
            declared: 1,
            left: 0,
        },
        LayoutError::Trailing { left: 1 },
        LayoutError::Root {
            declared: 1,
            path: 0,
        },
    ];
    let kinds: std::collections::BTreeSet<_> = errors.iter().map(LayoutError::kind).collect();
    assert_eq!(kinds.len(), errors.len());
}
