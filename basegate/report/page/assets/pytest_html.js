/* The page of pytest-html around the sections: what keyboards, screen readers and telephones miss
   in it, and the decision before its own summary and the environment. */

/* pytest-html keeps its filter and order in the address, but sends all of the address through
   unescape: what a filter of ours says in Chinese would be garbled, and in a folder with such a name
   the browser would refuse the address and show no rows. It may change its own part alone. The order
   that it sets while the page opens is no step for Back to return to. */
history.pushState = (state, unused, address) => {
  const asked = new URL(address ?? "", location.href);
  const kept = new URL(location.href);
  kept.search = asked.search;
  const ours = state && "bg-texts" in state;
  const write = document.readyState === "complete" ? "pushState" : "replaceState";
  History.prototype[ours ? "pushState" : write].call(
    history, { ...history.state, ...state }, unused, ours ? asked.href : kept.href);
};

addEventListener("DOMContentLoaded", () => {
  "use strict";

  const results = () => document.getElementById("results-table");
  if (!results()) return;

  document.documentElement.lang ||= "en";
  if (!document.querySelector("meta[name=viewport]")) {
    const viewport = document.createElement("meta");
    viewport.name = "viewport";
    viewport.content = "width=device-width, initial-scale=1";
    document.head.append(viewport);
  }

  const main = document.createElement("main");
  document.body.prepend(main);
  const rest = [...document.body.children].filter((each) =>
    each !== main && !["FOOTER", "SCRIPT", "TEMPLATE"].includes(each.tagName));
  const environment = rest.filter((each) => each.id.startsWith("environment"));
  main.append(...rest.filter((each) => !environment.includes(each)), ...environment);
  // They stand under its heading "Summary", which is one of their own rank.
  const sections = document.querySelector(".bg-page");
  const summary = sections?.closest(".summary");
  if (summary) summary.before(sections);

  for (const box of document.querySelectorAll("input[data-test-result]")) {
    box.setAttribute("aria-label", box.nextElementSibling?.textContent.trim() ?? "");
  }
  // Each of its lists ends with an empty one.
  for (const list of document.querySelectorAll("#environment ul > ul:empty")) list.remove();

  const heads = "#results-table .sortable";
  const folds = "#results-table .collapsible > .col-result";
  const unfold = "#results-table .logexpander";
  const reach = () => {
    for (const each of document.querySelectorAll([heads, folds, unfold].join())) each.tabIndex = 0;
    for (const log of document.querySelectorAll("#results-table .logwrapper")) {
      if (log.scrollHeight > log.clientHeight) log.tabIndex = 0;
    }
  };
  reach();
  // Its rows are made anew whenever they are sorted, filtered or folded.
  new MutationObserver(reach).observe(main, { childList: true });
  main.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    const pressed = event.target;
    if (!pressed.matches([heads, folds, unfold].join())) return;
    event.preventDefault();
    const id = pressed.parentElement.dataset.id;
    const column = pressed.dataset.columnType;
    pressed.click();
    // What was pressed may have been replaced.
    reach();
    const again = column ? `.sortable[data-column-type="${column}"]` : `[data-id="${id}"] > .col-result`;
    if (column || id) results().querySelector(again)?.focus();
  });
});
