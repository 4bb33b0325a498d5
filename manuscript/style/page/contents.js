// The contents follow the reader and fold to the chapter that is read; on a phone they begin closed.
(() => {
  const nav = document.querySelector("nav.contents");
  if (!nav) return;
  const whole = nav.querySelector("details");
  const narrow = window.matchMedia("(max-width: 60rem)");
  const fit = () => { whole.open = !narrow.matches; };
  fit();
  narrow.addEventListener("change", fit);

  const links = [...nav.querySelectorAll('a[href^="#"]')];
  const targets = links.map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))]).filter(([, target]) => target);
  const mine = new Set();  // chapters that the reader opened or closed
  const chapters = [...nav.querySelectorAll("details > ul > li")].filter((item) => item.querySelector("ul"));
  const fold = (item, folded) => {
    item.classList.toggle("folded", folded);
    const button = item.querySelector(".fold");
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = folded ? "+" : "−";
  };
  for (const item of chapters) {
    const link = item.querySelector("a");
    const button = page.make("button", { type: "button", class: "fold", "aria-label": `Sections of ${link.textContent.trim()}`, onclick: () => { mine.add(item); fold(item, !item.classList.contains("folded")); } });
    link.after(button);
    fold(item, true);
  }
  let current = null;
  const follow = () => {
    let found = null;
    for (const [link, target] of targets) {
      if (target.getBoundingClientRect().top > 120) break;
      found = link;
    }
    if (found === current) return;
    if (current) current.removeAttribute("aria-current");
    current = found;
    if (!current) return;
    current.setAttribute("aria-current", "true");
    for (const item of chapters) if (!mine.has(item)) fold(item, !item.contains(current));
    if (!narrow.matches) {
      const at = current.getBoundingClientRect(), frame = nav.getBoundingClientRect();
      if (at.top < frame.top || at.bottom > frame.bottom) nav.scrollTop += at.top - frame.top - frame.height / 3;
    }
  };
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; follow(); });
  };
  window.addEventListener("scroll", later, { passive: true });
  window.addEventListener("resize", later);
  follow();
  nav.addEventListener("click", (event) => { if (event.target.closest("a") && narrow.matches) whole.open = false; });

  // What is folded is printed all the same.
  const opened = [];
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("main details:not([open])")) { part.open = true; opened.push(part); }
  });
  window.addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });
})();
