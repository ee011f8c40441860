//! x
use aya::{Btf, EbpfLoader, programs::{BtfTracePoint, Iter}};
use exporter_ebpf::{BASE, Hook, PROGRAMS};
#[test]
fn loads() {
    let btf = Btf::from_sys_fs().unwrap();
    let mut ebpf = EbpfLoader::new().btf(Some(&btf)).verifier_log_level(aya::VerifierLogLevel::STATS).load(BASE).unwrap();
    for p in PROGRAMS {
        let prog = ebpf.program_mut(p.name).unwrap();
        let t = std::time::Instant::now();
        let r = match p.hook {
            Hook::Tracepoint(tp) => { let prog: &mut BtfTracePoint = prog.try_into().unwrap(); prog.load(tp, &btf) }
            Hook::Iterator(tp) => { let prog: &mut Iter = prog.try_into().unwrap(); prog.load(tp, &btf) }
        };
        match r { Ok(()) => println!("{} ok {:?}", p.name, t.elapsed()), Err(aya::programs::ProgramError::LoadError{verifier_log, io_error}) => { let l = verifier_log.to_string(); println!("{} {io_error} {}", p.name, &l[l.len().saturating_sub(3000)..]) } Err(e) => println!("{} {e:?}", p.name) }
    }
}
