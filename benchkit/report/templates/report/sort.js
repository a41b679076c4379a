// A button in each column's title sorts the table by it, up and down.
for (const table of document.querySelectorAll("main table")) {
  const head = [...(table.tHead?.rows ?? [])], body = table.tBodies[0], cells = [...table.querySelectorAll("th, td")];
  const uneven = cells.some(one => one.colSpan > 1 || one.rowSpan > 1 || one.closest("table") !== table);
  if (!head.length || !body || body.rows.length < 2 || uneven) continue;
  const value = (row, at) => row.cells[at]?.textContent.trim() ?? "";
  const number = text => /^[-+−±<>≈$]*[\d.,]+(e[-+]?\d+)?(?!\w)/i.test(text)
    ? parseFloat(text.replace(/−/g, "-").replace(/[±<>≈$,]/g, "")) : NaN;
  const order = (a, b, up) => {
    const [x, y] = [number(a), number(b)];
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1; // what is no number comes last
    return (x - y || a.localeCompare(b, "en", {numeric: true})) * (up ? 1 : -1);
  };
  for (let at = 0; at < head[0].cells.length; at++) {
    const title = head.map(row => row.cells[at]).findLast(cell => cell?.textContent.trim());
    if (!title) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...title.childNodes);
    title.append(button);
    title.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = title.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("[aria-sort]").forEach(one => one.setAttribute("aria-sort", "none"));
      title.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => order(value(a, at), value(b, at), up)));
    });
  }
}
