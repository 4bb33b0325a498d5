// Shared by the scripts of the page: the data that it carries, small makers of elements, the dialog.
"use strict";

const page = (() => {
  const block = (id) => {
    const found = document.getElementById(id);
    return found ? JSON.parse(found.textContent) : {};
  };
  const files = block("page-files");
  const ledger = block("page-ledger");
  const parsed = new Map();

  // A CSV as a list of rows of texts; quotes as RFC 4180 has them.
  const parse = (text) => {
    const rows = [];
    let row = [], cell = "", quoted = false;
    for (let i = 0; i < text.length; i += 1) {
      const sign = text[i];
      if (quoted) {
        if (sign !== '"') cell += sign;
        else if (text[i + 1] === '"') { cell += '"'; i += 1; } else quoted = false;
      } else if (sign === '"') quoted = true;
      else if (sign === ",") { row.push(cell); cell = ""; }
      else if (sign === "\n") { row.push(cell); rows.push(row); row = []; cell = ""; }
      else if (sign !== "\r") cell += sign;
    }
    if (cell !== "" || row.length) { row.push(cell); rows.push(row); }
    return rows;
  };

  // Head and rows of an embedded file, or null.
  const table = (name) => {
    if (!(name in files) || !name.endsWith(".csv")) return null;
    if (!parsed.has(name)) {
      const [head, ...rows] = parse(files[name]);
      parsed.set(name, { head: head || [], rows });
    }
    return parsed.get(name);
  };

  // Rows of an embedded file as objects.
  const records = (name) => {
    const found = table(name);
    return found ? found.rows.map((row) => Object.fromEntries(found.head.map((key, i) => [key, row[i] || ""]))) : [];
  };

  // An element; texts are texts, never markup.
  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "onclick") made.addEventListener("click", value);
      else if (value !== undefined && value !== null) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  const draw = (tag, attributes = {}, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const save = (name, text, type) => {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = make("a", { download: name });
    link.href = url;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };

  const baseName = (path) => path.split("/").pop();

  // The dialog: a title, what is shown, tools; closed by its button, by Escape, by a click beside it.
  let dialog = null;
  const show = (title, content, tools = []) => {
    if (!dialog) {
      dialog = make("dialog", { id: "sheet", "aria-labelledby": "sheet-title" });
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
      document.body.append(dialog);
    }
    const close = make("button", { type: "button", onclick: () => dialog.close() }, "Close");
    const view = make("div", { class: "view", tabindex: "0", role: "region", "aria-label": title }, content);
    dialog.replaceChildren(
      make("h2", { id: "sheet-title" }, title), make("div", { class: "tools" }, ...tools, close), view,
    );
    if (!dialog.open) dialog.showModal();
    close.focus();
    return view;
  };

  // The rows of a file around some of them, the rows and a column marked.
  const NEAR = 60;
  const showFile = (name, lines = [], column = "") => {
    const found = table(name);
    const tools = [make("button", { type: "button", onclick: () => save(baseName(name), files[name], "text/csv") }, `Download ${baseName(name)}`)];
    if (!found) {
      const text = make("pre", {}, files[name] || "");
      show(name, text, tools);
      return;
    }
    const marked = new Set(lines);
    const first = lines.length ? Math.max(0, Math.min(...lines) - NEAR) : 0;
    const last = Math.min(found.rows.length, (lines.length ? Math.max(...lines) : 0) + NEAR + 1);
    const head = make("tr", {}, make("th", { scope: "col" }, "row"), ...found.head.map((key) => make("th", { scope: "col", class: key === column ? "cell" : null }, key)));
    const body = found.rows.slice(first, last).map((row, i) => {
      const line = first + i, here = marked.has(line);
      return make("tr", { class: here ? "row" : null, "data-line": String(line) },
        make("th", { scope: "row" }, String(line + 1)),
        ...row.map((value, k) => make("td", { class: here && found.head[k] === column ? "cell" : null, title: value.length > 60 ? value : null }, value)));
    });
    const shown = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
    const many = last - first < found.rows.length ? `, rows ${first + 1} to ${last} of ${found.rows.length}` : `, ${found.rows.length} rows`;
    const view = show(`${name}${many}`, shown, tools);
    const target = view.querySelector("td.cell") || view.querySelector("tr.row");
    if (target) target.scrollIntoView({ block: "center", inline: "center" });
  };

  const plain = (text) => text.replaceAll("\u2212", "-").replaceAll("\u00a0", " ");

  document.documentElement.classList.add("scripted");
  return { files, ledger, table, records, make, draw, save, show, showFile, baseName, plain };
})();
