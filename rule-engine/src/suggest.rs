//! Did-you-mean: the candidate that a misspelt word most likely meant.
//!
//! In: a word and the names that exist. Out: one of them, or nothing rather than a far-fetched guess. Never: meaning.

/// Longer words get no suggestion: the distance takes time in the product of the lengths.
const MAX_WORD: usize = 128;

/// The candidate nearest to `word`: at most a third of the word may have to change. Among equals the first.
pub fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_WORD {
        return None;
    }
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let limit = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len() > MAX_WORD {
            continue;
        }
        let letters: Vec<char> = candidate.to_lowercase().chars().collect();
        if letters.len().abs_diff(word.len()) > limit {
            continue;
        }
        let distance = distance(&word, &letters);
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added, removed or swapped with their neighbour to turn `a` into `b`.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j - 1] + change).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_candidate_or_none() {
        let names = [
            "proc.name",
            "proc.pname",
            "fd.name",
            "evt.type",
            "condition",
        ];
        for (word, expected) in [
            ("proc.nmae", Some("proc.name")),
            ("PROC.NAME", Some("proc.name")),
            ("evt.typ", Some("evt.type")),
            ("conditon", Some("condition")),
            ("ka.verb", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(closest(word, names.into_iter()), expected, "{word}");
        }
        assert_eq!(closest(&"x".repeat(1000), names.into_iter()), None);
    }

    #[test]
    fn a_swap_counts_as_one_change() {
        let letters = |s: &str| s.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("nmae"), &letters("name")), 1);
        assert_eq!(distance(&letters(""), &letters("abc")), 3);
        assert_eq!(distance(&letters("kitten"), &letters("sitting")), 3);
    }
}
