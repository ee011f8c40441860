//! The parts of an image's name.
//!
//! Sources: the reference grammar of the distribution project: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.

use crate::event::container::{ImageInfo, is_hex_id};

/// Tag of an image that is named without one.
const TAG_DEFAULT: &str = "latest";

/// An image by its name, with what else its engine says: its id, and its names with tag and with digest.
pub(super) fn image<'a>(
    name: &str,
    id: &str,
    tagged: impl IntoIterator<Item = &'a str>,
    digested: impl IntoIterator<Item = &'a str>,
) -> ImageInfo {
    // An image may be named by its id; then a name that it has is the better one.
    let tagged = tagged.into_iter().find(|_| is_id(name));
    let best = tagged.unwrap_or(name);
    let (rest, digest) = best.split_once('@').unwrap_or((best, ""));
    let (repository, tag) = match rest.rsplit_once(':') {
        // A colon before the last slash is a port's.
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (rest, ""),
    };
    let repository = if is_id(best) { "" } else { repository };
    let default = match (repository, tag, digest) {
        ("", ..) => "",
        (_, "", "") => TAG_DEFAULT,
        _ => tag,
    };
    let of_repository = |digested: &'a str| {
        let (name, digest) = digested.split_once('@')?;
        (repository.is_empty() || name.ends_with(repository)).then_some(digest)
    };
    let digest = match digest {
        "" => digested.into_iter().find_map(of_repository).unwrap_or(""),
        digest => digest,
    };
    ImageInfo {
        name: best.into(),
        id: bare(id).into(),
        repository: repository.into(),
        tag: if is_id(best) { "" } else { default }.into(),
        digest: digest.into(),
    }
}

/// An id without the name of its hash.
pub(super) fn bare(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn is_id(name: &str) -> bool {
    is_hex_id(bare(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    const ID: &str = "9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8";

    #[test]
    fn names_have_parts() {
        for (name, repository, tag, digest) in [
            ("nginx", "nginx", "latest", ""),
            ("nginx:1.25", "nginx", "1.25", ""),
            ("host:5000/a/b", "host:5000/a/b", "latest", ""),
            ("host:5000/a/b:v2", "host:5000/a/b", "v2", ""),
            ("a/b@sha256:00", "a/b", "", "sha256:00"),
            ("a/b:v2@sha256:00", "a/b", "v2", "sha256:00"),
            ("", "", "", ""),
        ] {
            let got = image(name, "sha256:12", [], []);
            assert_eq!(
                (&*got.repository, &*got.tag, &*got.digest, &*got.id),
                (repository, tag, digest, "12"),
                "{name}"
            );
        }
    }

    #[test]
    fn an_image_named_by_id_has_its_other_names() {
        let named = image(
            ID,
            ID,
            ["a/b:v1"],
            ["x@sha256:11", "docker.io/a/b@sha256:22"],
        );
        assert_eq!((&*named.name, &*named.repository), ("a/b:v1", "a/b"));
        assert_eq!((&*named.tag, &*named.digest), ("v1", "sha256:22"));
        let nameless = image(&format!("sha256:{ID}"), ID, [], []);
        assert_eq!((&*nameless.repository, &*nameless.tag), ("", ""));
    }

    proptest! {
        #[test]
        fn any_name_has_parts(name: String, tagged: String, digested: String) {
            image(&name, &name, [tagged.as_str()], [digested.as_str()]);
        }
    }
}
