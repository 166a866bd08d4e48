"use strict";
// Draws the episodes of an inspection: paths in space, a list, and curves of the chosen one.
const DATA = JSON.parse(document.getElementById("data").textContent);
const LEVELS = ["good", "doubtful", "bad"], COLOURS = ["#1a7f5a", "#d08a1d", "#b3372f"];
const AXES = ["#c0392b", "#1e8449", "#2563a8"], INK = "#5c6b7a", LINE = "#dde4ea";
const find = (id) => document.getElementById(id);
const shown = { connector: "", level: -1, chosen: 0, time: null, sort: null, down: false };
const view = {};

function resetView() { Object.assign(view, { yaw: -0.65, pitch: 0.42, zoom: 1, x: 0, y: 0 }); }

function visible() {
  return DATA.map((_, i) => i).filter((i) => DATA[i].connector === shown.connector
    && (shown.level < 0 || DATA[i].level === shown.level));
}

// --- paths in space -------------------------------------------------------------------------

function extent(indices) {
  let size = 1;
  for (const i of indices) for (const axis of DATA[i].p) for (const v of axis) size = Math.max(size, Math.abs(v));
  return size;
}

function projector(width, height, size, stretch) {
  const [cy, sy, cp, sp] = [Math.cos(view.yaw), Math.sin(view.yaw), Math.cos(view.pitch), Math.sin(view.pitch)];
  const scale = 0.62 * Math.min(width, height) / size * view.zoom;
  return (x, y, z) => {
    const across = cy * x * stretch - sy * y * stretch, deep = sy * x * stretch + cy * y * stretch;
    return [width / 2 + view.x + scale * across,
      height * 0.72 + view.y - scale * (cp * z + sp * deep)];
  };
}

function drawSpace() {
  const canvas = find("space"), ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = width * ratio; canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const indices = visible(), stretch = Number(find("stretch").value);
  const size = extent(indices), at = projector(width, height, size, stretch);
  drawFloor(pen, at, size, stretch);
  for (const i of indices) if (i !== shown.chosen) {
    line(pen, DATA[i].p, at, COLOURS[DATA[i].level], 1, 0.42);
  }
  if (indices.includes(shown.chosen)) drawChosen(pen, at, DATA[shown.chosen]);
}

function roundStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return [0.1, 0.2, 0.5, 1].map((k) => k * power).find((k) => size / k <= 6) || power;
}

function drawFloor(pen, at, size, stretch) {
  const step = roundStep(size / stretch / 2), reach = 3 * step;
  pen.strokeStyle = LINE; pen.lineWidth = 1;
  for (let k = -3; k <= 3; k++) {
    segment(pen, at(k * step, -reach, 0), at(k * step, reach, 0));
    segment(pen, at(-reach, k * step, 0), at(reach, k * step, 0));
  }
  pen.font = "12px system-ui, sans-serif"; pen.fillStyle = INK;
  pen.fillText(`grid ${step} mm`, 10, pen.canvas.clientHeight - 10);
  const arms = [[reach, 0, 0], [0, reach, 0], [0, 0, size]];
  arms.forEach((arm, k) => {
    pen.strokeStyle = pen.fillStyle = AXES[k]; pen.lineWidth = 1.5;
    segment(pen, at(0, 0, 0), at(...arm));
    const [x, y] = at(...arm.map((v) => 1.06 * v));
    pen.fillText("xyz"[k], x - 3, y + 3);
  });
  pen.fillStyle = INK;
  const high = roundStep(size);
  for (let z = high; z < size; z += high) {
    const [x, y] = at(0, 0, z);
    pen.fillRect(x - 3, y, 6, 1); pen.fillText(`${+z.toFixed(3)}`, x + 6, y + 4);
  }
}

function segment(pen, a, b) { pen.beginPath(); pen.moveTo(...a); pen.lineTo(...b); pen.stroke(); }

function line(pen, [xs, ys, zs], at, colour, width, alpha) {
  pen.globalAlpha = alpha; pen.strokeStyle = colour; pen.lineWidth = width;
  pen.beginPath();
  xs.forEach((x, k) => { const q = at(x, ys[k], zs[k]); k ? pen.lineTo(...q) : pen.moveTo(...q); });
  pen.stroke(); pen.globalAlpha = 1;
}

function forceColour(part) {
  const stops = [[37, 99, 168], [139, 63, 168], [224, 36, 94]];
  const k = Math.min(1, Math.floor(part * 2)), rest = Math.min(1, part * 2 - k);
  return `rgb(${stops[k].map((v, j) => Math.round(v + rest * (stops[k + 1][j] - v))).join(",")})`;
}

function norm(rows, k, first = 0) { return Math.hypot(rows[first][k], rows[first + 1][k], rows[first + 2][k]); }

