/* What it wrote: builds the groups that a filter leaves, some at a time. Whatever models wrote is
   put in as text (textContent), never as markup. */
(() => {
  "use strict";

  const SECTION = "bg-texts";
  const HASH = `#${SECTION}?`;
  const SHORT = 400; // characters of a text that are shown at first
  // How much is built at once: little where somebody waits for a filter. A group counts for its
  // heading and prompt, and for what stands in it.
  const FIRST = 100;
  const NEXT = 500;
  const GROUP = 12;
  const PAIRS = 20; // of a table
  const FOUND = 32; // beside the kinds of marks in the data
  const KINDS = [
    [1, "cantonese"], [2, "english"], [4, "simplified"], [8, "loop"], [16, "differs"],
    [FOUND, "found"],
  ];
  const SIGNS = {
    right: "✓", wrong: "✗", none: "–", degenerate: "!", loops: "↻",
    pass: "✓", fail: "✗", inconclusive: "?", invalid: "!",
  };
  const COLOURS = {
    right: "pass", wrong: "fail", none: "inconclusive", degenerate: "invalid", loops: "fail",
  };

  const section = document.getElementById(SECTION);
  const data = JSON.parse(document.getElementById(`${SECTION}-data`).textContent);
  const form = section.querySelector(".bg-filters");
  const { candidate: boxes, check, sample: kind, verdict, text: search } = form.elements;
  const count = section.querySelector(".bg-count");
  const unknown = section.querySelector(".bg-unknown");
  const groups = section.querySelector(".bg-groups");
  const more = section.querySelector(".bg-more");
  const number = new Intl.NumberFormat(data.language);

  const say = (key, values = {}) =>
    data.words[key].replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  };

  const name = (text) => make("bdi", "", text);

  // Texts.

  const read = (index) => {
    const stored = data.texts[index];
    const [shown, leftOut, marks] = typeof stored === "string" ? [stored, 0, []] : stored;
    return { shown, leftOut, marks };
  };

  const placesOf = (text, pattern) => {
    if (pattern === null) return [];
    return Array.from(text.matchAll(pattern), (match) =>
      [match.index, match.index + match[0].length]);
  };

  /* Cut a text at the borders of its marks and of what was searched for. */
  const pieces = (text, marks, found, end) => {
    const cuts = new Set([0, end]);
    const steps = new Map(); // by place: which kinds begin or end there
    const cut = (start, stop, kinds) => {
      if (start >= end || start === stop) return;
      for (const [at, step] of [[start, 1], [Math.min(stop, end), -1]]) {
        cuts.add(at);
        if (!steps.has(at)) steps.set(at, []);
        steps.get(at).push([kinds, step]);
      }
    };
    for (let at = 0; at < marks.length; at += 3) cut(marks[at], marks[at + 1], marks[at + 2]);
    for (const [start, stop] of found) cut(start, stop, FOUND);
    const open = new Map(KINDS.map(([bit]) => [bit, 0]));
    const borders = [...cuts].sort((first, second) => first - second);
    return borders.slice(0, -1).map((start, index) => {
      for (const [kinds, step] of steps.get(start) ?? []) {
        for (const [bit] of KINDS) if (kinds & bit) open.set(bit, open.get(bit) + step);
      }
      return [text.slice(start, borders[index + 1]), KINDS.filter(([bit]) => open.get(bit) > 0)];
    });
  };

  const marked = (text, kinds) => {
    if (!kinds.length) return text;
    const words = kinds.map(([, kind]) => kind);
    const mark = make("mark", `bg-lit ${words.map((word) => `bg-${word}`).join(" ")}`, text);
    mark.title = words.map((word) => say(word)).join(say("join"));
    return mark;
  };

  const textView = (index, pattern) => {
    const { shown, leftOut, marks } = read(index);
    const box = make("div", "bg-written");
    if (!shown.trim()) {
      box.append(make("p", "bg-soft", say("empty")));
      return box;
    }
    const body = make("p", "bg-text");
    body.dir = "auto";
    if (/\p{Script=Han}/u.test(shown.slice(0, 2000))) body.lang = "zh-HK";
    box.append(body);
    const found = placesOf(shown, pattern);
    const fill = (end) => {
      body.replaceChildren(
        ...pieces(shown, marks, found, end).map(([part, kinds]) => marked(part, kinds)));
      if (end < shown.length) body.append("…");
    };
    if (shown.length <= SHORT * 1.5) {
      fill(shown.length);
      return box;
    }
    // Not between the halves of a character.
    const short = SHORT + (shown.codePointAt(SHORT - 1) > 0xffff ? 1 : 0);
    const button = make("button", "bg-unfold");
    button.type = "button";
    const rest = make("p", "bg-soft", leftOut ? say("left_out", { count: number.format(leftOut) }) : "");
    const show = (all) => {
      fill(all ? shown.length : short);
      rest.hidden = !all || !leftOut;
      button.textContent = all ? say("less") : say(leftOut ? "part" : "all", {
        count: number.format(shown.length), all: number.format(shown.length + leftOut),
      });
      button.setAttribute("aria-expanded", String(all));
    };
    button.addEventListener("click", () =>
      show(button.getAttribute("aria-expanded") !== "true"));
    show(found.some(([, stop]) => stop > short));
    box.append(rest, button);
    return box;
  };

  // Samples.

  const chip = (tag, text) =>
    make("strong", `bg-sign bg-${COLOURS[tag] ?? tag}`, hiddenSign(tag), " ", text ?? say(tag));

  const hiddenSign = (tag) => {
    const sign = make("span", "", SIGNS[tag]);
    sign.setAttribute("aria-hidden", "true");
    return sign;
  };

  const drawn = (samples) => samples.reduce((sum, each) => sum + each.numbers.length, 0);

  const ranges = (numbers) => {
    const runs = [];
    for (const each of numbers) {
      const last = runs[runs.length - 1];
      if (last && last[1] === each - 1) last[1] = each;
      else runs.push([each, each]);
    }
    return runs.map(([low, high]) => (low === high ? `${low}` : `${low}–${high}`)).join(say("join"));
  };

  const numbersView = (numbers) => make("span", "bg-soft", numbers.length === 1
    ? say("sample", { number: numbers[0] })
    : say("alike", { count: numbers.length, numbers: ranges(numbers) }));

  const sampleView = (sample, pattern) => {
    const head = make("p", "bg-sample-head");
    for (const tag of sample.tags) {
      const answered = "answer" in sample && (tag === "right" || tag === "wrong");
      head.append(answered
        ? chip(tag, make("span", "", name(sample.answer), ` ${say(tag)}`)) : chip(tag));
    }
    head.append(numbersView(sample.numbers));
    return make("li", "bg-sample", head, textView(sample.text, pattern),
      sample.reading ? make("p", "bg-reading", sample.reading) : null);
  };

  const columnView = (column, own, index, pattern) => {
    const head = make("h4", "", name(data.candidates[index]));
    const box = make("div", "bg-column", head);
    if (column === null || !column.samples.length) {
      box.append(make("p", "bg-soft", say("no_sample")));
      return box;
    }
    const told = make("p", "bg-counted");
    if (column.verdict) told.append(chip(column.verdict), " ");
    if (column.counted) told.append(column.counted);
    if (!own.samples.length) {
      told.append(column.counted ? say("then") : "", say("no_match", { count: drawn(column.samples) }));
    }
    if (told.childNodes.length) box.append(told);
    if (!own.samples.length) return box;
    box.append(make("ol", "bg-list", ...own.samples.map((each) => sampleView(each, pattern))));
    return box;
  };

  // Tables.

  const scrolling = (table, label) => {
    const box = make("div", "bg-scroll", table);
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
    return box;
  };

  const cell = (tag, scope, ...children) => {
    const made = make(tag, "", ...children);
    if (scope) made.scope = scope;
    return made;
  };

  const bits = (value) => (value === null ? say("not_a_number") : value.toFixed(2));

  const preferred = (option, expected) => option === null
    ? chip("wrong", say("tie"))
    : chip(option === expected ? "right" : "wrong", name(option));

  const optionsView = (group, columns, title) => {
    const rows = columns.filter((each) => each.options);
    if (!rows.length) return null;
    const letters = [...new Set(rows.flatMap((each) => each.options.bits.map(([key]) => key)))];
    const heads = ["text", "letter"].flatMap((kind) => [
      cell("th", "col", say(kind)), ...letters.map((key) => cell("th", "col", name(key)))]);
    const body = rows.map(({ index, options }) => {
      const of = new Map(options.bits.map(([key, ...values]) => [key, values]));
      const half = (kind, at) => [
        cell("td", "", preferred(options[kind], group.expected)),
        ...letters.map((key) => {
          const made = cell("td", "", of.has(key) ? bits(of.get(key)[at]) : "");
          if (key === options[kind]) made.className = "bg-least";
          return made;
        })];
      return make("tr", "", cell("th", "row", name(data.candidates[index])),
        ...half("text", 0), ...half("letter", 1));
    });
    const table = make("table", "bg-table bg-options",
      make("caption", "", say("bits")),
      make("thead", "", make("tr", "", cell("th", "col", say("candidate")), ...heads)),
      make("tbody", "", ...body));
    return scrolling(table, `${say("bits")}: ${title}`);
  };

  const sentence = (tag, index, pattern) => {
    const line = make("span", "bg-line bg-sentence", chip(tag, make("span", "bg-hidden", say(tag))),
      textView(index, pattern));
    return line;
  };

  const pairsView = (pairs, pattern, title) => {
    const shown = chosen();
    const body = pairs.map(({ pair, columns }) => make("tr", "",
      cell("th", "row", sentence("right", pair.right, pattern), sentence("wrong", pair.wrong, pattern)),
      ...shown.map((index) => {
        const found = columns.includes(index) ? pair.columns[index] : null;
        const made = cell("td", "");
        made.dataset.label = data.candidates[index];
        if (found === null) return made;
        const tied = found.bits[0] === found.bits[1];
        made.append(make("span", "bg-duel", chip(found.tags[0], tied ? say("tie") : undefined),
          make("span", "", ...found.bits.map((value, at) =>
            make("span", value < found.bits[1 - at] ? "bg-line bg-least" : "bg-line", bits(value))))));
        return made;
      })));
    const table = make("table", "bg-table bg-twins",
      make("caption", "", say("pairs")),
      make("thead", "", make("tr", "", cell("th", "col", say("pair")),
        ...shown.map((index) => cell("th", "col", name(data.candidates[index]))))),
      make("tbody", "", ...body));
    return scrolling(table, `${say("pairs")}: ${title}`);
  };

  const groupView = ({ group, columns, pairs, first, of }, pattern) => {
    const part = data.parts[group.part].name;
    const title = make("h3", "", make("span", "bg-soft", part), " ", name(group.item));
    if (pairs) {
      title.append(" ", make("span", "bg-soft",
        say("range", { first, last: first + pairs.length - 1, all: of })));
    }
    title.tabIndex = -1;
    const box = make("article", "bg-group", title);
    if (pairs) {
      box.append(pairsView(pairs, pattern, title.textContent));
      return box;
    }
    if (group.prompt !== null || group.expected !== null) {
      box.append(make("div", "bg-prompt",
        group.prompt === null ? null : make("p", "bg-soft", say("prompt")),
        group.prompt === null ? null : textView(group.prompt, pattern),
        group.expected === null ? null : make("p", "bg-expected", say("answer", { answer: group.expected }))));
    }
    if (group.columns.some((column) => column && column.samples.length)) {
      box.append(make("div", "bg-columns", ...columns.map((own) =>
        columnView(group.columns[own.index], own, own.index, pattern))));
    }
    const options = optionsView(group, columns, `${part} ${group.item}`);
    if (options) box.append(options);
    return box;
  };

  // Filters.

  const allBoxes = () => (boxes instanceof RadioNodeList ? [...boxes] : [boxes]);
  const chosen = () => allBoxes().filter((box) => box.checked).map((box) => Number(box.value));
  const totals = { samples: 0, options: 0, pairs: 0 };
  for (const group of data.groups) {
    for (const column of group.columns ?? []) {
      if (column === null) continue;
      totals.samples += drawn(column.samples);
      totals.options += column.options ? 1 : 0;
    }
    for (const pair of group.pairs ?? []) {
      totals.pairs += pair.columns.filter((column) => column !== null).length;
    }
  }

  /* What is searched for, to the letter, whatever its case; null where nothing is. */
  const asked = () => {
    const text = search.value.trim();
    return text ? new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu") : null;
  };

  /* Return what of the groups the filters leave, and how much of it there is. */
  const select = (pattern) => {
    const hits = new Map();
    const hit = (index) => {
      if (!hits.has(index)) hits.set(index, read(index).shown.search(pattern) >= 0);
      return hits.get(index);
    };
    const candidates = chosen();
    const passes = (tags) => !kind.value || tags.includes(kind.value);
    const left = [];
    const counts = { samples: 0, options: 0, pairs: 0 };
    for (const group of data.groups) {
      const part = data.parts[group.part];
      if (check.value && part.key !== check.value) continue;
      const judged = (index) => !verdict.value
        || (group.columns?.[index]?.verdict ?? part.verdicts[index]) === verdict.value;
      const wholly = pattern === null || group.item.search(pattern) >= 0
        || (typeof group.prompt === "number" && hit(group.prompt));
      if (group.pairs) {
        const pairs = [];
        for (const pair of group.pairs) {
          if (!wholly && !hit(pair.right) && !hit(pair.wrong)) continue;
          const columns = candidates.filter((index) => pair.columns[index] !== null
            && judged(index) && passes(pair.columns[index].tags));
          if (columns.length) pairs.push({ pair, columns });
          counts.pairs += columns.length;
        }
        for (let at = 0; at < pairs.length; at += PAIRS) {
          left.push({ group, pairs: pairs.slice(at, at + PAIRS), first: at + 1, of: pairs.length });
        }
        continue;
      }
      const columns = candidates.map((index) => {
        const column = group.columns[index];
        if (column === null || !judged(index)) return { index, samples: [], options: null };
        return {
          index,
          samples: column.samples.filter((each) => passes(each.tags) && (wholly || hit(each.text))),
          options: column.options && passes(column.options.tags) && wholly ? column.options : null,
        };
      });
      if (!columns.some((each) => each.samples.length || each.options)) continue;
      left.push({ group, columns });
      for (const each of columns) {
        counts.samples += drawn(each.samples);
        counts.options += each.options ? 1 : 0;
      }
    }
    return { left, counts };
  };

  let waiting = [];
  let all = 0;
  let pattern = null;
  let strange = []; // what a link asked for and the page has not

  const sizeOf = ({ pairs, columns }) => GROUP + (pairs ? pairs.length * chosen().length
    : columns.reduce((sum, each) => sum + each.samples.length + (each.options ? 1 : 0), 0));

  /* Return how many of the groups that wait are built next. */
  const portion = (size) => {
    let room = size;
    const end = waiting.findIndex((each) => {
      if (room <= 0) return true;
      room -= sizeOf(each);
      return false;
    });
    return end < 0 ? waiting.length : end;
  };

  /* Build the next groups; return the first of them. */
  const build = (size) => {
    const views = waiting.splice(0, portion(size)).map((each) => groupView(each, pattern));
    groups.append(...views);
    more.hidden = !waiting.length;
    const [told, button] = more.children;
    told.textContent = say("built", {
      shown: number.format(all - waiting.length), all: number.format(all),
    });
    button.textContent = say("more", { count: number.format(portion(NEXT)) });
    return views[0];
  };

  const apply = () => {
    pattern = asked();
    const { left, counts } = select(pattern);
    waiting = left;
    all = left.length;
    const lines = [["samples", "count"], ["options", "count_options"], ["pairs", "count_pairs"]]
      .filter(([key]) => totals[key])
      .map(([key, word]) => say(word, {
        shown: number.format(counts[key]), all: number.format(totals[key]),
      }));
    unknown.hidden = !strange.length;
    unknown.textContent = strange.length ? say("unknown", { names: strange.join(say("then")) }) : "";
    count.textContent = all ? lines.join(" · ") : say("nothing");
    groups.replaceChildren();
    build(FIRST);
  };

  // The address keeps the filter, so that it can be linked to; so does every entry of the history,
  // for Back to return to what was shown before.

  const inWords = () => {
    const kept = new URLSearchParams();
    const picked = chosen();
    if (picked.length < allBoxes().length) {
      for (const index of picked) kept.append("candidate", data.candidates[index]);
      if (!picked.length) kept.append("candidate", "");
    }
    for (const field of [check, kind, verdict, search]) {
      if (field.value.trim()) kept.append(field.name, field.value.trim());
    }
    return kept.toString();
  };

  // Of the entry that is shown: its filter, its number, whether a link led to it, for the keyboard
  // to be at the heading, and how many groups were built for it.
  let current = { query: "", entry: Date.now(), arrived: false, built: 0 };
  const links = new Map(); // by number of an entry, the link that it was left by

  const begin = (link) => {
    links.set(current.entry, link);
    current = { ...current, entry: current.entry + 1, arrived: false };
  };

  /* Write what changes into the history, into the entry that is shown or as a new one. */
  const write = (changes, hash, anew = false, link = null) => {
    if (anew) begin(link);
    current = { ...current, ...changes };
    const state = { ...history.state, [SECTION]: current };
    const how = anew ? "pushState" : "replaceState";
    try {
      history[how](state, "", location.pathname + location.search + hash);
    } catch {
      // A page in a sandbox has no history; its filters work all the same.
    }
  };

  /* Keep what the fields say; somebody who types makes one entry, not one for each letter. */
  let typing = false;
  const remember = (typed) => {
    const query = inWords();
    if (query !== current.query) {
      const rest = location.hash.startsWith(HASH) ? "" : location.hash;
      write({ query, built: 0 }, query ? HASH + query : rest, !(typed && typing));
    }
    typing = typed;
    strange = [];
    apply();
  };

  /* Set the fields; what they do not know is left out, and told of. */
  const recall = (query) => {
    const kept = new URLSearchParams(query);
    const picked = kept.getAll("candidate");
    const known = picked.includes("") || data.candidates.some((each) => picked.includes(each));
    for (const box of allBoxes()) {
      box.checked = !known || picked.includes(data.candidates[Number(box.value)]);
    }
    strange = picked.filter((each) => each && !data.candidates.includes(each));
    for (const field of [check, kind, verdict]) {
      field.value = kept.get(field.name) ?? "";
      if (field.selectedIndex >= 0) continue;
      field.value = "";
      strange.push(kept.get(field.name));
    }
    search.value = kept.get("text") ?? "";
    for (const field of [check, kind, verdict, search]) {
      const others = kept.getAll(field.name).slice(1).filter((value) => value.trim());
      strange.push(...others.map((value) => `${field.name}=${value}`));
    }
    for (const [key, value] of kept) {
      if (!["candidate", "check", "sample", "verdict", "text"].includes(key)) {
        strange.push(value ? `${key}=${value}` : key);
      }
    }
    typing = false;
  };

  const atHeading = () => document.getElementById(`${SECTION}-head`).focus({ preventScroll: true });

  const arrive = (hash, anew, link) => {
    write({ query: hash.slice(HASH.length), built: 0, arrived: true }, hash, anew, link);
    recall(current.query);
    apply();
    atHeading();
    section.scrollIntoView();
  };

  const follow = (event) => {
    const link = event.target.closest(`a[href^="${HASH}"]`);
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const hash = link.getAttribute("href");
    arrive(hash, hash !== location.hash, link);
  };

  const bringBack = (link) => {
    const { top, bottom } = link.getBoundingClientRect();
    if (bottom <= 0 || top >= innerHeight) link.scrollIntoView({ block: "center" });
  };

  const restore = ({ state }) => {
    if (state?.[SECTION] === undefined) return; // another place in the page: see below
    current = state[SECTION];
    recall(current.query);
    apply();
    while (waiting.length && groups.childElementCount < current.built) build(NEXT);
    const link = links.get(current.entry);
    if (link) {
      link.focus({ preventScroll: true });
      // The browser scrolls to where it was, which is elsewhere once a text is folded again.
      requestAnimationFrame(() => setTimeout(() => bringBack(link)));
    } else if (current.arrived && !section.contains(document.activeElement)) {
      atHeading();
    }
  };

  /* A place that somebody went to other than by the links and fields here. */
  const wander = () => {
    if (history.state?.[SECTION] !== undefined) return;
    begin(null);
    if (location.hash.startsWith(HASH)) arrive(location.hash);
    else write({}, location.hash);
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => remember(event.target === search));
  search.addEventListener("change", () => {
    typing = false;
  });
  form.addEventListener("reset", () => setTimeout(() => remember(false)));
  more.querySelector("button").addEventListener("click", () => {
    const first = build(NEXT);
    write({ built: groups.childElementCount }, location.hash);
    // Whoever reads or tabs on comes to what is new, not past it.
    if (first) first.querySelector("h3").focus({ preventScroll: true });
  });
  document.addEventListener("click", follow);
  addEventListener("popstate", restore);
  addEventListener("hashchange", wander);

  section.querySelector(".bg-legend").hidden = !data.texts.some(
    (stored) => typeof stored !== "string" && stored[2].some((each, at) => at % 3 === 2 && each < 16));
  form.hidden = false;
  section.querySelector(".bg-standing").hidden = false;
  if (location.hash.startsWith(HASH)) {
    arrive(location.hash);
  } else {
    write({}, location.hash);
    apply();
  }
  section.dataset.ready = "yes";
})();
