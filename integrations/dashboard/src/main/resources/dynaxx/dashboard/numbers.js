"use strict";
// Numbers as text, and the scales of the signals: what is drawn is transformed, what is read is not.
const dynaxx = {};

dynaxx.format = function (value, digits = 4, whole = 1e7) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  // An integer that a transformation made into 49999.9999 is one again.
  const near = Number(value.toPrecision(12)), size = Math.abs(near);
  if (size === 0) return "0";
  const minus = text => text.replace("-", "−");
  if (Number.isInteger(near) && size < whole) return minus(near.toLocaleString("en-US"));
  const rounded = Number(near.toPrecision(digits));
  if (size >= 1e5 || size < 1e-3) {
    const [mantissa, power] = rounded.toExponential().split("e");
    return minus(mantissa) + "e" + minus(power.replace("+", ""));
  }
  return minus(size >= 1000 ? rounded.toLocaleString("en-US") : String(rounded));
};

dynaxx.tick = value => dynaxx.format(value, 3, 1e5);

// A step is exact, however large it is.
dynaxx.step = step => step.toLocaleString("en-US");
dynaxx.stepTick = step => Math.abs(step) < 1e7 ? dynaxx.step(step) : step.toExponential().replace("+", "");

dynaxx.scales = {
  linear: () => ({ to: y => y, back: y => y }),
  logarithmic: () => ({ to: y => Math.log10(y), back: y => Math.pow(10, y) }),
  // Linear near zero, logarithmic far from it, on both sides.
  signed: near => ({ to: y => Math.asinh(y / near), back: y => near * Math.sinh(y) }),
};

// The scale of a panel for the values that it shows.
dynaxx.scaleOf = function (kind, least, most, smallest) {
  if (kind === "fraction" || kind === "count") return { name: "linear", ...dynaxx.scales.linear() };
  const size = Math.max(Math.abs(least), Math.abs(most)) || 1;
  if (kind === "logarithmic" && least > 0) {
    return most / least < 3
      ? { name: "linear", ...dynaxx.scales.linear() }
      : { name: "logarithmic", ...dynaxx.scales.logarithmic() };
  }
  const near = Math.max(Math.min(smallest * 10, size / 10), size / 1000);
  return { name: "signed", near, ...dynaxx.scales.signed(near) };
};

function linearTicks(from, to, wanted) {
  const rough = (to - from) / wanted;
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 5, 10].find(s => s * power >= rough) * power;
  const ticks = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) ticks.push(i * step);
  return ticks;
}

// Round values between two transformed ends, in the order of the axis.
dynaxx.ticks = function (scale, low, high, wanted) {
  if (scale.name === "linear" || !(high > low)) return linearTicks(low, high, wanted);
  const from = scale.back(low), to = scale.back(high);
  const span = scale.name === "logarithmic" ? Math.log10(to / from) : 9;
  if (span < 1.3) return linearTicks(from, to, wanted).filter(y => y > 0).map(scale.to);
  const least = scale.name === "signed" ? scale.near : from;
  const most = Math.max(Math.abs(from), Math.abs(to));
  for (const parts of [[1, 2, 5], [1, 3], [1]]) {
    const sizes = [];
    for (let p = Math.floor(Math.log10(least)); p <= Math.log10(most); p++) {
      for (const part of parts) sizes.push(part * Math.pow(10, p));
    }
    const all = scale.name === "signed" ? [...sizes.map(s => -s), 0, ...sizes] : sizes;
    const inside = spread([...new Set(all)].filter(y => y >= from && y <= to).sort((a, b) => a - b), scale, (high - low) / (wanted + 2));
    if (inside.length <= wanted + 2) return inside;
    if (parts.length === 1) {
      const stride = Math.ceil(inside.length / (wanted + 1));
      return inside.filter((y, i) => i % stride === 0);
    }
  }
  return [];
};

// Ticks that would touch are left out; zero stays.
function spread(values, scale, apart) {
  const kept = values.includes(0) ? [0] : [];
  for (const y of [...values].sort((a, b) => Math.abs(b) - Math.abs(a))) {
    const at = scale.to(y);
    if (y !== 0 && kept.every(k => Math.abs(scale.to(k) - at) >= apart * 0.8)) kept.push(y);
  }
  return kept.map(scale.to).sort((a, b) => a - b);
}

dynaxx.colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
dynaxx.fade = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, "0");

dynaxx.element = function (tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
};
