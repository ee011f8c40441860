"use strict";
(() => {
  const KEPT = 100;
  const element = (id) => document.getElementById(id);
  // Text from events is only ever set as text. What would not be seen, or would turn the line around, is shown as its number.
  const visible = (text) =>
    String(text).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
  const make = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = visible(text);
    return made;
  };
  const whole = new Intl.NumberFormat("en");
  const count = (number) => whole.format(number);
  const SHADES = { Emergency: "grave", Alert: "grave", Critical: "grave", Error: "grave", Warning: "warning", Notice: "notice" };
  const badge = (priority) => make("span", `priority ${SHADES[priority] ?? ""}`, priority);

  // Matches, live.
  const list = element("list");
  const live = element("live");
  const pause = element("pause");
  let source = null;
  let seen = Number(document.body.dataset.newest);
  const row = (match) => {
    const item = make("li", "match new");
    const head = make("div", "head");
    const time = make("time", "", `${match.time.slice(11, 19)} UTC`);
    time.dateTime = match.time;
    time.title = match.time;
    head.append(time, badge(match.priority), make("strong", "", match.rule));
    // Time and priority, with which the text begins, stand above it.
    const begin = `: ${match.priority} `;
    const message = match.output.slice(match.output.indexOf(begin) + begin.length);
    item.append(head, make("p", "output", message));
    return item;
  };
  const trim = () => {
    while (list.children.length > KEPT) list.lastElementChild.remove();
    element("none").hidden = list.children.length > 0;
  };
  const tell = (words, className = "") => {
    live.textContent = words;
    live.className = `hint ${className}`;
  };
  const follow = () => {
    source = new EventSource(`/api/v1/matches/stream?after=${seen}&${location.search.slice(1)}`);
    source.onopen = () => tell("Live", "on");
    source.onerror = () => tell(source.readyState === EventSource.CLOSED ? "Not live; reload the page" : "Reconnecting…");
    source.addEventListener("match", (event) => {
      seen = Number(event.lastEventId);
      list.prepend(row(JSON.parse(event.data)));
      trim();
    });
    source.addEventListener("missed", (event) => {
      const item = make("li", "match", `${count(Number(event.data))} more matches came too fast to be shown`);
      list.prepend(item);
      trim();
    });
  };
  pause.addEventListener("click", () => {
    const paused = source !== null;
    if (paused) {
      source.close();
      source = null;
      tell("Paused");
    } else {
      follow();
    }
    pause.textContent = paused ? "Resume" : "Pause";
  });
  live.hidden = pause.hidden = false;
  follow();

  // Numbers, every few seconds while somebody looks.
  let last = null;
  const rate = (now, before, seconds) => {
    const value = Math.max(0, now - before) / seconds;
    return value >= 10 || value === 0 ? count(Math.round(value)) : value.toFixed(1);
  };
  const sum = (rows) => rows.reduce((total, one) => total + one.count, 0);
  const tile = (id, value, aside, alarm = false) => {
    const place = element(id);
    place.querySelector(".value").textContent = value;
    place.querySelector(".aside").textContent = aside;
    place.classList.toggle("alarm", alarm);
  };
  const cells = (header, rest, className) => {
    const line = make("tr", className);
    const name = make("th", "", header);
    name.scope = "row";
    line.append(name, ...rest);
    return line;
  };
  const number = (value) => make("td", "number", count(value));
  const filter = element("filter");
  const showRules = (rules) => {
    const wanted = filter.value.trim().toLowerCase();
    const rows = rules
      .filter((rule) => rule.rule.toLowerCase().includes(wanted) || rule.priority.toLowerCase().includes(wanted))
      .map((rule) => {
        const priority = make("td");
        priority.append(badge(rule.priority));
        return cells(rule.rule, [priority, number(rule.matches)], rule.matches ? "" : "quiet");
      });
    element("rules").replaceChildren(...rows);
  };
  const showEvents = (status) => {
    const counts = new Map(status.events.map((event) => [event.type, event.count]));
    for (const line of element("events").rows) {
      const seen = counts.get(line.dataset.event) ?? 0;
      line.querySelector(".number").textContent = count(seen);
      line.classList.toggle("quiet", seen === 0);
    }
  };
  const show = (status) => {
    const state = element("state");
    const words = status.ready ? "Ready" : `Not ready: ${visible(status.reason)}`;
    if (state.textContent !== words) state.textContent = words;
    state.className = `state ${status.ready ? "ready" : "not-ready"}`;
    const seconds = last ? status.time_seconds - last.time_seconds : 0;
    const total = (one) => one.rules.reduce((all, rule) => all + rule.matches, 0);
    const lost = sum(status.losses);
    if (seconds > 0) {
      tile("t-matches", count(total(status)), `${rate(total(status), total(last), seconds)} per second`);
      tile("t-events", count(sum(status.events)), `${rate(sum(status.events), sum(last.events), seconds)} per second`);
      const share = ((status.process.cpu_seconds - last.process.cpu_seconds) / seconds) * 100;
      const memory = `${(status.process.resident_bytes / 1048576).toFixed(0)} MiB`;
      tile("t-process", memory, `${share.toFixed(1)} % of one CPU`);
    }
    tile("t-lost", count(lost), lost ? "see the limits below" : "nothing is missing", lost > 0);
    tile("t-rules", count(status.reload.rules), status.reload.successful ? "as in the files" : "last reload failed", !status.reload.successful);
    showRules(status.rules);
    showEvents(status);
    last = status;
  };
  const refresh = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/api/v1/status", { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json());
    } catch {
      const state = element("state");
      state.textContent = "The agent does not answer";
      state.className = "state not-ready";
    }
  };
  filter.hidden = false;
  filter.addEventListener("input", () => last && showRules(last.rules));
  refresh();
  setInterval(refresh, 3000);
})();
