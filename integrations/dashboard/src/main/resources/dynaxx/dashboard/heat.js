"use strict";
// A panel that shows the parts of a signal over the steps: heads, layers, or the spectrum.

// Dark to light, of even steps in lightness (after matplotlib's viridis and inferno).
const MAPS = {
  light: ["#f7fbff", "#d6e6f4", "#abd0e6", "#6aaed6", "#3787c0", "#105ba4", "#08306b"],
  dark: ["#10151c", "#2a1a5e", "#6a1b6e", "#a52c60", "#dd513a", "#f98e09", "#fcffa4"],
};

function mixed(map, part) {
  const at = Math.min(0.9999, Math.max(0, part)) * (map.length - 1), i = Math.floor(at), f = at - i;
  const [a, b] = [map[i], map[i + 1]].map(c => [1, 3, 5].map(k => parseInt(c.slice(k, k + 2), 16)));
  return "rgb(" + a.map((v, k) => Math.round(v + (b[k] - v) * f)).join(",") + ")";
}

dynaxx.Heat = class {
  constructor(panel, host, page, edges) {
    this.panel = panel;
    this.host = host;
    this.page = page;
    this.edges = panel.part === "eigenvalue" ? edges : null;
  }

  show(parts, window, runTitle) {
    this.parts = parts;
    this.window = window;
    this.runTitle = runTitle;
    this.prepare();
    const data = [parts.x, parts.x.map(() => null)];
    if (this.plot) {
      this.plot.setData(data, false);
      this.plot.setScale("x", window);
      this.plot.setScale("y", { min: this.low, max: this.high });
      return;
    }
    this.plot = new uPlot(this.options(), data, this.host);
    this.plot.setScale("x", window);
  }

  // Rows that matter, and the colour of each cell as a part of one.
  prepare() {
    const rows = Math.max(...this.parts.y.map(r => r.length));
    if (!this.edges) {
      const all = this.parts.y.flat().filter(v => v !== null);
      const least = Math.min(...all), most = Math.max(...all);
      [this.least, this.most, this.low, this.high] = [least, most, 0, rows];
      this.part = v => v === null ? null : most > least ? 0.08 + 0.92 * (v - least) / (most - least) : 0.5;
      this.cells = this.parts.y;
      return;
    }
    this.rowsOfSpectrum();
    this.cells = this.values;
    const most = Math.max(...this.cells.flat());
    [this.least, this.most] = [most * 1e-5, most];
    this.part = v => v > this.least ? 0.1 + 0.9 * Math.log(v / this.least) / Math.log(most / this.least) : null;
  }

  // Bins far inside the spectrum become one row: so few nodes cannot tell what is so near zero.
  rowsOfSpectrum() {
    let size = 0;
    for (const row of this.parts.y) row.forEach((v, i) => {
      if (v > 0) size = Math.max(size, Math.abs(this.edges[i]), Math.abs(this.edges[i + 1]));
    });
    const near = size / 800, far = size * 1.3;
    this.ends = this.edges.filter(e => Math.abs(e) >= near && Math.abs(e) <= far);
    this.values = this.parts.y.map(row => {
      const sums = new Array(this.ends.length - 1).fill(0);
      let to = 0;
      row.forEach((v, i) => {
        while (to < sums.length - 1 && this.ends[to + 1] <= this.edges[i] * (1 + 1e-9 * Math.sign(-this.edges[i]))) to++;
        sums[to] += v;
      });
      return sums;
    });
    [this.low, this.high] = [0, this.ends.length - 1];
  }

  options() {
    const font = "11px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
    const axis = { stroke: () => dynaxx.colour("faint"), font, ticks: { show: false }, grid: { show: false } };
    return {
      width: Math.max(200, this.host.clientWidth), height: 216, legend: { show: false }, padding: [10, 18, 0, 0],
      series: [{}, { scale: "y", points: { show: false } }],
      scales: { x: { time: false, range: (u, a, b) => [a, b] }, y: { range: () => [this.low, this.high] } },
      axes: [
        { ...axis, size: 26, space: 70, values: (u, splits) => splits.map(s => Number.isInteger(s) ? dynaxx.stepTick(s) : "") },
        { ...axis, size: 58, splits: () => this.splits(), values: (u, splits) => splits.map(s => this.label(s)) },
      ],
      cursor: {
        y: true, drag: { x: true, y: false, setScale: false }, points: { show: false },
        sync: { key: "dynaxx", scales: ["x", null], filters: { pub: type => type === "mousemove" || type === "mouseleave" } },
        bind: { dblclick: () => () => { this.page.zoom(null); return null; } },
      },
      hooks: { drawAxes: [u => this.draw(u)], setCursor: [u => this.legend(u)],
        setSelect: [u => dynaxx.Curves.prototype.select.call(this, u)] },
    };
  }

  splits() {
    if (!this.edges) {
      const stride = Math.max(1, Math.ceil(this.high / 6)), splits = [];
      for (let i = 0; i < this.high; i += stride) splits.push(i + 0.5);
      return splits;
    }
    const middle = (this.ends.length - 1) / 2, splits = [middle];
    this.ends.forEach((edge, i) => {
      const decade = Math.log10(Math.abs(edge));
      if (Math.abs(decade - Math.round(decade)) < 1e-6 && Math.abs(i - middle) >= 3) splits.push(i);
    });
    return splits.sort((a, b) => a - b);
  }

  label(split) {
    if (!this.edges) return this.panel.part + " " + Math.ceil(split);
    return split === (this.ends.length - 1) / 2 ? "0" : dynaxx.tick(this.ends[split]);
  }

  draw(u) {
    const { ctx, bbox } = u, x = this.parts.x;
    if (x.length === 0) return;
    const map = MAPS[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const gap = x.length > 1 ? (x[x.length - 1] - x[0]) / (x.length - 1) : Math.max(1, (u.scales.x.max - u.scales.x.min) / 20);
    for (let i = 0; i < x.length; i++) {
      const from = i > 0 ? (x[i - 1] + x[i]) / 2 : x[i] - gap / 2;
      const to = i + 1 < x.length ? (x[i] + x[i + 1]) / 2 : x[i] + gap / 2;
      if (to < u.scales.x.min || from > u.scales.x.max) continue;
      const left = Math.round(u.valToPos(from, "x", true)), right = Math.round(u.valToPos(to, "x", true));
      for (let row = Math.floor(this.low); row < this.high; row++) {
        const part = this.part(this.cells[i][row] ?? null);
        if (part === null) continue;
        const top = Math.round(u.valToPos(row + 1, "y", true)), bottom = Math.round(u.valToPos(row, "y", true));
        ctx.fillStyle = mixed(map, part);
        ctx.fillRect(left, top, Math.max(1, right - left), Math.max(1, bottom - top));
      }
    }
    if (this.edges) {
      const zero = Math.round(u.valToPos((this.ends.length - 1) / 2, "y", true));
      ctx.strokeStyle = dynaxx.colour("zero");
      ctx.beginPath();
      ctx.moveTo(bbox.left, zero);
      ctx.lineTo(bbox.left + bbox.width, zero);
      ctx.stroke();
    }
    ctx.restore();
  }

  legend(u) {
    const idx = u.cursor.idx, top = u.cursor.top;
    const key = "from " + dynaxx.format(this.least, 2) + " to " + dynaxx.format(this.most, 2);
    if (idx === null || idx === undefined || idx >= this.parts.x.length) {
      this.page.legend(this.panel, [{ title: this.runTitle || "colour", text: key }], null);
      return;
    }
    const row = Math.floor(top >= 0 ? u.posToVal(top, "y") : this.low);
    const value = (this.edges ? this.values : this.parts.y)[idx][row];
    const where = this.edges
      ? "eigenvalues from " + dynaxx.format(this.ends[row], 2) + " to " + dynaxx.format(this.ends[row + 1], 2)
      : this.panel.part + " " + (row + 1);
    this.page.legend(this.panel, top >= 0 && row >= 0
      ? [{ title: where, value, step: this.parts.x[idx] }] : [{ title: "colour", text: key }], this.parts.x[idx]);
  }

  resize() {
    const width = Math.max(200, this.host.clientWidth);
    if (this.plot && Math.abs(this.plot.width - width) > 1) this.plot.setSize({ width, height: 216 });
  }

  rows() {
    const head = [], cells = [];
    for (let row = 0; row < this.high; row++) {
      head.push(this.edges ? "up to " + dynaxx.format(this.ends[row + 1], 2) : this.panel.part + " " + (row + 1));
      cells.push((this.edges ? this.values : this.parts.y).map(values => values[row] ?? null));
    }
    return { head, x: this.parts.x, cells };
  }

  readings(idx) {
    return [];
  }

  point(step) {
    const at = this.parts.x.findIndex(x => x >= step);
    const idx = at < 0 ? this.parts.x.length - 1 : at;
    this.plot.setCursor({ left: this.plot.valToPos(this.parts.x[idx], "x"), top: 100 }, true, true);
    return this.parts.x[idx];
  }

  steps() {
    return this.parts.x;
  }
};
