//! The page in a real browser: complete without scripts, live with them, and usable by keyboard and screen reader.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::agent::Agent;
use crate::support::chromium::Page;
use crate::support::http::{follow, get, percent_encoded};
use crate::support::wait::wait_until;

/// A rule that whoever opens the file `bait` in the folder matches, with what stands in the command line.
fn watching(folder: &TempDir) -> (Agent, String) {
    let bait = folder.path().join("bait");
    fs::write(&bait, "").expect("the scratch folder is writable");
    let rules = folder.path().join("rules.yaml");
    let text = format!(
        "- rule: Bait & <b>switch</b>\n  desc: d\n  condition: evt.type in (open, openat, openat2) and fd.name = {}\n  \
         output: taken (command=%proc.cmdline)\n  priority: WARNING\n",
        bait.display()
    );
    fs::write(&rules, text).expect("the scratch folder is writable");
    let agent = Agent::start(&["-r", rules.to_str().expect("a UTF-8 path")]);
    (agent, bait.to_str().expect("a UTF-8 path").to_owned())
}

/// Opens the bait with a command line that would like to be a part of the page.
fn take(bait: &str, mark: &str) {
    let read = Command::new("cat")
        .args([
            bait,
            &format!("<img/src=x/onerror=document.title='{mark}'>"),
        ])
        .output()
        .expect("cat runs");
    assert!(!read.status.success(), "there is no such second file");
}

const ROWS: &str =
    "[...document.querySelectorAll('#list .output')].map(row => row.textContent).join('\\n')";

#[test]
fn without_scripts_the_page_shows_what_is() {
    let folder = TempDir::new().expect("a scratch folder");
    let (mut agent, bait) = watching(&folder);
    take(&bait, "early");
    agent.wait_for_match("the bait is taken", |line| line["priority"] == "Warning");
    wait_until("the match is on the page", || {
        get(agent.addr(), "/", "").is_ok_and(|(_, page)| page.contains("early"))
    });
    let mut page = Page::open(agent.addr(), false);
    let shown = page.call(
        "DOM.getDocument",
        serde_json::json!({"depth": -1, "pierce": true}),
    );
    let text = shown.to_string();
    for part in [
        "Recent matches",
        "Bait & <b>switch</b>",
        "onerror=document.title='early'",
        "Ready",
        "Events lost",
    ] {
        assert!(text.contains(part), "{part}");
    }
    // Scripts are off for the page, not for the question.
    assert_eq!(
        page.evaluate("document.querySelectorAll('img, b').length"),
        0
    );
    assert_eq!(
        page.evaluate("document.getElementById('pause').checkVisibility()"),
        false
    );
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);
}

#[test]
fn matches_appear_while_one_looks() {
    let folder = TempDir::new().expect("a scratch folder");
    let (mut agent, bait) = watching(&folder);
    let mut page = Page::open(agent.addr(), true);
    wait_until("the page is live", || {
        page.evaluate("document.getElementById('live').textContent") == "Live"
    });
    assert_eq!(
        page.evaluate("document.getElementById('none').hidden"),
        false
    );
    take(&bait, "first");
    let rows = |page: &mut Page| page.evaluate(ROWS).as_str().unwrap_or("").to_owned();
    wait_until("the match appears", || rows(&mut page).contains("'first'"));
    wait_until("the number follows", || {
        page.evaluate("document.querySelector('#rules .number').textContent") == "1"
    });
    assert_eq!(
        page.evaluate("document.getElementById('none').hidden"),
        true
    );

    page.evaluate("document.getElementById('pause').click()");
    assert_eq!(
        page.evaluate("document.getElementById('live').textContent"),
        "Paused"
    );
    take(&bait, "second");
    agent.wait_for_match("the second is counted", |line| {
        line["output"].to_string().contains("second")
    });
    page.evaluate("document.getElementById('pause').click()");
    wait_until("what was missed is made up for", || {
        rows(&mut page).contains("'second'")
    });
    let seen = rows(&mut page);
    assert_eq!(seen.matches("'first'").count(), 1, "nothing twice: {seen}");

    // What the command line asked for has not happened.
    assert_eq!(
        page.evaluate("document.querySelectorAll('main img, main b').length"),
        0
    );
    let title = page.evaluate("document.title").to_string();
    assert!(title.contains("Saker on"), "{title}");
    // Everything came from the agent, and the browser had nothing to complain about.
    let origins = "[...new Set(performance.getEntriesByType('resource').map(one => new URL(one.name).origin))]";
    let origins = page.evaluate(origins);
    assert_eq!(
        origins,
        serde_json::json!([format!("http://{}", agent.addr())])
    );
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);
}

