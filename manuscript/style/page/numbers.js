// Every number opens the cell that it comes from: by pointer, by tap, by focus.
(() => {
  const { make, ledger, files, table } = page;
  const numbers = [...document.querySelectorAll("[data-n]")].filter((node) => String(node.dataset.n) in (ledger.numbers || {}));
  if (!numbers.length) return;

  const RULES = {
    min: "the smallest of these cells", max: "the largest of these cells", rows: "how many of these cells are filled",
    distinct: "how many different values these cells have", size: "the cell without its sign",
  };
  const box = make("div", { id: "cell", popover: "manual", role: "dialog", "aria-label": "Where this number comes from" });
  document.body.append(box);
  let owner = null, pinned = false, timer = 0;

  const entry = (node) => {
    const [file, key, lines, column, rule, value, source] = ledger.numbers[node.dataset.n];
    return { file: ledger.files[file], key, lines, column, rule, value, source };
  };

  const row = (list, term, ...said) => list.append(make("dt", {}, term), make("dd", {}, ...said));

  // The cells themselves, read from the file that the page carries.
  const cells = (of) => {
    const found = table(of.file);
    const at = found ? found.head.indexOf(of.column) : -1;
    return at < 0 ? [] : of.lines.map((line) => (found.rows[line] || [])[at] || "");
  };

  const fill = (node) => {
    const of = entry(node);
    const made = ledger.made[of.file] || null;
    const list = make("dl");
    row(list, "File", of.file);
    if (of.lines.length === 1) row(list, "Row", `${of.lines[0] + 1}${of.key ? ` (${of.key})` : ""}`);
    else if (of.lines.length) row(list, "Rows", of.lines.map((line) => line + 1).join(", "));
    else if (of.key) row(list, "Entry", of.key);
    row(list, "Column", of.column);
    const read = ledger.printed ? [] : cells(of);
    if (of.rule in RULES || of.rule.startsWith("is ")) {
      if (read.length && read.length <= 12) row(list, read.length > 1 ? "Values" : "Value", read.join(", "));
      row(list, "Taken as", RULES[of.rule] || `how many of these cells say ${of.rule.slice(3).replaceAll(" | ", " or ")}`);
    } else row(list, ledger.printed ? "Value as printed" : "Value", read.length ? read[0] : of.value);
    if (of.source) {
      const link = of.source in ledger.references ? make("a", {}, ledger.references[of.source]) : null;
      if (link) { link.href = `#ref-${of.source}`; link.addEventListener("click", close); }
      row(list, "Source", link || of.source);
    }
    if (made) {
      row(list, "Made by", `rule ${made[0]}`);
      if (made[1].length) row(list, "From", made[1].join(", "));
    }
    const parts = [make("p", { class: "shown" }, node.textContent), list];
    if (of.file in files) {
      const words = of.lines.length ? `Show the row in ${page.baseName(of.file)}` : `Show ${page.baseName(of.file)}`;
      const open = make("button", { type: "button", class: "to-row", onclick: () => { close(); page.showFile(of.file, of.lines, of.column); } }, words);
      parts.push(make("p", {}, open));
    }
    box.replaceChildren(...parts);
  };

  const put = (node) => {
    const at = node.getBoundingClientRect(), size = box.getBoundingClientRect(), gap = 6;
    const left = Math.max(gap, Math.min(at.left, window.innerWidth - size.width - gap));
    const below = at.bottom + gap + size.height <= window.innerHeight;
    const top = below ? at.bottom + gap : Math.max(gap, at.top - gap - size.height);
    box.style.left = `${left}px`;
    box.style.top = `${top}px`;
  };

  const open = (node, pin) => {
    clearTimeout(timer);
    if (owner && owner !== node) owner.removeAttribute("aria-expanded");
    owner = node;
    pinned = pin;
    fill(node);
    if (!box.matches(":popover-open")) box.showPopover();
    node.setAttribute("aria-expanded", "true");
    put(node);
  };
  const close = () => {
    clearTimeout(timer);
    if (box.matches(":popover-open")) box.hidePopover();
    if (owner) owner.removeAttribute("aria-expanded");
    owner = null;
    pinned = false;
  };
  const soon = (action, wait) => { clearTimeout(timer); timer = setTimeout(action, wait); };

  // One stop for the keyboard a paragraph or table; arrows go from number to number within it.
  const groups = new Map();
  for (const node of numbers) {
    const home = node.closest("table, p, li, dl, figure, .note") || node.parentElement;
    if (!groups.has(home)) groups.set(home, []);
    groups.get(home).push(node);
    if (!node.closest("a")) { node.setAttribute("role", "button"); node.setAttribute("aria-haspopup", "dialog"); }
    node.tabIndex = groups.get(home).length === 1 ? 0 : -1;
  }
  const step = (node, by) => {
    const group = [...groups.values()].find((all) => all.includes(node));
    const next = group[group.indexOf(node) + by];
    if (!next) return false;
    node.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    return true;
  };

  for (const node of numbers) {
    node.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse" && !pinned) soon(() => open(node, false), 120); });
    node.addEventListener("pointerleave", () => { if (!pinned) soon(close, 250); });
    node.addEventListener("focus", () => open(node, false));
    node.addEventListener("click", () => { if (!node.closest("a")) open(node, true); });
    node.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (by && step(node, by)) event.preventDefault();
      else if (event.key === "Enter" || event.key === " ") {
        if (node.closest("a")) return;
        event.preventDefault();
        open(node, true);
        const first = box.querySelector("button, a");
        if (first) first.focus();
      }
    });
    node.addEventListener("blur", (event) => { if (!box.contains(event.relatedTarget) && !pinned) soon(close, 200); });
  }
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => { if (!pinned && !box.contains(document.activeElement)) soon(close, 250); });
  document.addEventListener("pointerdown", (event) => { if (owner && !box.contains(event.target) && !owner.contains(event.target)) close(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !owner) return;
    const back = owner;
    const within = box.contains(document.activeElement);
    close();
    if (within) { back.focus(); close(); }
  });
  window.addEventListener("scroll", () => { if (owner && !box.contains(document.activeElement)) put(owner); }, { passive: true });
})();
