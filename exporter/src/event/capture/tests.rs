//! What was written is read again; what was damaged is refused at its place, and nothing before it.

use std::sync::Arc;

use exporter_ebpf::record::Counters;
use proptest::prelude::*;

use super::block::{BlockWriter, PAYLOAD_BYTES_MAX};
use super::*;
use crate::event::container::{ContainerInfo, ContainerNews};

/// An [`Item`] that lives by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Record(Vec<u8>),
    Users(String, String),
    Clock(u64),
    News(u64, ContainerNews),
    End(End),
}

fn host() -> Host {
    Host {
        layout_version: LAYOUT_VERSION as u32,
        version: "1.2.3".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        kernel_release: "6.18.0".to_owned(),
        hostname: "node-1".to_owned(),
        watched: vec!["openat".to_owned(), "connect".to_owned()],
    }
}

/// A capture of these pieces; `flushed` ends a block after each.
fn write(pieces: &[Piece], flushed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = CaptureWriter::new(&mut bytes, &host()).unwrap();
    for piece in pieces {
        match piece {
            Piece::Record(record) => writer.record(record),
            Piece::Users(passwd, group) => writer.users(passwd, group),
            Piece::Clock(boot_wall_ns) => writer.clock(*boot_wall_ns),
            Piece::News(boot_ns, news) => writer.news(*boot_ns, news),
            Piece::End(end) => {
                assert_eq!(writer.records(), end.records);
                let (_, written) = writer.finish(end.counts.clone()).unwrap();
                assert_eq!(written, bytes.len() as u64);
                return bytes;
            }
        }
        .unwrap();
        if flushed {
            writer.flush().unwrap();
        }
    }
    drop(writer);
    bytes
}

/// Everything that can be read, and what ended it.
fn read(bytes: &[u8]) -> (Vec<Piece>, Option<CaptureError>) {
    let mut pieces = Vec::new();
    let mut reader = match CaptureReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (pieces, Some(error)),
    };
    assert_eq!(reader.host(), &host());
    let error = loop {
        pieces.push(match reader.next() {
            Ok(Some(Item::Record(record))) => Piece::Record(record.to_vec()),
            Ok(Some(Item::Users { passwd, group })) => Piece::Users(passwd.into(), group.into()),
            Ok(Some(Item::Clock { boot_wall_ns })) => Piece::Clock(boot_wall_ns),
            Ok(Some(Item::News { boot_ns, news })) => Piece::News(boot_ns, news),
            Ok(Some(Item::End(end))) => Piece::End(end),
            Ok(None) => break None,
            Err(error) => break Some(error),
        });
    };
    assert!(
        matches!(reader.next(), Ok(None)),
        "there is no more after the end"
    );
    (pieces, error)
}

fn end(records: u64) -> Piece {
    let counters = Counters {
        submitted: records,
        filtered: 7,
        lost_ring_full: 2,
        lost_no_scratch: 1,
    };
    Piece::End(End {
        records,
        counts: vec![(1, counters), (60, counters)],
    })
}

fn known(name: &str) -> ContainerNews {
    ContainerNews::Known(Arc::new(ContainerInfo {
        id: name.into(),
        name: name.into(),
        ..ContainerInfo::default()
    }))
}

/// A small capture with a block of every kind, and where each block begins.
fn small() -> (Vec<Piece>, Vec<u8>, Vec<usize>) {
    let pieces = vec![
        Piece::Users(
            "root:x:0:0::/root:/bin/sh\n".to_owned(),
            "root:x:0:\n".to_owned(),
        ),
        Piece::Clock(1_700_000_000_000_000_000),
        Piece::Record(b"one".to_vec()),
        Piece::Record(Vec::new()),
        Piece::Clock(1_700_000_000_000_000_001),
        Piece::News(7, known("web")),
        Piece::Record(vec![b'x'; 300]),
        end(3),
    ];
    let starts = (0..pieces.len())
        .map(|count| write(&pieces[..count], true).len())
        .collect();
    let bytes = write(&pieces, true);
    (pieces, bytes, starts)
}

#[test]
fn every_piece_comes_back_in_its_place() {
    let (pieces, bytes, _) = small();
    let (got, error) = read(&bytes);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got, pieces);
}

#[test]
fn a_clock_that_stands_still_is_written_once() {
    let moved = write(
        &[Piece::Clock(5), Piece::Clock(5), Piece::Clock(6), end(0)],
        false,
    );
    let (pieces, _) = read(&moved);
    assert_eq!(pieces, [Piece::Clock(5), Piece::Clock(6), end(0)]);
}