function drawChosen(pen, at, e) {
  const [xs, ys, zs] = e.p, top = Math.max(e.peak, 1);
  pen.lineWidth = 3; pen.lineCap = "round";
  for (let k = 1; k < xs.length; k++) {
    pen.strokeStyle = forceColour(norm(e.w, k) / top);
    segment(pen, at(xs[k - 1], ys[k - 1], zs[k - 1]), at(xs[k], ys[k], zs[k]));
  }
  const spot = (k, colour, radius) => {
    if (!xs.length) return;
    pen.beginPath(); pen.arc(...at(xs[k], ys[k], zs[k]), radius, 0, 7);
    pen.fillStyle = colour; pen.fill(); pen.strokeStyle = "#fff"; pen.lineWidth = 1.5; pen.stroke();
  };
  spot(0, "#1b2733", 5); spot(xs.length - 1, COLOURS[e.level], 6);
  if (shown.time !== null) spot(nearest(e.t, shown.time), "#f0b429", 6);
}

function nearest(times, t) {
  let best = 0;
  times.forEach((v, k) => { if (Math.abs(v - t) < Math.abs(times[best] - t)) best = k; });
  return best;
}

function listenToSpace() {
  const canvas = find("space");
  let last = null;
  canvas.addEventListener("pointerdown", (e) => { last = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { last = null; });
  canvas.addEventListener("pointermove", (e) => {
    if (!last) return;
    const [dx, dy] = [e.clientX - last[0], e.clientY - last[1]];
    last = [e.clientX, e.clientY];
    if (e.shiftKey) { view.x += dx; view.y += dy; } else {
      view.yaw += 0.008 * dx;
      view.pitch = Math.max(-1.57, Math.min(1.57, view.pitch + 0.008 * dy));
    }
    drawSpace();
  });
  canvas.addEventListener("wheel", (e) => {
    e.preventDefault(); view.zoom *= Math.exp(-0.0012 * e.deltaY); drawSpace();
  }, { passive: false });
  canvas.addEventListener("dblclick", () => { resetView(); drawSpace(); });
  find("stretch").addEventListener("change", drawSpace);
  window.addEventListener("resize", drawSpace);
}

// --- list of episodes -----------------------------------------------------------------------

function text(tag, content, name = "") {
  const node = document.createElement(tag);
  node.textContent = content; node.className = name;
  return node;
}

function badge(level) { return text("span", LEVELS[level], `badge l${level}`); }

function drawRows() {
  const indices = visible();
  if (shown.sort) {
    const sign = shown.down ? -1 : 1, key = shown.sort;
    indices.sort((a, b) => sign * (DATA[a][key] > DATA[b][key] ? 1 : DATA[a][key] < DATA[b][key] ? -1 : a - b));
  }
  find("rows").replaceChildren(...indices.map((i) => {
    const e = DATA[i], row = document.createElement("tr");
    const why = text("td", "");
    why.append(badge(e.level), text("span", ` ${e.findings.map((f) => f.name).join(", ")}`));
    row.append(text("td", e.id), text("td", e.event.toLowerCase()), text("td", `${e.duration.toFixed(1)} s`),
      text("td", `${e.peak.toFixed(1)} N`), why);
    row.className = i === shown.chosen ? "on" : "";
    row.addEventListener("click", () => choose(i));
    return row;
  }));
}

function choose(i) {
  shown.chosen = i; shown.time = null;
  drawRows(); drawSpace(); drawCharts();
}

function listenToList() {
  const names = [...new Set(DATA.map((e) => e.connector))].sort(), box = find("connector");
  box.replaceChildren(...names.map((name) => new Option(name || "unnamed", name)));
  const refresh = () => {
    shown.connector = box.value; shown.level = Number(find("level").value);
    const indices = visible();
    const worst = indices.find((i) => DATA[i].level === Math.max(...indices.map((k) => DATA[k].level)));
    choose(worst === undefined ? -1 : worst);
  };
  box.addEventListener("change", refresh);
  find("level").addEventListener("change", refresh);
  document.querySelectorAll("th[data-key]").forEach((head) => head.addEventListener("click", () => {
    shown.down = shown.sort === head.dataset.key && !shown.down;
    shown.sort = head.dataset.key; drawRows();
  }));
  document.addEventListener("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key], rows = visible();
    if (!step || /SELECT|INPUT/.test(document.activeElement.tagName)) return;
    const next = rows[rows.indexOf(shown.chosen) + step];
    if (next !== undefined) { e.preventDefault(); choose(next); }
  });
  refresh();
}

// --- curves of the chosen episode -----------------------------------------------------------

const W = 560, H = 190, L = 46, R = 8, T = 8, B = 24;

function curvesOf(e) {
  const xyz = (rows, first, times, dash = "") => [0, 1, 2].map((k) => (
    { name: `${dash ? "commanded " : ""}${"xyz"[k]}`, colour: AXES[k], t: times, v: rows[first + k], dash }));
  const size = e.t.map((_, k) => norm(e.w, k));
  return [
    ["Position [mm]", xyz(e.p, 0, e.t)],
    ["Force in the tool's frame [N]", [...xyz(e.w, 0, e.t), { name: "|F|", colour: "#1b2733", t: e.t, v: size, dash: "" }]],
    ["Linear velocity, measured and commanded [mm/s]", [...xyz(e.v, 0, e.t), ...xyz(e.c, 0, e.ct, "5 3")]],
    ["Torque in the tool's frame [Nmm]", xyz(e.w, 3, e.t)],
    ["Angular velocity, measured and commanded [mrad/s]", [...xyz(e.v, 3, e.t), ...xyz(e.c, 3, e.ct, "5 3")]],
    ...(e.dt.length ? [["Longest time between states [ms]", [{ name: "interval", colour: AXES[2], t: e.t, v: e.dt, dash: "" }]]] : []),
  ];
}

