// Tables sort by their columns, are copied and downloaded; figures are enlarged and saved.
(() => {
  const { make, save, plain, files } = page;
  const text = (cell) => cell.textContent.replace(/[↕↑↓]/g, "").replace(/\s+/g, " ").trim();

  // Every head cell with the columns that it stands over.
  const columns = (table) => {
    const grid = [];
    [...table.tHead.rows].forEach((row, y) => {
      let x = 0;
      for (const cell of row.cells) {
        while (grid[y] && grid[y][x]) x += 1;
        for (let i = 0; i < cell.rowSpan; i += 1) {
          grid[y + i] = grid[y + i] || [];
          for (let k = 0; k < cell.colSpan; k += 1) grid[y + i][x + k] = cell;
        }
        x += cell.colSpan;
      }
    });
    return grid;
  };

  const number = (said) => {
    const found = plain(said).replace(/,(?=\d{3})/g, "").match(/-?\d*\.?\d+/);
    return found ? Number(found[0]) * (/^\s*</.test(said) ? 0.999 : 1) : NaN;
  };

  // Rows sort within their section, which a row over all columns opens.
  const sections = (body) => {
    const found = [[]];
    for (const row of body.rows) {
      if (row.cells.length === 1 && row.cells[0].colSpan > 1) found.push([row]);
      else found[found.length - 1].push(row);
    }
    return found;
  };
  const sort = (table, order, column, down) => {
    for (const body of table.tBodies) {
      for (const rows of order.get(body)) {
        const head = rows[0] && rows[0].cells.length === 1 && rows[0].cells[0].colSpan > 1 ? [rows[0]] : [];
        const own = rows.slice(head.length).map((row) => [text(row.cells[column]), row]);
        const numeric = own.filter(([said]) => !Number.isNaN(number(said))).length > own.length / 2;
        const empty = (said) => said === "" || said === "—" || said === "–" || (numeric && Number.isNaN(number(said)));
        own.sort(([a], [b]) => {
          if (empty(a) || empty(b)) return Number(empty(a)) - Number(empty(b));
          return (numeric ? number(a) - number(b) : a.localeCompare(b, "en")) * (down ? -1 : 1);
        });
        body.append(...head, ...own.map(([, row]) => row));
      }
    }
  };

  const quoted = (said) => (/[",\n]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said);
  const lines = (table) => {
    const grid = columns(table), last = grid.length - 1;
    const head = grid[last].map((cell, x) => [...new Set(grid.map((row) => text(row[x])).filter(Boolean))].join(": "));
    const body = [...table.tBodies].flatMap((part) => [...part.rows].map((row) => [...row.cells].map((cell) => plain(text(cell)))));
    return [head.map(plain), ...body];
  };

  for (const table of document.querySelectorAll(".table table")) {
    const name = table.id || "table";
    for (const part of [table, ...table.querySelectorAll("thead, tbody")]) part.setAttribute("role", part === table ? "table" : "rowgroup");
    for (const row of table.rows) row.setAttribute("role", "row");
    for (const cell of table.querySelectorAll("td")) cell.setAttribute("role", "cell");
    for (const cell of table.querySelectorAll("th")) cell.setAttribute("role", "columnheader");

    const order = new Map([...table.tBodies].map((body) => [body, sections(body)]));
    const grid = columns(table), heads = grid[grid.length - 1] || [];
    heads.forEach((cell, column) => {
      if (cell.colSpan > 1 || !text(cell)) return;
      const button = make("button", { type: "button", class: "sort", "aria-label": `Sort by ${text(cell)}`, title: "Sort by this column" });
      cell.append(" ", button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, order, column, down);
      });
    });

    const said = make("span", { class: "said", role: "status" });
    const copy = async () => {
      const content = lines(table).map((row) => row.join("\t")).join("\n");
      try { await navigator.clipboard.writeText(content); said.textContent = "Copied."; } catch {
        const area = make("textarea", { "aria-label": "Table as text", class: "copied" });
        area.value = content;
        document.body.append(area);
        area.select();
        const done = document.execCommand("copy");
        area.remove();
        said.textContent = done ? "Copied." : "The browser does not allow copying.";
      }
    };
    const tools = make("div", { class: "tools" },
      make("button", { type: "button", class: "copy", onclick: copy }, "Copy table"),
      make("button", { type: "button", class: "csv", onclick: () => save(`${name}.csv`, `${lines(table).map((row) => row.map(quoted).join(",")).join("\n")}\n`, "text/csv") }, "Download CSV"),
      said);
    table.closest(".table-scroll").after(tools);
  }

  // A drawing as a file of its own: nothing of the page's style is needed.
  const alone = (drawing) => {
    const copy = drawing.cloneNode(true);
    copy.removeAttribute("class");
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(copy)}\n`;
  };
  for (const tools of document.querySelectorAll(".figure-tools")) {
    const drawing = tools.closest(".figure, .strip, .explorer-picture").querySelector("svg.drawing");
    const name = tools.dataset.name, data = `figures/${name}.csv`;
    const buttons = [
      make("button", { type: "button", class: "enlarge", onclick: () => {
        const copy = drawing.cloneNode(true);
        // Identifiers stand once on a page: the copy's get a name of their own.
        for (const node of [copy, ...copy.querySelectorAll("*")]) {
          for (const { name: key, value } of [...node.attributes]) {
            if (key === "id") node.setAttribute(key, `large-${value}`);
            else if (key === "href" && value.startsWith("#")) node.setAttribute(key, `#large-${value.slice(1)}`);
            else if (value.includes("url(#")) node.setAttribute(key, value.replaceAll("url(#", "url(#large-"));
          }
        }
        page.show(tools.dataset.title, copy);
      } }, "Enlarge"),
      make("button", { type: "button", class: "svg", onclick: () => save(`${name}.svg`, alone(drawing), "image/svg+xml") }, "SVG"),
    ];
    if (data in files) {
      buttons.push(make("button", { type: "button", class: "csv", onclick: () => save(`${name}.csv`, files[data], "text/csv") }, "CSV"));
      buttons.push(make("button", { type: "button", class: "data", onclick: () => page.showFile(data) }, "Show the data"));
    }
    tools.prepend(...buttons);
  }

  for (const button of document.querySelectorAll("[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const content = document.getElementById(button.dataset.copies).textContent;
      try { await navigator.clipboard.writeText(content); button.textContent = "Copied"; } catch { button.textContent = "The browser does not allow copying"; }
    });
  }
  for (const button of document.querySelectorAll("[data-saves]")) {
    button.hidden = false;
    button.addEventListener("click", () => save(page.baseName(button.dataset.saves), files[button.dataset.saves], "text/plain"));
  }
})();
