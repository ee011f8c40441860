//! What a benchmark does with what it has measured: prints it, or puts it into a page of the documentation.

use std::path::Path;

/// The arguments of a benchmark, without the one that cargo adds.
pub fn arguments() -> Vec<String> {
    std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect()
}

/// Measures and prints Markdown, or with `--write PAGE.md` puts it between the page's comments `NAME: begin` and `NAME: end`.
/// Other arguments end the program with a word on these.
pub fn main(name: &str, arguments: &[String], report: impl FnOnce() -> String) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => println!("{}", report()),
        ["--write", page] => write(Path::new(page), name, &report()),
        _ => {
            eprintln!("arguments: [--write PAGE.md]; found {arguments:?}");
            std::process::exit(2);
        }
    }
}

/// Processor, number of cores and kernel.
pub fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unnamed processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let release = read("/proc/sys/kernel/osrelease");
    let version = release.split('-').next().unwrap_or_default().trim();
    format!("{model}, {cores} cores, Linux {version}")
}

fn write(page: &Path, name: &str, report: &str) {
    let text = std::fs::read_to_string(page).expect("the page can be read");
    std::fs::write(page, with(&text, name, report)).expect("the page can be written");
}

fn with(text: &str, name: &str, report: &str) -> String {
    let begin = format!("<!-- {name}: begin -->\n");
    let end = format!("<!-- {name}: end -->\n");
    let place = text.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let (before, after) = place.unwrap_or_else(|| panic!("the page has no place for {name}"));
    format!("{before}{begin}{report}{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_the_place_of_the_one_before() {
        let page =
            "# P\n<!-- a: begin -->\nold\n<!-- a: end -->\n\n<!-- b: begin -->\n<!-- b: end -->\n";
        let first = with(page, "a", "new\n");
        assert_eq!(
            with(&first, "b", "other\n"),
            "# P\n<!-- a: begin -->\nnew\n<!-- a: end -->\n\n<!-- b: begin -->\nother\n<!-- b: end -->\n"
        );
    }

    #[test]
    #[should_panic(expected = "no place for c")]
    fn a_page_without_its_place_is_told() {
        with("# P\n", "c", "new\n");
    }
}
