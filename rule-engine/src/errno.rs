//! Names of error numbers, as `evt.res` and `evt.arg.res` print them.
//!
//! Sources: Linux `include/uapi/asm-generic/errno.h`; the numbers are the same on x86-64 and arm64.

/// The name of an error number (positive), such as `ENOENT` for 2.
pub fn name(number: u32) -> Option<&'static str> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    NAMES
        .split_ascii_whitespace()
        .nth(at)
        .filter(|name| *name != "-")
}

/// The number behind a name.
pub fn number(name: &str) -> Option<u32> {
    let at = NAMES
        .split_ascii_whitespace()
        .position(|known| known == name && known != "-")?;
    u32::try_from(at + 1).ok()
}

/// All numbers that have a name, with it.
pub(crate) fn all() -> impl Iterator<Item = (u32, &'static str)> {
    (1..)
        .zip(NAMES.split_ascii_whitespace())
        .filter(|(_, name)| *name != "-")
}

/// By number, from 1; `-` where there is none.
const NAMES: &str = "
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST
    EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
    ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG
    EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET
    ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG
    ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK EDESTADDRREQ EMSGSIZE
    EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE
    EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN
    ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL
    EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED EKEYREJECTED EOWNERDEAD
    ENOTRECOVERABLE ERFKILL EHWPOISON
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for (n, text) in [
            (1, "EPERM"),
            (2, "ENOENT"),
            (13, "EACCES"),
            (38, "ENOSYS"),
            (111, "ECONNREFUSED"),
            (133, "EHWPOISON"),
        ] {
            assert_eq!(name(n), Some(text));
            assert_eq!(number(text), Some(n));
        }
        for n in [0, 41, 58, 134, u32::MAX] {
            assert_eq!(name(n), None, "{n}");
        }
        assert_eq!(number("-"), None);
        assert_eq!(number("ESUCCESS"), None);
    }
}