#[test]
fn every_damaged_byte_is_found_and_nothing_before_it_is_lost() {
    let (pieces, bytes, starts) = small();
    for at in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= change;
            let (got, error) = read(&damaged);
            let error = error.unwrap_or_else(|| panic!("byte {at} ^ {change}: taken for whole"));
            // The piece that the byte belongs to; before the first one stand head and host.
            let whole = starts
                .iter()
                .filter(|start| **start <= at)
                .count()
                .saturating_sub(1);
            assert_eq!(got, pieces[..whole], "byte {at} ^ {change}: {error}");
            assert!(error.offset() <= at as u64, "byte {at} ^ {change}: {error}");
            if at >= starts[0] {
                assert_eq!(
                    error.offset(),
                    starts[whole] as u64,
                    "byte {at} ^ {change}: {error}"
                );
            }
        }
    }
}

#[test]
fn every_cut_is_found_and_nothing_before_it_is_lost() {
    let (pieces, bytes, starts) = small();
    for length in 0..bytes.len() {
        let (got, error) = read(&bytes[..length]);
        let error = error.unwrap_or_else(|| panic!("cut at {length}: taken for whole"));
        let whole = starts
            .iter()
            .filter(|start| **start <= length)
            .count()
            .saturating_sub(1);
        assert_eq!(got, pieces[..whole], "cut at {length}: {error}");
        assert!(error.offset() <= length as u64, "cut at {length}: {error}");
        assert!(
            !matches!(error, CaptureError::Read { .. }),
            "cut at {length}: {error}"
        );
    }
}

#[test]
fn errors_are_sentences_with_the_place() {
    let (_, bytes, starts) = small();
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        bytes
    };
    let more = [&bytes[..], b"x"].concat();
    for (damaged, expected) in [
        (b"\x7fELF".to_vec(), "this is no capture".to_owned()),
        (
            changed(8, &9_u32.to_le_bytes()),
            "format version 9 (byte 8), and this program reads 1".to_owned(),
        ),
        (
            changed(starts[2] + 20, b"!"),
            format!(
                "damaged at byte {}: the block does not have its checksum",
                starts[2]
            ),
        ),
        (
            changed(starts[2] + 4, &[0xff; 4]),
            format!(
                "damaged at byte {}: the block says it has 4294967295 bytes, and",
                starts[2]
            ),
        ),
        (
            bytes[..starts[3]].to_vec(),
            format!("damaged at byte {}: the file ends here", starts[3]),
        ),
        (
            bytes[..starts[3] + 22].to_vec(),
            format!("damaged at byte {}: the block has", starts[3]),
        ),
        (
            more,
            format!("damaged at byte {}: there is more", bytes.len()),
        ),
    ] {
        let (_, error) = read(&damaged);
        let text = error.expect(&expected).to_string();
        assert!(text.contains(&expected), "{text}");
    }
}

/// Head and host as they are written, with other blocks behind them.
fn with_blocks(host: &Host, blocks: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    drop(CaptureWriter::new(&mut bytes, host).unwrap());
    let mut writer = BlockWriter::new(&mut bytes);
    for (kind, records, payload) in blocks {
        writer.block(*kind, *records, payload).unwrap();
    }
    bytes
}

#[test]
fn blocks_that_lie_are_refused() {
    let record = b"\x01\x00\x00\x00r";
    let end = |records: u64| records.to_le_bytes();
    let after_host = with_blocks(&host(), &[]).len() as u64;
    for (blocks, expected) in [
        (
            &[(KIND_RECORDS, 2, &record[..])][..],
            "does not hold what it says",
        ),
        (
            &[(KIND_RECORDS, 1, &record[..4])],
            "does not hold what it says",
        ),
        (&[(KIND_CLOCK, 0, &[0; 7])], "does not hold what it says"),
        (&[(KIND_USERS, 0, &[0; 9])], "does not hold what it says"),
        (&[(KIND_END, 0, &end(1))], "speaks of 1 records, and 0 came"),
        (&[(KIND_HOST, 0, b"")], "a second block"),
        (&[(77, 0, b"")], "block of unknown kind 77 at byte"),
    ] {
        let (pieces, error) = read(&with_blocks(&host(), blocks));
        let error = error.expect(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!((pieces, error.offset()), (Vec::new(), after_host));
    }
}

#[test]
fn what_may_be_skipped_is_skipped() {
    let end = 0_u64.to_le_bytes();
    let blocks: &[(u32, u32, &[u8])] = &[
        (OPTIONAL_KINDS, 0, b"later"),
        (OPTIONAL_KINDS | 2, 0, b"{}"),
        (u32::MAX, 3, b""),
        (KIND_END, 0, &end),
    ];
    let (pieces, error) = read(&with_blocks(&host(), blocks));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(pieces, [Piece::End(End::default())]);
}

#[test]
fn what_others_recorded_is_refused_with_a_way_out() {
    let layout = Host {
        layout_version: 9_999,
        ..host()
    };
    let architecture = Host {
        architecture: "pdp11".to_owned(),
        ..host()
    };
    for (host, expected) in [
        (layout, "records of layout 9999"),
        (architecture, "recorded on pdp11"),
    ] {
        let error = CaptureReader::new(&with_blocks(&host, &[])[..]).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains("replay it"), "{error}");
    }
}

