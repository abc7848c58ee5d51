"use strict";
// A panel of curves over the steps, drawn by uPlot.

const BAND = 0.16;
const MOST_MARKS = 150;
const SERIOUS = ["SPIKE", "INSTABILITY", "INSTABILITY_AHEAD", "HARMFUL", "NOT_FINITE", "CATAPULT", "NOT_MEASURED"];
const CHANGES = ["TRANSITION", "SIGN_CHANGE", "LEVEL_SHIFT", "EDGE_OF_STABILITY", "PRECURSOR"];

dynaxx.tone = kind => SERIOUS.includes(kind) ? "bad" : CHANGES.includes(kind) ? "warn" : kind === "VALIDATED" ? "good" : "";

// All steps of several curves, and each curve's value at each of them or null.
dynaxx.join = function (curves) {
  const steps = new Set();
  for (const curve of curves) for (const x of curve.x) steps.add(x);
  const x = Float64Array.from(steps).sort();
  const index = new Map();
  x.forEach((step, i) => index.set(step, i));
  const rows = curves.map(curve => {
    const y = new Array(x.length).fill(null), e = curve.e ? new Array(x.length).fill(null) : null;
    curve.x.forEach((step, i) => {
      const at = index.get(step);
      y[at] = curve.y[i];
      if (e) e[at] = curve.e[i];
    });
    return { y, e };
  });
  return { x, rows };
};