function drawCharts() {
  const e = DATA[shown.chosen], places = find("charts");
  find("chosen").style.display = e ? "" : "none";
  if (!e) return;
  find("name").replaceChildren(text("span", `Episode ${e.id} of ${e.connector} `), badge(e.level),
    text("span", ` ${e.event.toLowerCase()}, ${e.steps} steps, ${e.duration.toFixed(1)} s, peak ${e.peak.toFixed(1)} N, `
      + `${e.purpose}, session ${e.session}`, "sub"));
  find("findings").replaceChildren(...e.findings.map((f) => {
    const item = text("li", f.text); item.style.borderColor = COLOURS[f.level]; return item;
  }));
  places.replaceChildren(...curvesOf(e).map(([title, curves]) => chart(e, title, curves)));
}

function ticks(low, high) {
  const raw = (high - low) / 4, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => k >= raw);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9; k++) found.push(+(k * step).toPrecision(6));
  return found;
}

function chart(e, title, curves) {
  const values = curves.flatMap((c) => c.v).filter((v) => v !== null);
  let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  if (high - low < 1e-9) high = low + 1;
  const end = Math.max(e.duration, 0.1);
  const x = (t) => L + (W - L - R) * t / end, y = (v) => H - B - (H - T - B) * (v - low) / (high - low);
  const spans = e.findings.filter((f) => f.from >= 0).map((f) =>
    `<rect x="${x(f.from)}" y="${T}" width="${Math.max(2, x(f.to) - x(f.from))}" height="${H - T - B}" fill="${COLOURS[f.level]}" opacity=".22"/>`);
  const rows = ticks(low, high).map((v) => `<line x1="${L}" x2="${W - R}" y1="${y(v)}" y2="${y(v)}" stroke="${LINE}"/>`
    + `<text x="${L - 6}" y="${y(v) + 4}" text-anchor="end">${v}</text>`);
  const columns = ticks(0, end).map((t) => `<text x="${x(t)}" y="${H - 6}" text-anchor="middle">${t}${t ? "" : " s"}</text>`);
  const paths = curves.map((c) => `<path d="${path(c, x, y)}" fill="none" stroke="${c.colour}" stroke-width="1.5" stroke-dasharray="${c.dash}"/>`);
  const place = text("div", "", "chart");
  place.innerHTML = `<h3></h3><div class="keys"></div><svg viewBox="0 0 ${W} ${H}" font-size="11" fill="${INK}">`
    + `${spans.join("")}${rows.join("")}${columns.join("")}${paths.join("")}`
    + `<line class="now" y1="${T}" y2="${H - B}" stroke="#f0b429" stroke-width="1.5" visibility="hidden"/></svg>`;
  place.querySelector("h3").textContent = title;
  Object.assign(place, { curves, x });
  writeKeys(place, null);
  place.querySelector("svg").addEventListener("pointermove", (move) => {
    const box = move.currentTarget.getBoundingClientRect();
    point(Math.max(0, Math.min(end, ((move.clientX - box.left) / box.width * W - L) / (W - L - R) * end)));
  });
  place.querySelector("svg").addEventListener("pointerleave", () => point(null));
  return place;
}

function path(curve, x, y) {
  const usual = curve.t.slice(1).map((t, k) => t - curve.t[k]).sort((a, b) => a - b);
  const gap = Math.max(0.05, 4 * (usual[usual.length >> 1] || 0));
  let pen = "M";
  return curve.t.map((t, k) => {
    if (curve.v[k] === null) { pen = "M"; return ""; }
    if (k && t - curve.t[k - 1] > gap) pen = "M";
    const word = `${pen}${x(t).toFixed(1)},${y(curve.v[k]).toFixed(1)}`;
    pen = "L";
    return word;
  }).join("");
}

function writeKeys(place, time) {
  const keys = place.curves.map((c) => {
    const value = time === null || !c.t.length ? "" : ` ${c.v[nearest(c.t, time)]}`;
    const key = text("b", `${c.dash ? "- -" : "—"} ${c.name}${value}  `);
    key.style.color = c.colour;
    return key;
  });
  if (time !== null) keys.push(text("span", `at ${time.toFixed(2)} s`));
  place.querySelector(".keys").replaceChildren(...keys);
}

function point(time) {
  shown.time = time;
  for (const place of find("charts").children) {
    const now = place.querySelector(".now");
    now.setAttribute("visibility", time === null ? "hidden" : "visible");
    if (time !== null) { now.setAttribute("x1", place.x(time)); now.setAttribute("x2", place.x(time)); }
    writeKeys(place, time);
  }
  drawSpace();
}

resetView();
listenToSpace();
listenToList();
