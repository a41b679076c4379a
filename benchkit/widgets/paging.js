const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
const TYPED = "input, textarea, select";

function made(parent, tag, properties = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}

function render({ model, el }) {
  const { name, buttons } = model.get("controls");
  const root = made(el, "div", { className: "bk-pager", tabIndex: 0 });
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", name);
  root.setAttribute("data-lm-suppress-shortcuts", "true"); // else JupyterLab takes the keys
  const filters = made(root, "div", { className: "bk-row" });
  const bar = made(root, "div", { className: "bk-row" });
  const position = made(bar, "span", { className: "bk-position" });
  position.setAttribute("aria-live", "polite");
  const said = made(root, "p", { className: "bk-said" });
  said.setAttribute("role", "status");
  const page = made(root, "div", { className: "bk-page" });
  const form = made(root, "div", { className: "bk-form" });
  const turns = []; // pressed while an answer was under way
  let waiting = false;
  let early = "";

  // One message at a time: a second press never decides on an item that was not seen.
  function isTurn(label) {
    return buttons.slice(0, 2).some((button) => button.label === label);
  }
  function send(content) {
    if (waiting) return;
    waiting = true;
    root.setAttribute("aria-busy", "true");
    model.send({ step: model.get("view").step, ...content });
  }
  function press(label) {
    if (waiting) {
      if (isTurn(label)) turns.push(label);
      else early = label;
      return;
    }
    const fields = [...form.querySelectorAll("textarea")];
    send({ do: label, values: Object.fromEntries(fields.map((field) => [field.name, field.value])) });
  }
  for (const { label, key } of buttons) {
    const sign = key ? ` (${SIGNS[key] || key})` : "";
    made(bar, "button", { type: "button", textContent: label + sign, onclick: () => press(label) });
  }
  bar.append(position);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") root.focus();
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches(TYPED)) return;
    const button = buttons.find(({ key }) => key && key.toLowerCase() === event.key.toLowerCase());
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat || (isTurn(button.label) && !waiting)) press(button.label);
  });

  function drawFilters(wanted) {
    const shape = JSON.stringify(wanted.map(({ name, options }) => [name, options]));
    if (filters.dataset.shape !== shape) {
      filters.dataset.shape = shape;
      filters.replaceChildren();
      for (const { name, options } of wanted) {
        const label = made(filters, "label", { textContent: name + " " });
        const select = made(label, "select", { name });
        for (const option of options) made(select, "option", { value: option, textContent: option });
        select.onchange = () => send({ filter: name, value: select.value });
      }
    }
    for (const { name, value } of wanted) filters.querySelector(`[name="${CSS.escape(name)}"]`).value = value;
  }
  function drawForm(fields) {
    const names = Object.keys(fields);
    if (form.dataset.names !== names.join("\n")) {
      form.dataset.names = names.join("\n");
      form.replaceChildren();
      for (const name of names) made(made(form, "label", { textContent: name }), "textarea", { name });
    }
    for (const field of form.querySelectorAll("textarea")) {
      field.value = fields[field.name];
      field.rows = Math.min(12, 1 + Math.max(field.value.split("\n").length - 1, field.value.length / 90));
    }
  }
  function draw() {
    const view = model.get("view");
    const failed = view.failed; // what was typed stays, to be mended
    drawFilters(view.filters);
    if (!failed) drawForm(view.fields);
    page.innerHTML = view.html; // made in Python, every text in it escaped
    position.textContent = view.position;
    said.textContent = early ? `${view.said} “${early}” came before this was shown: press it again.`.trim() : view.said;
    said.classList.toggle("bk-failed", failed);
    waiting = false;
    early = "";
    root.removeAttribute("aria-busy");
    root.dataset.step = view.step;
    if (turns.length) press(turns.shift());
  }
  model.on("change:view", draw);
  draw();
  return () => model.off("change:view", draw);
}

export default { render };