/// A rule of this name that whoever opens this file matches.
fn rule(name: &str, file: &Path) -> String {
    format!(
        "- rule: {name}\n  desc: d\n  condition: evt.type in (open, openat, openat2) and fd.name = {}\n  \
         output: taken (container=%container.id)\n  priority: WARNING\n",
        file.display()
    )
}

#[test]
fn who_asks_for_a_rule_or_a_container_gets_nothing_else() {
    let folder = TempDir::new().expect("a scratch folder");
    let baits = ["first", "second"].map(|name| folder.path().join(name));
    let rules = folder.path().join("rules.yaml");
    let text = rule("First & one", &baits[0]) + &rule("Second", &baits[1]);
    fs::write(&rules, text).expect("the scratch folder is writable");
    let agent = Agent::start(&["-r", rules.to_str().expect("a UTF-8 path")]);
    let first = percent_encoded("First & one");
    let queries = [
        ("", "12"),
        (&*format!("?rule={first}"), "1"),
        ("?rule=Second", "2"),
        ("?rule=Third", ""),
        ("?container=host", "12"),
        (&*format!("?rule={first}&container=host"), "1"),
        ("?rule=Second&container=17f0a7641aa3", ""),
    ];
    let mut streams = queries.map(|(query, _)| follow(agent.addr(), query));
    for bait in &baits {
        fs::write(bait, "").expect("the scratch folder is writable");
    }
    let number = |line: &Value| match line["rule"].as_str() {
        Some("First & one") => "1",
        Some("Second") => "2",
        other => panic!("no rule of ours: {other:?}"),
    };
    let list = |query: &str| {
        let path = format!("/api/v1/matches{query}");
        let (_, text) = get(agent.addr(), &path, "").expect("the agent answers");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        let matches = answer["matches"].as_array().expect("a list").iter();
        matches.map(number).collect::<String>()
    };
    wait_until("both are there", || list("") == "12");
    for (query, expected) in queries {
        assert_eq!(list(query), expected, "{query}");
        let (_, page) = get(agent.addr(), &format!("/{query}"), "").expect("the agent answers");
        let rows = page.matches("<li class=\"match\">").count();
        assert_eq!(rows, expected.len(), "{query}");
    }
    // Once more, so that a stream that leaves out too little has something to tell in between.
    fs::write(&baits[0], "").expect("the scratch folder is writable");
    for (stream, (query, expected)) in streams.iter_mut().zip(queries) {
        let again = if expected.contains('1') { "1" } else { "" };
        let expected = format!("{expected}{again}");
        let told = stream.take(expected.len());
        let told: Vec<&str> = told.map(|line| number(&line)).collect();
        assert_eq!(told.concat(), expected, "{query}");
    }
}

/// Gives the contrast of every visible text that is too weak against its ground, and its element.
const CONTRAST: &str = r"(() => {
  const parse = (colour) => { const n = colour.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), a: n[3] ?? 1 }; };
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb; } return [255, 255, 255]; };
  const weak = [];
  let checked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !e.checkVisibility() || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(e.tagName)) continue;
    checked += 1;
    const [a, b] = [light(parse(getComputedStyle(e).color).rgb), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${ratio.toFixed(2)} ${e.tagName}.${e.className}: ${walker.currentNode.textContent}`);
  }
  return { checked, weak };
})()";

/// Faults in what assistive technology is told.
const STRUCTURE: &str = r"(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
  const named = (e) => e.getAttribute('aria-label') || e.textContent.trim()
    || (e.getAttribute('aria-labelledby') || '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('').trim();
  const want = (truth, fault) => { if (!truth) faults.push(fault); };
  want(document.documentElement.lang === 'en', 'no language');
  want(document.title !== '', 'no title');
  for (const landmark of ['header', 'main', 'footer', 'nav']) want(all(landmark).length === 1, `not one ${landmark}`);
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map((e) => Number(e.tagName[1]));
  want(levels.filter((l) => l === 1).length === 1 && levels[0] === 1, 'not one h1 at the beginning');
  levels.forEach((l, i) => want(i === 0 || l <= levels[i - 1] + 1, `a level of headings is left out before heading ${i}`));
  for (const e of all('a, button, input, section, [role=region], [role=log]')) {
    const named_by = e.getAttribute('aria-labelledby');
    want(named(e) !== '', `without a name: ${e.outerHTML.slice(0, 80)}`);
    want(!named_by || document.getElementById(named_by), `named by what is not there: ${named_by}`);
  }
  for (const e of all('th')) want(['col', 'row'].includes(e.scope), `th without scope: ${e.textContent}`);
  for (const e of all('tbody tr')) want(e.querySelector('th[scope=row]'), 'row without a header');
  for (const e of all('svg')) want(e.getAttribute('aria-hidden') === 'true' || named(e), 'picture without a name');
  want(document.querySelector('[role=log][aria-live=polite]'), 'news are not told');
  for (const e of all('*')) {
    const style = getComputedStyle(e);
    const scrolls = /auto|scroll/.test(style.overflowY + style.overflowX) && (e.scrollHeight > e.clientHeight || e.scrollWidth > e.clientWidth);
    want(!scrolls || e.tabIndex >= 0 || e === document.documentElement, `scrolls, and no key reaches it: ${e.className}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  want(new Set(ids).size === ids.length, 'an id twice');
  want(document.documentElement.scrollWidth <= innerWidth, `wider than the window: ${document.documentElement.scrollWidth} > ${innerWidth}`);
  for (const e of all('button, input, footer a')) {
    const box = e.getBoundingClientRect();
    want(box.height >= 20, `too small to hit: ${e.outerHTML.slice(0, 60)} ${box.height}`);
  }
  return faults;
})()";