#[test]
fn what_is_too_large_is_not_written() {
    let mut writer = CaptureWriter::new(Vec::new(), &host()).unwrap();
    assert!(writer.record(&vec![0; RECORD_BYTES_MAX]).is_ok());
    let error = writer.record(&vec![0; RECORD_BYTES_MAX + 1]).unwrap_err();
    assert!(error.to_string().contains("262145 bytes"), "{error}");
    let error = writer
        .users(&"x".repeat(PAYLOAD_BYTES_MAX), "")
        .unwrap_err();
    assert!(error.to_string().contains("takes 16777216"), "{error}");
    assert_eq!(writer.records(), 1);
}

fn piece() -> impl Strategy<Value = Piece> {
    let record = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..600),
        // Two of these are more than what is gathered for a block.
        1 => (any::<u8>(), 100_000_usize..200_000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop_oneof![
        20 => record.prop_map(Piece::Record),
        1 => (".{0,40}", ".{0,40}").prop_map(|(passwd, group)| Piece::Users(passwd, group)),
        1 => any::<u64>().prop_map(Piece::Clock),
        1 => (any::<u64>(), ".{0,40}").prop_map(|(at, name)| Piece::News(at, known(&name))),
        1 => (any::<u64>(), ".{0,40}").prop_map(|(at, id)| Piece::News(at, ContainerNews::Gone(id.into()))),
    ]
}

fn capture() -> impl Strategy<Value = Vec<Piece>> {
    prop::collection::vec(piece(), 0..60).prop_map(|mut pieces| {
        let mut clock = None;
        pieces.retain(|piece| match piece {
            Piece::Clock(now) => clock.replace(*now) != Some(*now),
            _ => true,
        });
        let records = pieces
            .iter()
            .filter(|piece| matches!(piece, Piece::Record(_)))
            .count();
        pieces.push(end(records as u64));
        pieces
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(pieces in capture(), flushed: bool) {
        let (got, error) = read(&write(&pieces, flushed));
        prop_assert!(error.is_none(), "{:?}", error);
        prop_assert_eq!(got, pieces);
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), behind: u8) {
        // Behind nothing, behind a head and behind a host.
        let before = match behind % 3 {
            0 => Vec::new(),
            1 => write(&[], false)[..HEAD_BYTES as usize].to_vec(),
            _ => write(&[], false),
        };
        let (_, error) = read(&[before, bytes].concat());
        prop_assert!(error.is_some());
    }

    #[test]
    fn random_payloads_never_panic(
        kind in prop_oneof![1_u32..6, Just(KIND_NEWS)],
        records in 0_u32..4,
        payload in prop::collection::vec(prop_oneof![3 => 0_u8..6, 1 => any::<u8>()], 0..60),
    ) {
        let (pieces, error) = read(&with_blocks(&host(), &[(kind, records, &payload)]));
        prop_assert!(error.is_some() || matches!(pieces.last(), Some(Piece::End(_))));
    }

    #[test]
    fn several_damages_are_found(changes in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..5)) {
        let (pieces, bytes, _) = small();
        let mut damaged = bytes.clone();
        for (at, change) in changes {
            damaged[at.index(bytes.len())] ^= change;
        }
        let (got, error) = read(&damaged);
        prop_assert_eq!(error.is_none(), damaged == bytes);
        prop_assert_eq!(&got[..], &pieces[..got.len()]);
    }
}
