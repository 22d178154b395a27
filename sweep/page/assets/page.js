"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const views = new Map(); // id of a chart -> its Vega view

  // ---- cells ----
  const shownText = (cell) => cell.textContent;
  const exact = (cell) => cell.dataset.v ?? cell.textContent;
  const number = (cell) => {
    const text = exact(cell).replaceAll(",", "");
    return text === "" ? NaN : Number(text);
  };

  // ---- leaderboards ----
  function order(a, b, place, isNumber, sign) {
    const [one, other] = [a.cells[place], b.cells[place]];
    if (!isNumber) return sign * shownText(one).localeCompare(shownText(other), "en", { numeric: true });
    const [x, y] = [number(one), number(other)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // missing values last
    return sign * (x - y);
  }

  function sort(table, place) {
    const heads = [...table.tHead.rows[0].cells];
    const head = heads[place];
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((one) => one.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const isNumber = head.classList.contains("n");
    const rows = [...table.tBodies[0].rows].sort((a, b) => order(a, b, place, isNumber, down ? -1 : 1));
    table.tBodies[0].append(...rows);
  }

  const TERM = /^(.+?)(>=|<=|!=|=|>|<)(.+)$/;
  function meets(row, names, term) {
    const parts = TERM.exec(term);
    const place = parts ? names.indexOf(parts[1].toLowerCase()) : -1;
    if (place < 0) return row.textContent.toLowerCase().includes(term);
    const [, , sign, wanted] = parts;
    const cell = row.cells[place];
    const [x, y] = [number(cell), Number(wanted)];
    const isSame = [shownText(cell), exact(cell)].some((text) => text.toLowerCase() === wanted) || (wanted !== "" && x === y);
    return { "=": isSame, "!=": !isSame, ">": x > y, "<": x < y, ">=": x >= y, "<=": x <= y }[sign];
  }

  function board(root) {
    const table = root.querySelector("table");
    const heads = [...table.tHead.rows[0].cells];
    const names = heads.map((head) => head.textContent.trim().toLowerCase());
    const rows = [...table.tBodies[0].rows];
    const count = root.querySelector(".count");
    const show = (place, isShown) => {
      heads[place].hidden = !isShown;
      for (const row of rows) row.cells[place].hidden = !isShown;
    };
    heads.forEach((head, place) => {
      head.querySelector("button").addEventListener("click", () => sort(table, place));
      if (head.hidden) show(place, false);
      if (head.classList.contains("n")) for (const row of rows) row.cells[place].className = "n";
    });
    for (const box of root.querySelectorAll("[data-column]"))
      box.addEventListener("change", () => show(Number(box.dataset.column), box.checked));
    root.querySelector(".filter").addEventListener("input", (event) => {
      const terms = event.target.value.toLowerCase().replaceAll("=>", ">=").replaceAll("=<", "<=").split(/\s+/).filter(Boolean);
      const unknown = terms.map((term) => TERM.exec(term)?.[1]).filter((name) => name && !names.includes(name));
      for (const row of rows) row.hidden = !terms.every((term) => meets(row, names, term));
      const left = rows.filter((row) => !row.hidden);
      count.textContent = unknown.length ? `no column ${unknown[0]}` : `${left.length} of ${rows.length} rows`;
      const ids = terms.length ? left.map((row) => row.dataset.id) : null;
      const view = views.get(`${root.closest("[data-run]").dataset.run}-parallel`);
      if (view) view.signal("shown", ids).runAsync();
    });
    root.querySelector(".copy").addEventListener("click", async () => {
      count.textContent = (await copied(csv(heads, table.tBodies[0].rows))) ? "copied" : "the browser does not allow copying";
    });
  }

  // ---- CSV ----
  function csv(heads, rows) {
    const places = heads.map((head, place) => (head.hidden ? -1 : place)).filter((place) => place >= 0);
    const lines = [places.map((place) => field(heads[place].textContent.trim(), false))];
    for (const row of rows)
      if (!row.hidden)
        lines.push(places.map((place) => field(exact(row.cells[place]), heads[place].classList.contains("n"))));
    return lines.map((line) => line.join(",")).join("\n");
  }
  function field(text, isNumber) {
    const plain = isNumber ? text.replaceAll(",", "") : /^\s*[=+\-@]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  }
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  // ---- charts and their tables ----
  function written(value) {
    if (value === null || value === undefined) return "";
    return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(6)).toString() : String(value);
  }
  function twin(details) {
    const { spec, data, columns } = charts[details.dataset.chart];
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const [, title] of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = title;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const entry of spec.datasets[data]) {
      const row = body.insertRow();
      for (const [key] of columns) {
        const cell = row.insertCell();
        cell.textContent = written(entry[key]);
        if (typeof entry[key] === "number") {
          cell.className = "n";
          cell.dataset.v = String(entry[key]);
        }
      }
    }
    details.querySelector(".scroll").replaceChildren(table);
  }
  async function draw(place) {
    const options = { ast: true, renderer: "svg", actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true } };
    const { view } = await window.vegaEmbed(place, structuredClone(charts[place.id].spec), options);
    place.querySelector("svg").setAttribute("aria-hidden", "true"); // the label and the table say it better
    views.set(place.id, view);
  }
  async function drawAll() {
    for (const place of document.querySelectorAll(".chart")) {
      await new Promise((done) => setTimeout(done)); // let the reader in between two charts
      try {
        await draw(place);
      } catch (error) {
        place.textContent = `This chart cannot be drawn: ${error.message}. Its figures are in the table below.`;
      }
    }
    document.documentElement.dataset.drawn = "yes";
  }

  // ---- texts ----
  function texts(root) {
    const [which, find, wrong] = [".which", ".find", ".wrong"].map((name) => root.querySelector(name));
    const samples = [...root.querySelectorAll(".sample")];
    const update = () => {
      const wanted = find.value.toLowerCase();
      for (const sample of samples)
        sample.hidden =
          (which.value !== "" && sample.dataset.which !== which.value) ||
          !sample.textContent.toLowerCase().includes(wanted) ||
          (wrong?.checked && !sample.classList.contains("is-wrong"));
      root.querySelector(".count").textContent = `${samples.filter((one) => !one.hidden).length} texts`;
    };
    for (const control of [which, find, wrong]) control?.addEventListener("input", update);
    if (which.options.length > 2) which.value = "0";
    root.querySelector(".unfold").addEventListener("click", (event) => {
      root.querySelector(".samples").classList.remove("folded");
      event.target.remove();
    });
    update();
  }

  // ---- a page that is served renews itself ----
  function renew(address, version) {
    setInterval(async () => {
      try {
        const answer = await fetch(address, { cache: "no-store" });
        if (answer.ok && (await answer.text()) !== version) location.reload();
      } catch {
        // the server has ended; what is shown stays
      }
    }, 3000);
  }

  document.querySelectorAll(".board").forEach(board);
  document.querySelectorAll(".texts").forEach(texts);
  for (const details of document.querySelectorAll(".twin"))
    details.addEventListener("toggle", () => details.open && twin(details));
  if (document.body.dataset.renew) renew(document.body.dataset.renew, document.body.dataset.version);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
  drawAll();
})();
