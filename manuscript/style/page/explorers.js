// Two explorers over tables that the page carries: every defensible analysis, and what must be true.
(() => {
  const { make, draw, records } = page;
  const settings = page.ledger.explorers || {};
  const say = (value, digits = 2) => {
    const size = Number(value);
    return value === "" || Number.isNaN(size) ? "–" : size.toFixed(digits).replace("-", "\u2212");
  };
  const share = (value) => {
    const size = 100 * Number(value);
    return `${size > 0 && size < 0.1 ? "< 0.1" : size.toFixed(1)}%`;
  };
  const pTold = (value) => (Number(value) < 0.001 ? "p < .001" : Number(value) > 0.999 ? "p > .999" : `p = ${say(value, 3).slice(1)}`);
  const told = ({ column, label }, value) => (column === "p" ? pTold(value) : column.startsWith("n_") ? `${say(value, 0)} ${label}` : `${label} ${say(value)}`);
  const WIDTH = 640, HEIGHT = 260, LEFT = 52, RIGHT = 10, TOP = 10, BOTTOM = 34;
  const plot = (label) => draw("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
  const ticks = (low, high) => {
    const raw = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw);
    const found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + 1e-9; at += step) found.push(Math.round(at * 1e6) / 1e6);
    return found;
  };
  const choose = (choice, values, every, change) => {
    const list = make("select", { "data-column": choice.column });
    if (every) list.append(make("option", { value: "" }, "all"));
    for (const value of values) list.append(make("option", { value }, choice.words[value] || value));
    list.addEventListener("change", change);
    return [make("label", {}, choice.label, list), list];
  };
  const distinct = (rows, column) => [...new Set(rows.map((row) => row[column]).filter((value) => value !== ""))];

  const curve = (home, of) => {
    const all = records(of.file).filter((row) => row[of.estimate] !== "");
    if (!all.length) return;
    const result = make("p", { class: "result", role: "status" }), chosen = make("p", { class: "chosen-text" });
    const frame = make("div", { class: "frame" });
    let at = -1, rows = [];
    const lists = [];
    const controls = make("div", { class: "controls" });
    const clear = (row) => Number(row[of.low]) > 0 || Number(row[of.high]) < 0;

    const tell = () => {
      const row = rows[at];
      frame.querySelectorAll(".chosen").forEach((node) => node.remove());
      if (!row) { chosen.textContent = ""; return; }
      const made = of.choices.map((choice) => `${choice.label}: ${choice.words[row[choice.column]] || row[choice.column] || "–"}`);
      const more = of.says.filter((each) => row[each.column] !== "").map((each) => told(each, row[each.column]));
      chosen.textContent = `Analysis ${at + 1} of ${rows.length}: ${say(row[of.estimate])} [${say(row[of.low])}, ${say(row[of.high])}]${more.length ? `, ${more.join(", ")}` : ""}. ${made.join("; ")}.`;
      const node = frame.querySelector(`[data-at="${at}"]`);
      if (node) {
        const ring = draw("circle", { class: "chosen", cx: node.getAttribute("cx"), cy: node.getAttribute("cy"), r: 7 });
        node.parentNode.append(ring);
      }
    };
    const update = () => {
      rows = all.filter((row) => lists.every(([choice, list]) => list.value === "" || row[choice.column] === list.value));
      rows.sort((a, b) => a[of.estimate] - b[of.estimate]);
      const apart = rows.filter(clear).length;
      const middle = rows.length ? rows[Math.floor((rows.length - 1) / 2)][of.estimate] : "";
      result.textContent = rows.length ? `${rows.length} ${of.what}, median ${say(middle)}; ${apart} give an interval without zero.` : "No analysis combines these choices.";
      at = Math.max(0, rows.findIndex((row) => of.default && row[of.default] === "true"));
      point.max = String(Math.max(0, rows.length - 1));
      point.value = String(at);
      const made = plot(result.textContent);
      if (rows.length) {
        const ends = rows.flatMap((row) => [row[of.low], row[of.high], row[of.estimate]]).filter((value) => value !== "").map(Number);
        const low = Math.min(0, ...ends), high = Math.max(0, ...ends);
        const x = scale(-0.5, rows.length - 0.5, LEFT, WIDTH - RIGHT), y = scale(low, high, HEIGHT - BOTTOM, TOP);
        for (const tick of ticks(low, high)) {
          made.append(draw("line", { class: "faintline", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }), draw("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, say(tick, Math.abs(tick) < 1 && tick ? 2 : 1)));
        }
        made.append(draw("line", { class: "zero", x1: LEFT, x2: WIDTH - RIGHT, y1: y(0), y2: y(0) }), draw("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, "analyses, sorted by the indirect effect"));
        rows.forEach((row, i) => {
          if (row[of.low] !== "") made.append(draw("line", { class: "span", x1: x(i), x2: x(i), y1: y(row[of.low]), y2: y(row[of.high]) }));
          const dot = draw("circle", { class: clear(row) ? "dot" : "dot unclear", cx: x(i), cy: y(row[of.estimate]), r: 3.2, "data-at": i });
          made.append(dot);
        });
        made.addEventListener("pointerdown", (event) => {
          const box = made.getBoundingClientRect();
          const seen = ((event.clientX - box.left) / box.width) * WIDTH;
          at = Math.min(rows.length - 1, Math.max(0, Math.round(((seen - LEFT) / (WIDTH - RIGHT - LEFT)) * rows.length - 0.5)));
          point.value = String(at);
          tell();
        });
      }
      frame.replaceChildren(made);
      tell();
    };
    for (const choice of of.choices) {
      const values = distinct(all, choice.column);
      const [label, list] = choose(choice, values, !choice.single, update);
      lists.push([choice, list]);
      controls.append(label);
    }
    const point = make("input", { type: "range", min: "0", max: "0", value: "0", class: "point" });
    point.addEventListener("input", () => { at = Number(point.value); tell(); });
    const key = make("p", { class: "said" }, "Filled: the interval leaves out zero; open: it includes zero. Ringed: the analysis described below.");
    home.append(controls, result, frame, make("label", {}, "Point", point), chosen, key);
    update();
  };

  const surface = (home, of) => {
    const all = records(of.file);
    const controls = make("div", { class: "controls" }), result = make("p", { class: "result", role: "status" }), frame = make("div", { class: "frame" });
    const lists = [], sliders = [];
    // A point that no population has stands once in the table, without a pattern.
    const find = (point) => {
      const here = all.filter((row) => sliders.every((slider) => row[slider.column] === point[slider.column]));
      return here.find((row) => lists.every(([choice, list]) => row[choice.column] === list.value)) || here.find((row) => row[of.value] === "") || null;
    };
    const update = () => {
      const point = Object.fromEntries(sliders.map((slider) => [slider.column, slider.values[slider.input.value]]));
      for (const slider of sliders) {
        slider.output.textContent = say(point[slider.column]);
        slider.input.setAttribute("aria-valuetext", say(point[slider.column]));
      }
      const row = find(point);
      if (!row) result.textContent = "This point was not simulated.";
      else if (row[of.value] === "") result.textContent = `No such population: ${row[of.reason] || "these correlations cannot stand together"}.`;
      else result.textContent = `The pattern shows in ${share(row[of.value])} of studies [${share(row[of.low])}, ${share(row[of.high])}], ${row[of.studies]} simulated.`;
      const slider = sliders[sliders.length - 1], made = plot(`${result.textContent} Bars: ${slider.label} at each of its values.`);
      const bars = slider.values.map((value) => [value, find({ ...point, [slider.column]: value })]);
      const known = bars.map(([, found]) => (found ? Number(found[of.high]) : NaN)).filter((value) => !Number.isNaN(value));
      const high = Math.max(0.01, ...known), x = scale(-0.6, slider.values.length - 0.4, LEFT, WIDTH - RIGHT), y = scale(0, high, HEIGHT - BOTTOM, TOP);
      for (const tick of ticks(0, high)) made.append(draw("line", { class: "faintline", x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick) }), draw("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, share(tick)));
      const wide = Math.min(70, ((WIDTH - LEFT - RIGHT) / slider.values.length) * 0.6);
      bars.forEach(([value, found], i) => {
        const now = value === point[slider.column];
        made.append(draw("text", { x: x(i), y: HEIGHT - BOTTOM + 15, "text-anchor": "middle", "font-weight": now ? "bold" : "normal" }, say(value)));
        if (!found || found[of.value] === "") { made.append(draw("text", { x: x(i), y: y(0) - 5, "text-anchor": "middle" }, "–")); return; }
        made.append(
          draw("rect", { class: now ? "bar" : "bar other", x: x(i) - wide / 2, width: wide, y: y(found[of.value]), height: Math.max(0.5, y(0) - y(found[of.value])) }),
          draw("line", { class: "zero", x1: x(i), x2: x(i), y1: y(found[of.low]), y2: y(found[of.high]) }),
        );
      });
      made.append(draw("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, slider.label));
      frame.replaceChildren(made);
    };
    for (const choice of of.selects) {
      const [label, list] = choose(choice, distinct(all, choice.column), false, update);
      lists.push([choice, list]);
      controls.append(label);
    }
    for (const slider of of.sliders) {
      const values = distinct(all, slider.column).sort((a, b) => a - b);
      const input = make("input", { type: "range", min: "0", max: String(values.length - 1), step: "1", value: "0", "data-column": slider.column });
      const output = make("output");
      input.addEventListener("input", update);
      sliders.push({ ...slider, values, input, output });
      controls.append(make("label", {}, `${slider.label}: `, output, input));
    }
    home.append(controls, result, frame);
    update();
  };

  const kinds = { curve, surface };
  for (const home of document.querySelectorAll("[data-explorer]")) {
    const of = settings[home.dataset.explorer];
    if (of) kinds[home.dataset.explorer](home, of);
  }
})();
