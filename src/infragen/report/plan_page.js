"use strict";
(() => {
  const form = document.getElementById("filter");
  const rows = [...document.querySelectorAll("details.row")];
  const layers = [...document.querySelectorAll("section.layer")];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const [search, layer, type] = ["search", "layer", "type"].map((name) => form.elements[name]);
  const kinds = [...form.querySelectorAll("input[type=checkbox]")];

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set(kinds.filter((box) => box.checked).map((box) => box.value));
    const kept = rows.filter((row) => {
      const fits = wanted.has(row.dataset.kind)
        && (!layer.value || row.dataset.layer === layer.value)
        && (!type.value || row.dataset.type === type.value)
        && words.every((word) => texts.get(row).includes(word));
      row.hidden = !fits;
      return fits;
    });
    const all = kept.length === rows.length;
    for (const each of layers) each.hidden = !all && !each.querySelector("details.row:not([hidden])");
    form.elements.shown.value = all ? `all ${rows.length} shown` : `${kept.length} of ${rows.length} shown`;
  };

  const open = (whether) => rows.forEach((row) => { if (!row.hidden) row.open = whether; });
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.elements.expand.addEventListener("click", () => open(true));
  form.elements.collapse.addEventListener("click", () => open(false));
  form.hidden = false;
  apply();
})();