#[test]
fn the_page_is_for_everybody() {
    let folder = TempDir::new().expect("a scratch folder");
    let (_agent, bait) = watching(&folder);
    let agent = &_agent;
    take(&bait, "one");
    let mut page = Page::open(agent.addr(), true);
    wait_until("the match appears", || {
        page.evaluate(ROWS).to_string().contains("'one'")
    });
    for scheme in ["light", "dark"] {
        page.prefer_colour(scheme);
        for (width, height) in [(1440, 900), (800, 700), (320, 640)] {
            page.resize(width, height);
            let faults = page.evaluate(STRUCTURE);
            assert_eq!(faults, serde_json::json!([]), "{scheme}, {width} pixels");
            // What has just arrived is marked by its ground for a moment.
            wait_until("nothing moves any more", || {
                page.evaluate("document.getAnimations().length") == 0
            });
            let contrast = page.evaluate(CONTRAST);
            assert!(contrast["checked"].as_u64() > Some(40), "{contrast}");
            assert_eq!(
                contrast["weak"],
                serde_json::json!([]),
                "{scheme}, {width} pixels"
            );
        }
    }
    page.resize(1440, 900);
    let stops = tab_through(&mut page);
    let order: Vec<&str> = stops
        .iter()
        .map(|stop| stop["name"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(order[0], "Skip to the recent matches", "{order:?}");
    for name in ["Pause", "filter", "Metrics", "Documentation"] {
        assert!(
            order.contains(&name),
            "{name} is not reached by keys: {order:?}"
        );
    }
    for stop in &stops {
        assert_eq!(
            stop["visible"], true,
            "where the keys are cannot be seen: {stop}"
        );
    }
}

/// Goes through the page by the tab key: what is reached, and whether that can be seen.
fn tab_through(page: &mut Page) -> Vec<Value> {
    let mut stops = Vec::new();
    for _ in 0..40 {
        page.press("Tab", 9);
        let stop = page.evaluate(
            "(() => { const e = document.activeElement; const s = getComputedStyle(e); return { \
             name: e.tagName === 'A' || e.tagName === 'BUTTON' ? e.textContent : e.id || e.getAttribute('aria-labelledby') || e.tagName, \
             visible: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 }; })()",
        );
        if stop["name"] == "BODY" {
            break;
        }
        stops.push(stop);
    }
    stops
}

/// Pictures of the page for people to look at: `PICTURES=folder`.
#[test]
fn pictures_can_be_taken() {
    use base64::Engine as _;
    let folder = TempDir::new().expect("a scratch folder");
    let kept = std::env::var_os("PICTURES").map_or(folder.path().to_owned(), Into::into);
    let (_agent, bait) = watching(&folder);
    for mark in ["one", "two", "three"] {
        take(&bait, mark);
    }
    let mut page = Page::open(_agent.addr(), true);
    wait_until("the matches appear", || {
        page.evaluate(ROWS).to_string().contains("'three'")
    });
    wait_until("the rates are known", || {
        page.evaluate("document.querySelector('#t-events .aside').textContent")
            .to_string()
            .contains("per second")
    });
    for scheme in ["light", "dark"] {
        page.prefer_colour(scheme);
        for (width, height) in [(1440, 900), (390, 844)] {
            page.resize(width, height);
            let png = base64::prelude::BASE64_STANDARD.decode(page.picture());
            let png = png.expect("base64");
            assert!(png.starts_with(b"\x89PNG") && png.len() > 10_000);
            let path = kept.join(format!("page-{scheme}-{width}.png"));
            fs::write(path, png).expect("the folder is writable");
        }
    }
}
