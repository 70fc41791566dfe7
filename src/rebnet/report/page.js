"use strict";
(() => {
  const root = document.documentElement;

  // The slider: every element with data-at has one set of attributes and text for each position.
  const slider = document.getElementById("levels");
  if (slider) {
    const moving = [...document.querySelectorAll("[data-at]")].map((node) => [node, JSON.parse(node.dataset.at)]);
    const show = () => {
      for (const [node, states] of moving) {
        for (const [name, value] of Object.entries(states[Number(slider.value)])) {
          if (name === "text") node.textContent = value;
          else if (value === null) node.removeAttribute(name);
          else node.setAttribute(name, value);
        }
      }
    };
    slider.addEventListener("input", show);
    show();
  }

  // Tooltips: on hover and on keyboard focus; Escape closes.
  const tip = document.getElementById("tip");
  let shown = null;
  const close = () => {
    tip.hidden = true;
    if (shown) {
      shown.removeAttribute("aria-describedby");
      document.querySelectorAll(".lit").forEach((node) => node.classList.remove("lit"));
    }
    shown = null;
  };
  const open = (node) => {
    close();
    shown = node;
    tip.textContent = node.dataset.tip;
    tip.hidden = false;
    node.setAttribute("aria-describedby", "tip");
    const box = node.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 10;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above > 0 ? above : box.bottom + 10) + scrollY}px`;
    const build = node.dataset.build;
    if (build) document.querySelectorAll(`[data-build="${Number(build)}"]`).forEach((other) => other.classList.add("lit"));
  };
  const target = (event) => (event.target instanceof Element ? event.target.closest("[data-tip]") : null);
  document.addEventListener("pointerover", (event) => {
    const node = target(event);
    if (node) open(node);
    else if (shown && shown !== document.activeElement) close();
  });
  document.addEventListener("focusin", (event) => {
    const node = target(event);
    if (node) open(node);
    else close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });

  // On paper nothing can be opened: all is, until the printing is over.
  const closed = [];
  addEventListener("beforeprint", () => {
    closed.push(...document.querySelectorAll("details:not([open])"));
    for (const node of closed) node.open = true;
  });
  addEventListener("afterprint", () => {
    while (closed.length) closed.pop().open = false;
  });

  // Light and dark: the system's choice until the button is pressed.
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const name = () => {
    button.textContent = isDark() ? "Light" : "Dark";
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
})();
