"use strict";
// The page: which runs there are, what of them is shown, and what the keys do.
(function () {
  const { element, format, step: exactly } = dynaxx;
  const $ = id => document.getElementById(id);
  const TITLES = {
    loss: "Loss", curvature: "Curvature", stability: "Stability", spread: "Spectrum", gradient: "Gradient",
    network: "Inside the network", context: "Training and cost",
  };
  const COLOURS = 8, MOST_POINTS = 3600, TABLE_ROWS = 120, DASHES = [undefined, [6, 3], [2, 3], [9, 3, 2, 3]];
  const inline = $("dynaxx-data") ? JSON.parse($("dynaxx-data").textContent) : null;

  const page = { runs: [], panels: [], edges: [], zoomed: null, pictures: new Map(), opened: new Set(), listening: false };

  // ---- data

  async function get(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(path + ": " + answer.status);
    return answer.json();
  }

  const query = window => "points=1600" + (window ? "&from=" + Math.floor(window.min) + "&to=" + Math.ceil(window.max) : "");

  function heads(list) {
    for (const head of list) {
      let run = page.runs.find(r => r.id === head.id);
      if (!run) {
        // The first few of many are shown, and whatever begins while somebody looks.
        run = { id: head.id, visible: page.runs.length < COLOURS || page.listening, colour: "c" + (head.id % COLOURS), full: null, part: null };
        page.runs.push(run);
        run.head = head;
        drawRuns();
      }
      const changed = !run.full || head.version !== run.full.version;
      const renamed = run.head.status !== head.status || run.head.name !== head.name;
      run.head = head;
      if (renamed || !run.listed || run.listed !== head.step) drawRuns();
      if (changed && run.visible) bring(run);
    }
    page.listening = true;
    drawState();
  }

  // Brings a run up to date: what is new if that is little, or all of it.
  async function bring(run) {
    if (run.loading) { run.again = true; return; }
    run.loading = true;
    try {
      do {
        run.again = false;
        if (!run.full || run.full.generation !== run.head.generation || longest(run.full) > MOST_POINTS) {
          run.full = await get("api/runs/" + run.id + "?" + query(null));
        } else {
          const tail = await get("api/runs/" + run.id + "/tail?after=" + Math.max(0, run.full.step) + "&events=" + run.full.known);
          if (tail.generation === run.full.generation && run.full.step >= 0) append(run.full, tail);
          else run.full = await get("api/runs/" + run.id + "?" + query(null));
        }
        if (page.zoomed && (!run.part || run.part.to !== key(page.zoomed) || page.zoomed.max >= run.part.step)) {
          run.part = await get("api/runs/" + run.id + "?" + query(page.zoomed));
          run.part.to = key(page.zoomed);
        }
        draw();
      } while (run.again);
    } catch (e) {
      run.full = run.full && run.full.version ? { ...run.full, version: -1 } : null;
    } finally {
      run.loading = false;
    }
  }

  const key = window => window.min + "-" + window.max;
  const longest = view => Math.max(0, ...Object.values(view.columns).map(c => c.x.length));

  function append(view, tail) {
    for (const [id, column] of Object.entries(tail.columns)) {
      const old = view.columns[id];
      if (!old) { view.columns[id] = column; continue; }
      if (column.e || old.e) {
        old.e = (old.e || old.y.map(() => null)).concat(column.e || column.y.map(() => null));
      }
      old.x.push(...column.x);
      old.y.push(...column.y);
      old.total = column.total;
    }
    for (const [id, parts] of Object.entries(tail.parts)) {
      const old = view.parts[id];
      if (!old) view.parts[id] = parts;
      else { old.x.push(...parts.x); old.y.push(...parts.y); }
    }
    view.events.push(...tail.events);
    view.verdicts.push(...tail.verdicts);
    view.advice.push(...tail.advice);
    for (const name of ["status", "version", "step", "known"]) view[name] = tail[name];
  }

  // ---- what is shown

  const visible = () => page.runs.filter(run => run.visible && run.full);
  const shown = run => page.zoomed && run.part && run.part.to === key(page.zoomed) ? run.part : run.full;

  function wholeWindow() {
    let min = Infinity, max = -Infinity;
    for (const run of visible()) {
      for (const column of Object.values(run.full.columns)) {
        if (!column.x.length) continue;
        min = Math.min(min, column.x[0]);
        max = Math.max(max, column.x[column.x.length - 1]);
      }
    }
    if (min > max) return null;
    return min === max ? { min: min - 1, max: max + 1 } : { min, max: max + (max - min) * 0.005 };
  }

  page.zoom = function (window) {
    const whole = wholeWindow();
    if (window && whole && window.min <= whole.min && window.max >= whole.max) window = null;
    page.zoomed = window;
    $("whole").disabled = !window;
    draw();
    if (window && !inline) visible().forEach(bring);
    speak(window ? "Steps " + exactly(Math.round(window.min)) + " to " + exactly(Math.round(window.max)) : "All steps");
  };

  let due = false;
  function draw() {
    if (due) return;
    due = true;
    // Hidden pages have no frames to wait for.
    (document.hidden ? setTimeout : requestAnimationFrame)(() => {
      due = false;
      drawAll();
    });
  }

  function drawAll() {
    const window = page.zoomed || wholeWindow();
    $("empty").hidden = window !== null;
    if (window === null) {
      for (const section of document.querySelectorAll(".group")) section.hidden = true;
      drawTiles();
      drawEvents();
      drawFacts();
      return;
    }
    for (const panel of page.panels) {
      if (panel.part) drawHeats(panel, window);
      else drawCurves(panel, window);
    }
    for (const section of document.querySelectorAll(".group")) section.hidden = !section.querySelector(".panel:not([hidden])");
    drawTiles();
    drawEvents();
    drawFacts();
  }

  const known = column => column && column.x.length > 0 && column.y.some(y => y !== null);

  function drawCurves(panel, window) {
    const several = visible().length > 1, curves = [];
    panel.lines.forEach((line, i) => {
      for (const run of visible()) {
        const column = shown(run).columns[line.id];
        if (!known(column)) continue;
        curves.push({
          x: column.x, y: column.y, e: column.e && column.e.some(e => e) ? column.e : null,
          title: several ? run.head.name + (panel.lines.length > 1 ? ", " + line.title : "") : line.title,
          colour: several ? run.colour : line.dashed ? "c4" : "c" + (i % COLOURS), dashed: line.dashed,
          dash: several ? DASHES[i % DASHES.length] : undefined,
        });
      }
    });
    // A limit alone says nothing.
    if (!curves.some(curve => !curve.dashed)) { remove(panel.id); return; }
    const marks = visible().flatMap(run => run.full.events.map(e => ({ step: e.step, kind: e.kind, signal: e.signal })));
    const picture = page.pictures.get(panel.id) || add(panel, panel.id, panel.title, dynaxx.Curves);
    picture.show(curves, marks, window);
    finish(picture);
  }

  function drawHeats(panel, window) {
    for (const run of page.runs) {
      const id = panel.id + "-" + run.id;
      const parts = run.visible && run.full ? shown(run).parts[panel.lines[0].id] : null;
      if (!parts || !parts.x.length) { remove(id); continue; }
      const several = visible().length > 1;
      const picture = page.pictures.get(id) || add({ ...panel, id }, id, panel.title, dynaxx.Heat);
      picture.show(parts, window, several ? run.head.name : "");
      finish(picture);
    }
  }

  function remove(id) {
    const picture = page.pictures.get(id);
    if (!picture) return;
    picture.plot.destroy();
    picture.card.remove();
    page.pictures.delete(id);
  }

  function finish(picture) {
    const step = picture.plot.cursor.idx;
    if (picture instanceof dynaxx.Heat) picture.legend(picture.plot);
    else picture.legend(step);
    if (page.opened.has(picture.panel.id)) fillTable(picture);
    if (picture instanceof dynaxx.Curves) {
      const last = picture.readings(null).map(r => r.curve.title + " " + format(r.value)).join(", ");
      picture.chart.setAttribute("aria-label", picture.panel.title + ", " + picture.panel.unit + ". Latest: " + last + ". Arrow keys read single steps.");
    } else {
      picture.chart.setAttribute("aria-label", picture.panel.title + ". Heat map of " + picture.parts.x.length + " snapshots; the button Table shows its values.");
    }
  }

  // ---- panels

  function section(group) {
    let found = $("group-" + group);
    if (!found) {
      const title = TITLES[group] || group[0].toUpperCase() + group.slice(1);
      found = element("section", { id: "group-" + group, className: "group" },
        element("h2", { textContent: title }), element("div", { className: "grid" }));
      const order = Object.keys(TITLES), rank = g => order.includes(g) ? order.indexOf(g) : order.length - 1.5;
      const after = [...document.querySelectorAll(".group")].find(s => rank(s.id.slice(6)) > rank(group));
      $("panels").insertBefore(found, after || null);
    }
    return found.querySelector(".grid");
  }

  function add(panel, id, title, Kind) {
    const help = element("div", { className: "help", hidden: true });
    const texts = panel.help ? [panel.help] : panel.lines.map(line => line.title + ": " + line.help);
    texts.forEach(text => help.append(element("p", { textContent: text })));
    const bands = [...new Set(panel.lines.map(line => line.uncertainty).filter(u => u))];
    if (bands.length && !panel.part) help.append(element("p", { textContent: "The band is the uncertainty: " + bands.join(", ") + "." }));
    const table = element("div", { className: "table", hidden: true, tabIndex: 0, role: "region", "aria-label": title + ", as a table" });
    const chart = element("div", { className: "chart", tabIndex: 0, role: "img" });
    const toggle = (button, what) => button.addEventListener("click", () => {
      what.hidden = !what.hidden;
      button.setAttribute("aria-expanded", String(!what.hidden));
      if (what === table) {
        if (what.hidden) page.opened.delete(id);
        else { page.opened.add(id); fillTable(picture); }
      }
    });
    const ask = element("button", { type: "button", textContent: "?", title: "What this is", "aria-expanded": "false", "aria-label": "What is " + title + "?" });
    const list = element("button", { type: "button", textContent: "Table", "aria-expanded": "false", "aria-label": "Table of " + title });
    toggle(ask, help);
    toggle(list, table);
    const legend = element("ul", { className: "legend" });
    const card = element("article", { className: "panel", id: "panel-" + id },
      element("header", {}, element("h3", {}, title, element("span", { textContent: panel.unit.toLowerCase() === title.toLowerCase() ? "" : panel.unit })), ask, list),
      help, legend, chart, table);
    const grid = section(panel.group);
    const rank = other => page.panels.findIndex(p => other === p.id || other.startsWith(p.id + "-"));
    const after = [...grid.children].find(c => rank(c.id.slice(6)) > rank(id));
    grid.insertBefore(card, after || null);
    const picture = new Kind(panel, chart, page, page.edges);
    Object.assign(picture, { card, chart, legendList: legend, table });
    page.pictures.set(id, picture);
    keys(picture);
    touch(picture);
    return picture;
  }

  page.legend = function (panel, entries, step) {
    const picture = page.pictures.get(panel.id);
    if (!picture || !picture.legendList) return;
    picture.legendList.replaceChildren(...entries.map(entry => {
      const item = element("li");
      if (entry.colour) {
        const mark = element("i", { className: entry.dashed ? "dashed" : "" });
        mark.style.borderTopColor = "var(--" + entry.colour + ")";
        item.append(mark);
      }
      item.append(entry.title + " ");
      item.append(entry.text !== undefined ? entry.text : element("b", { textContent: format(entry.value) }));
      if (entry.error) item.append(" ± " + format(entry.error, 2));
      return item;
    }), ...(panel.lines[0].id === "lambda_min" && !panel.part ? verdictAt(step) : []), ...(step === null ? [] : [element("li", { textContent: "step " + exactly(step) })]));
  };

  // What is known of the sign of the smallest eigenvalue at a step, of the latest run.
  function verdictAt(step) {
    const run = visible().at(-1), found = run && run.full.verdicts.filter(v => step === null || v[0] <= step).at(-1);
    if (!found) return [];
    const [tone, word] = VERDICTS[found[1].split(/[ (]/)[0]] || ["", found[1]];
    return [element("li", {}, element("span", { className: "badge " + tone, textContent: word, title: found[1] }))];
  }

  function fillTable(picture) {
    const { head, x, cells } = picture.rows();
    const stride = Math.max(1, Math.ceil(x.length / TABLE_ROWS));
    const body = element("tbody");
    for (let i = 0; i < x.length; i += stride) {
      if (picture.window && (x[i] < picture.window.min || x[i] > picture.window.max)) continue;
      body.append(element("tr", {}, element("th", { scope: "row", textContent: exactly(x[i]) }),
        ...cells.map(column => element("td", { textContent: column[i] === null ? "" : format(column[i], 5) }))));
    }
    const caption = picture.panel.title + (stride > 1 ? ", every " + stride + "th of " + format(x.length) + " points shown" : "");
    picture.table.replaceChildren(element("table", {}, element("caption", { textContent: caption }),
      element("thead", {}, element("tr", {}, element("th", { scope: "col", textContent: "Step" }),
        ...head.map(text => element("th", { scope: "col", textContent: text })))), body));
  }

  // ---- keys and fingers

  function keys(picture) {
    let at = null;
    picture.chart.addEventListener("keydown", event => {
      const steps = picture.steps(), window = page.zoomed || wholeWindow();
      if (!window || event.ctrlKey || event.metaKey || event.altKey) return;
      const inside = i => Math.max(0, Math.min(steps.length - 1, i));
      const now = at === null ? steps.length - 1 : inside(at), span = window.max - window.min, middle = steps[now];
      const far = event.shiftKey ? 10 : 1;
      const moves = { ArrowLeft: now - far, ArrowRight: now + far, Home: 0, End: steps.length - 1 };
      if (event.key in moves) {
        at = at === null && event.key === "ArrowRight" ? 0 : inside(moves[event.key]);
        const step = picture.point(steps[at]);
        const read = picture.readings(at).map(r => r.curve.title + " " + format(r.value)).join(", ");
        speak("Step " + exactly(step) + (read ? ": " + read : ""));
      } else if (event.key === "+" || event.key === "=") {
        page.zoom({ min: Math.max(window.min, middle - span / 4), max: Math.min(window.max, middle + span / 4) });
      } else if (event.key === "-") {
        page.zoom({ min: Math.max(0, middle - span), max: middle + span });
      } else if (event.key === "0" || event.key === "Escape") {
        page.zoom(null);
      } else if (event.key === "t") {
        picture.card.querySelector("header button:last-child").click();
      } else {
        return;
      }
      event.preventDefault();
    });
    picture.chart.addEventListener("blur", () => { at = null; });
  }

  function touch(picture) {
    picture.chart.addEventListener("touchmove", event => {
      const box = picture.plot.over.getBoundingClientRect(), finger = event.touches[0];
      picture.plot.setCursor({ left: finger.clientX - box.left, top: finger.clientY - box.top }, true, true);
    }, { passive: true });
  }

  let last = "";
  function speak(text) {
    if (text !== last) $("spoken").textContent = last = text;
  }

  // ---- around the panels

  // A button stays the same one, so that neither a press nor the focus is lost while the run goes on.
  function drawRuns() {
    for (const run of page.runs) {
      if (!run.button) {
        const mark = element("i");
        mark.style.background = "var(--" + run.colour + ")";
        run.name = element("span");
        run.note = element("small");
        run.button = element("button", { type: "button" }, mark, run.name, run.note);
        run.button.addEventListener("click", () => {
          run.visible = !run.visible;
          drawRuns();
          drawProblems();
          if (run.visible && !inline) bring(run);
          draw();
        });
        $("runs").append(run.button);
      }
      run.listed = run.head.step;
      run.name.textContent = run.head.name;
      const { step, status } = run.head, plain = ["running", "completed"].includes(status);
      run.note.textContent = step < 0 ? status : "step " + exactly(step) + (plain ? "" : ", " + status);
      run.button.title = run.head.name + ", " + run.head.status;
      run.button.setAttribute("aria-pressed", String(run.visible));
    }
  }

  function drawState(text) {
    const running = page.runs.some(run => run.head.status === "running");
    const state = $("state");
    state.textContent = text || (inline ? "report" : running ? "live" : page.runs.length ? page.runs[0].head.status : "waiting");
    state.className = "state" + (text ? " lost" : running && !inline ? " live" : "");
    drawProblems();
    document.title = page.runs.length === 1 ? page.runs[0].head.name + " · dynaxx" : "dynaxx";
  }

  // What is wrong with the files of the runs that are shown.
  function drawProblems() {
    const lines = page.runs.filter(run => run.visible).flatMap(run => run.head.problems.map(text => run.head.name + ": " + text));
    $("problems").hidden = lines.length === 0;
    if ($("problems").textContent !== lines.join("")) $("problems").replaceChildren(...lines.map(textContent => element("li", { textContent })));
  }

  function latest(view, id) {
    const column = view.columns[id];
    if (!column) return null;
    for (let i = column.y.length - 1; i >= 0; i--) {
      if (column.y[i] !== null) return { x: column.x[i], y: column.y[i], e: column.e ? column.e[i] : null };
    }
    return null;
  }

  function tile(name, value, ...notes) {
    return element("div", { className: "tile" }, element("div", { className: "name", textContent: name }),
      element("div", { className: "value", textContent: value }),
      element("div", { className: "note" }, ...notes.filter(n => n)));
  }

  const VERDICTS = { NEGATIVE: ["warn", "negative"], NEGATIVE_WITHIN_NOISE: ["", "zero within noise"], NOT_NEGATIVE_AT: ["good", "not negative"], UNDECIDED: ["", "undecided"] };

  function drawTiles() {
    const runs = visible();
    if (!runs.length) { $("tiles").replaceChildren(); return; }
    const run = runs[runs.length - 1], view = run.full, tiles = [];
    const total = Number(run.head.facts.steps);
    tiles.push(tile(runs.length > 1 ? "Step of " + run.head.name : "Step", view.step < 0 ? "–" : exactly(view.step), total ? "of " + exactly(total) : run.head.status));
    const loss = latest(view, "loss"), validation = latest(view, "validation_accuracy");
    if (loss) tiles.push(tile("Loss", format(loss.y), validation ? "validation accuracy " + format(100 * validation.y, 3) + "\u00a0%" : ""));
    const least = latest(view, "lambda_min");
    if (least) {
      const text = view.verdicts.length ? view.verdicts[view.verdicts.length - 1][1] : "";
      const [tone, word] = VERDICTS[text.split(/[ (]/)[0]] || ["", text];
      const badge = element("span", { className: "badge " + tone, textContent: word, title: text });
      tiles.push(tile("Smallest eigenvalue", format(least.y), text ? badge : "", least.e ? " residual\u00a0" + format(least.e, 2) : ""));
    }
    const most = latest(view, "lambda_max"), ratio = latest(view, "sharpness_ratio");
    if (most) {
      const tone = !ratio ? "" : ratio.y >= 1 ? "bad" : ratio.y >= 0.7 ? "warn" : "good";
      tiles.push(tile("Largest eigenvalue", format(most.y), ratio
        ? element("span", { className: "badge " + tone, textContent: format(100 * ratio.y, 2) + "\u00a0% of the limit" }) : ""));
    }
    const trace = latest(view, "trace");
    if (trace) tiles.push(tile("Trace", format(trace.y), trace.e ? "± " + format(trace.e, 2) + " standard error" : ""));
    const share = latest(view, "monitor_share"), budget = Number(run.head.facts.budget);
    if (share) {
      tiles.push(tile("Time spent measuring", format(100 * share.y, 3) + " %", budget ? "budget " + format(100 * budget, 3) + "\u00a0%" : "no budget set"));
    }
    tiles.push(tile("Events", format(view.known), view.events.length ? "last at step " + exactly(view.events[view.events.length - 1].step) : "none so far"));
    $("tiles").replaceChildren(...tiles);
  }

  function drawEvents() {
    const several = visible().length > 1;
    const all = visible().flatMap(run => [
      ...run.full.events.map(e => ({ run, step: e.step, event: e })),
      ...run.full.advice.map(([step, what, why]) => ({ run, step, what, why })),
    ]).sort((a, b) => b.step - a.step).slice(0, 300);
    const now = all.map(e => e.run.id + ":" + e.step + (e.event ? e.event.kind + e.event.signal : e.what)).join();
    $("log").hidden = all.length === 0;
    if (now === page.listed) return;
    page.listed = now;
    $("events").replaceChildren(...all.map(({ run, step, event, what, why }) => {
      const go = element("button", { type: "button", textContent: exactly(step), title: "Zoom to this step" });
      go.addEventListener("click", () => {
        const whole = wholeWindow(), reach = (whole.max - whole.min) / 12;
        page.zoom({ min: Math.max(whole.min, step - reach), max: Math.min(whole.max, step + reach) });
      });
      const first = element("td", {}, go);
      if (several) {
        const mark = element("i", { className: "run", title: run.head.name });
        mark.style.background = "var(--" + run.colour + ")";
        first.prepend(mark);
      }
      const text = element("td", {}, element("p", { textContent: event ? event.explanation : why }));
      if (event) {
        const evidence = ["value", "uncertainty", "baseline", "threshold"].filter(n => event[n] !== null && event[n] !== undefined)
          .map(n => n + " " + format(event[n]));
        text.append(element("p", { textContent: [...evidence, "since step " + exactly(event.since)].join(" · ") }));
      }
      return element("tr", {}, first,
        element("td", {}, element("span", { className: "badge " + (event ? dynaxx.tone(event.kind) : ""), textContent: event ? event.kind.toLowerCase().replaceAll("_", " ") : what })),
        element("td", { textContent: event ? event.signal : "advice" }),
        element("td", { className: "number", textContent: event ? format(event.confidence, 3) : "" }), text);
    }));
  }

  function drawFacts() {
    const runs = visible();
    const entries = runs.length === 1 ? Object.entries(runs[0].head.facts).filter(([, value]) => value !== "") : [];
    $("about").hidden = entries.length === 0;
    $("facts").replaceChildren(...entries.map(([name, value]) => element("div", {},
      element("dt", { textContent: name.replaceAll("_", " ") }), element("dd", { textContent: value }))));
  }

  // ---- light and dark

  function theme(name) {
    document.documentElement.dataset.theme = name;
    page.pictures.forEach(picture => picture.plot.redraw(false));
  }
  function remembered() {
    try { return localStorage.getItem("dynaxx-theme"); } catch (e) { return null; }
  }
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  theme(remembered() || (prefers.matches ? "dark" : "light"));
  prefers.addEventListener("change", () => { if (!remembered()) theme(prefers.matches ? "dark" : "light"); });
  function toggleTheme() {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("dynaxx-theme", next); } catch (e) { /* a file may not remember */ }
    theme(next);
  }
  $("theme").addEventListener("click", toggleTheme);
  $("whole").addEventListener("click", () => page.zoom(null));
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "d") toggleTheme();
    if (event.key === "0") page.zoom(null);
  });
  let resizing = 0;
  new ResizeObserver(() => {
    clearTimeout(resizing);
    resizing = setTimeout(() => page.pictures.forEach(picture => picture.resize()), 60);
  }).observe(document.body);

  // ---- begin

  async function begin() {
    const described = inline ? inline.described : await get("api/panels");
    page.panels = described.panels;
    page.edges = described.edges;
    if (inline) {
      inline.runs.forEach((run, id) => {
        page.runs.push({ id, visible: true, colour: "c" + (id % COLOURS), full: run.view, part: null,
          head: { id, name: run.view.name, status: run.view.status, step: run.view.step, facts: run.facts, problems: run.problems } });
      });
      drawRuns();
      drawState();
      draw();
      return;
    }
    const stream = new EventSource("api/stream");
    let server = null;
    stream.addEventListener("server", event => {
      // What is known is of the runs that the server before this one had.
      if (server !== null && server !== event.data) location.reload();
      server = event.data;
    });
    stream.addEventListener("runs", event => heads(JSON.parse(event.data)));
    stream.addEventListener("error", () => drawState("connection lost"));
  }
  begin().catch(() => drawState("no connection"));
  window.dynaxxPage = page;
})();