dynaxx.Curves = class {
  constructor(panel, host, page) {
    this.panel = panel;
    this.host = host;
    this.page = page;
    this.curves = [];
    this.marks = [];
  }

  // Shows other data; the picture is made again only if the curves are different.
  show(curves, marks, window) {
    const shape = JSON.stringify(curves.map(c => [c.title, c.colour, c.dashed, !!c.e]));
    this.curves = curves;
    this.marks = marks.slice(-MOST_MARKS);
    this.window = window;
    this.joined = dynaxx.join(curves);
    this.measure();
    const data = this.data();
    if (this.plot && shape === this.shape && this.scale.name === this.drawnScale) {
      this.plot.setData(data, false);
      this.plot.batch(() => {
        this.plot.setScale("x", window);
        this.plot.setScale("y", { min: this.low, max: this.high });
      });
      return;
    }
    if (this.plot) this.plot.destroy();
    this.shape = shape;
    this.drawnScale = this.scale.name;
    this.plot = new uPlot(this.options(), data, this.host);
    this.plot.setScale("x", window);
  }

  // Which values the axis has to hold.
  measure() {
    let least = Infinity, most = -Infinity, smallest = Infinity;
    const seen = value => {
      if (value === null || !Number.isFinite(value)) return;
      least = Math.min(least, value);
      most = Math.max(most, value);
      if (value !== 0) smallest = Math.min(smallest, Math.abs(value));
    };
    // A limit may be far away; what is compared with it decides the axis.
    for (const curve of [...this.curves].sort((a, b) => a.dashed - b.dashed)) {
      const far = curve.dashed ? most * 12 : Infinity;
      curve.y.forEach((y, i) => {
        if (!(y <= far && curve.x[i] >= this.window.min && curve.x[i] <= this.window.max)) return;
        seen(y);
        // A band that is wider than its value says so by leaving the picture.
        const e = curve.e ? curve.e[i] : null;
        if (e !== null && e < Math.abs(y)) [y - e, y + e].forEach(seen);
      });
    }
    if (least > most) [least, most, smallest] = [0, 1, 1];
    if (this.panel.limit !== undefined) seen(this.panel.limit);
    if (this.panel.scale === "signed") seen(0);
    this.scale = dynaxx.scaleOf(this.panel.scale, least, most, smallest);
    let low = this.scale.to(least), high = this.scale.to(most);
    const pad = (high - low) * 0.07 || Math.abs(high) * 0.1 || 0.5;
    this.low = this.panel.scale === "count" && least >= 0 ? Math.max(0, low - pad) : low - pad;
    this.high = this.panel.scale === "count" ? Math.max(1, high + pad) : high + pad;
    if (this.panel.scale === "fraction") {
      if (least >= 0) this.low = Math.max(0, this.low);
      if (most <= 1) this.high = Math.min(1, Math.max(this.high, this.low + 1e-6));
    }
  }

  data() {
    const fit = y => {
      if (y === null || (this.scale.name === "logarithmic" && y <= 0)) return null;
      return this.scale.to(y);
    };
    const data = [this.joined.x];
    this.joined.rows.forEach((row, i) => {
      data.push(row.y.map(fit));
      if (this.curves[i].e) {
        const end = sign => row.y.map((y, k) => {
          if (y === null) return null;
          const value = y + sign * (row.e[k] ?? 0);
          return this.scale.name === "logarithmic" && value <= 0 ? this.low : this.scale.to(value);
        });
        data.push(end(1), end(-1));
      }
    });
    return data;
  }

  options() {
    const series = [{}], bands = [];
    this.curves.forEach((curve, i) => {
      const colour = () => dynaxx.colour(curve.colour);
      series.push({
        label: curve.title, stroke: colour, width: curve.dashed ? 1.5 : 1.8, spanGaps: true,
        dash: curve.dashed ? [6, 4] : curve.dash, scale: "y",
        points: { show: () => this.curves[i].x.length <= 60 && !curve.dashed, size: 4.5, width: 1, stroke: colour, fill: colour },
      });
      if (curve.e) {
        const at = series.length;
        const none = { spanGaps: true, scale: "y", points: { show: false }, stroke: "transparent", width: 0 };
        series.push(none, { ...none });
        bands.push({ series: [at, at + 1], fill: () => dynaxx.fade(colour(), BAND) });
      }
    });
    const font = "11px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
    const axis = { stroke: () => dynaxx.colour("faint"), font, ticks: { show: false }, grid: { stroke: () => dynaxx.colour("grid"), width: 1 } };
    return {
      width: this.width(), height: 216, series, bands, legend: { show: false }, padding: [10, 18, 0, 0],
      scales: { x: { time: false, range: (u, a, b) => [a, b] }, y: { range: () => [this.low, this.high] } },
      axes: [
        { ...axis, size: 26, space: 70, values: (u, splits) => splits.map(s => Number.isInteger(s) ? dynaxx.stepTick(s) : "") },
        { ...axis, size: 58, splits: (u, i, low, high) => dynaxx.ticks(this.scale, low, high, 5),
          values: (u, splits) => splits.map(y => dynaxx.tick(this.scale.back(y))) },
      ],
      cursor: {
        y: false, drag: { x: true, y: false, setScale: false }, points: { size: 8 },
        sync: { key: "dynaxx", scales: ["x", null], filters: { pub: type => type === "mousemove" || type === "mouseleave" } },
        bind: { dblclick: () => () => { this.page.zoom(null); return null; } },
      },
      hooks: {
        drawAxes: [u => this.drawLines(u)],
        draw: [u => this.drawMarks(u)],
        setCursor: [u => this.legend(u.cursor.idx)],
        setSelect: [u => this.select(u)],
      },
    };
  }

  select(u) {
    if (u.select.width < 6) return;
    const from = Math.floor(u.posToVal(u.select.left, "x")), to = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (to > from) this.page.zoom({ min: Math.max(0, from), max: to });
  }

  width() {
    return Math.max(200, this.host.clientWidth);
  }

  resize() {
    if (this.plot && Math.abs(this.plot.width - this.width()) > 1) this.plot.setSize({ width: this.width(), height: 216 });
  }

  line(u, value, name) {
    const at = this.scale.to(value);
    if (!(at > this.low && at < this.high)) return;
    const { ctx, bbox } = u, y = Math.round(u.valToPos(at, "y", true));
    ctx.save();
    ctx.strokeStyle = dynaxx.colour(name);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(name === "zero" ? [] : [5 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }

  drawLines(u) {
    if (this.scale.name === "signed") this.line(u, 0, "zero");
    if (this.panel.limit !== undefined) this.line(u, this.panel.limit, "bad");
  }

  // Events: a line in the panel of their signal, a small triangle in all others.
  drawMarks(u) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    for (const mark of this.marks) {
      if (mark.step < u.scales.x.min || mark.step > u.scales.x.max) continue;
      const x = Math.round(u.valToPos(mark.step, "x", true));
      const own = this.panel.lines.some(line => line.id === mark.signal);
      const colour = dynaxx.colour(dynaxx.tone(mark.kind) || "accent");
      ctx.fillStyle = colour;
      ctx.globalAlpha = own ? 1 : 0.45;
      ctx.beginPath();
      ctx.moveTo(x - 4 * ratio, bbox.top - 8 * ratio);
      ctx.lineTo(x + 4 * ratio, bbox.top - 8 * ratio);
      ctx.lineTo(x, bbox.top - ratio);
      ctx.fill();
      if (own) {
        ctx.strokeStyle = colour;
        ctx.globalAlpha = 0.75;
        ctx.lineWidth = ratio;
        ctx.setLineDash([3 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
    }
    ctx.restore();
  }

  // The value nearest to the cursor, since not every curve has one at every step.
  near(row, at) {
    for (let off = 0; off < row.length; off++) {
      if (row[at - off] !== null && row[at - off] !== undefined) return at - off;
      if (row[at + off] !== null && row[at + off] !== undefined) return at + off;
    }
    return -1;
  }

  readings(idx) {
    const last = idx === null || idx === undefined || idx >= this.joined.x.length;
    return this.curves.map((curve, i) => {
      const row = this.joined.rows[i];
      const at = this.near(row.y, last ? row.y.length - 1 : idx);
      return { curve, step: this.joined.x[at], value: row.y[at], error: row.e ? row.e[at] : null };
    });
  }

  legend(idx) {
    const read = this.readings(idx);
    this.page.legend(this.panel, read.map(r => ({
      colour: r.curve.colour, dashed: r.curve.dashed || !!r.curve.dash, title: r.curve.title, value: r.value, error: r.error, step: r.step,
    })), this.joined.x[idx] ?? null);
  }

  rows() {
    return { head: this.curves.map(c => c.title), x: this.joined.x, cells: this.joined.rows.map(r => r.y) };
  }

  point(step) {
    const at = this.joined.x.findIndex(x => x >= step);
    const idx = at < 0 ? this.joined.x.length - 1 : at;
    const left = this.plot.valToPos(this.joined.x[idx], "x");
    this.plot.setCursor({ left, top: 40 }, true, true);
    return this.joined.x[idx];
  }

  steps() {
    return this.joined.x;
  }
};
