"use strict";
// Polls /state.json, draws windows and graphs once, then only changes numbers.

const FAMILIES = {
  camera: ["ColorCamera", "MonoCamera", "Camera", "ToF", "IMU"],
  image: ["ImageManip", "VideoEncoder", "EdgeDetector", "Warp", "ImageAlign", "Cast"],
  network: ["NeuralNetwork", "DetectionNetwork", "SpatialDetectionNetwork", "DetectionParser"],
  depth: ["StereoDepth", "SpatialLocationCalculator", "PointCloud"],
  host: ["XLinkOut", "XLinkIn"],
};
const STATE_MS = 400;
const PICTURE_MS = 40;
const $ = (id) => document.getElementById(id);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const rate = (fps) => (fps == null ? "–" : fps >= 100 ? fps.toFixed(0) : fps.toFixed(1));
let isOver = false;

function element(name, attributes = {}, ...children) {
  const isSvg = ["svg", "g", "path", "rect", "text", "tspan", "title", "clipPath"].includes(name);
  const made = isSvg
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function family(kind) {
  return Object.keys(FAMILIES).find((name) => FAMILIES[name].includes(kind)) ?? "other";
}

// -- header

function showRun(run) {
  $("title").textContent = run.title;
  document.title = `${run.title} – oakwright`;
  const facts = [["source", run.source], ["board", run.board], ["time", `${run.seconds.toFixed(1)} s`]];
  if (run.is_deterministic) facts.push(["deterministic", run.speed == null ? "" : `${rate(run.speed)} × real time`]);
  $("facts").replaceChildren(...facts.map(([name, value]) => {
    const part = element("span");
    part.append(`${name} `, element("b", {}, value));
    return part;
  }));
  $("failure").hidden = !run.failure;
  $("failure").textContent = run.failure;
  showState(run.failure ? "failed" : "running", run.is_ending ? "ending" : "running");
  $("hint").textContent = run.takes_keys ? "Keys pressed here reach the script's waitKey." : "";
}

function showState(kind, words) {
  $("state").className = `state ${kind}`;
  $("state").lastChild.textContent = words;
}

// -- windows

const windows = [];

function showWindows(list) {
  list.forEach((data, index) => {
    let shown = windows[index];
    if (!shown) {
      shown = windows[index] = {
        picture: element("img", { alt: data.name }),
        facts: element("small"),
      };
      const head = element("h2", {}, element("span", {}, data.name), shown.facts);
      const frame = element("div", { class: "picture" }, shown.picture);
      $("windows").append(element("article", { class: "card" }, head, frame));
      follow(index, shown.picture);
    }
    // As wide as its picture is, beside the others.
    if (data.height) shown.picture.closest("article").style.flexGrow = data.width / data.height;
    const size = data.width ? `${data.width} × ${data.height}` : "empty";
    shown.facts.textContent = `${size}   ${rate(data.fps)} fps`;
  });
}

async function follow(index, picture) {
  let after = 0;
  while (!isOver) {
    try {
      const answer = await fetch(`window/${index}.jpg?after=${after}`);
      if (answer.status === 200) {
        after = Number(answer.headers.get("X-Shown"));
        const old = picture.src;
        picture.src = URL.createObjectURL(await answer.blob());
        await picture.decode().catch(() => {});
        if (old) URL.revokeObjectURL(old);
      }
    } catch {
      await pause(STATE_MS);
    }
    await pause(PICTURE_MS);
  }
}

// -- graphs

const graphs = [];

function showGraphs(devices) {
  devices.forEach((device, index) => {
    if (!device.nodes.length) return;
    const shape = JSON.stringify([device.width, device.height, device.edges.map((e) => e.path)]);
    if (graphs[index]?.shape !== shape) {
      const card = graphs[index]?.card ?? element("article", { class: "card" });
      if (!graphs[index]) $("graphs").append(card);
      graphs[index] = { shape, card, ...draw(device) };
      const name = devices.length > 1 ? `Pipeline ${index + 1}` : "Pipeline";
      const head = element("h2", {}, element("span", {}, name),
        element("small", {}, "on lines: messages a second; in boxes: steps a second, share of a core"));
      card.replaceChildren(head, element("div", { class: "graph" }, graphs[index].svg));
    }
    device.edges.forEach((edge, i) => showEdge(graphs[index].edges[i], edge));
    device.nodes.forEach((node, i) => showNode(graphs[index].nodes[i], node));
  });
}

function draw(device) {
  const svg = element("svg", {
    viewBox: `0 0 ${device.width} ${device.height}`, width: device.width, height: device.height, role: "img",
    "aria-label": "The pipeline's nodes and links",
  });
  const edges = device.edges.map((edge) => {
    const parts = {
      tip: element("title"),
      port: element("text", { class: "port", x: edge.x, y: edge.y - 3, "text-anchor": "middle" }, edge.output),
      rate: element("text", { class: "rate", x: edge.x, y: edge.y + 11, "text-anchor": "middle" }),
    };
    parts.lines = element("g", { class: "edge" }, element("path", { class: "under", d: edge.path }),
      element("path", { class: "dash", d: edge.path }));
    parts.label = element("g", { class: "edge" }, parts.tip, element("rect", {
      class: "label", x: edge.x - edge.width / 2, y: edge.y - 16, width: edge.width, height: 32, rx: 6,
    }), parts.port, parts.rate);
    return parts;
  });
  const nodes = device.nodes.map((node) => {
    const { x, y, width, height } = node;
    const box = { x, y, width, height, rx: 10 };
    const clip = `clip-${device.id}-${node.id}`;
    const parts = {
      tip: element("title"),
      busy: element("rect", { class: "busy", x, y: y + height - 5, width: 0, height: 5, "clip-path": `url(#${clip})` }),
      fact: element("text", { class: "fact", x: x + 14, y: y + 42 }),
    };
    const isHost = family(node.kind) === "host";
    const name = isHost ? (node.kind === "XLinkOut" ? `${node.stream} →` : `→ ${node.stream}`) : node.kind;
    const detail = element("tspan", { class: "detail" }, node.detail ? `  ${node.detail}` : "");
    parts.group = element("g", { class: `node ${family(node.kind)}` }, parts.tip,
      element("clipPath", { id: clip }, element("rect", box)), element("rect", box),
      element("rect", { ...box, class: "wash" }), parts.busy,
      element("text", { class: "name", x: x + 14, y: y + 24 }, name, detail), parts.fact);
    return parts;
  });
  svg.append(...edges.map((e) => e.lines), ...nodes.map((n) => n.group), ...edges.map((e) => e.label));
  return { svg, edges, nodes };
}

function showEdge(parts, edge) {
  const isLosing = edge.drops > 0;
  const isFull = edge.blocks && edge.size > 0 && edge.holds >= edge.size;
  parts.lines.setAttribute("class", `edge${edge.fps > 0 ? " flows" : ""}${isFull ? " full" : ""}${isLosing ? " loses" : ""}`);
  parts.rate.textContent = `${rate(edge.fps)} fps`;
  parts.rate.classList.toggle("lost", isLosing);
  if (isLosing) parts.rate.textContent += ` −${rate(edge.drops)}`;
  parts.tip.textContent = `${edge.from} → ${edge.to}\n${edge.sent} sent, ${edge.dropped} dropped\n` +
    `queue ${edge.holds} of ${edge.size}, ${edge.blocks ? "blocking" : "overwriting"}`;
}

function showNode(parts, node) {
  const facts = [];
  if (node.queue) {
    facts.push(`${rate(node.fps)} fps`);
    if (node.queue.dropped) facts.push(`${node.queue.dropped} lost`);
    else facts.push(`${node.queue.holds} of ${node.queue.size}`);
  } else {
    facts.push(`${rate(node.fps)}/s`, `${Math.round((node.busy ?? 0) * 100)} %`);
  }
  parts.fact.textContent = facts.join("  ·  ");
  parts.busy.setAttribute("width", Math.round((node.busy ?? 0) * node.width));
  parts.tip.textContent = [node.title, node.waiting].filter(Boolean).join("\n");
}

// -- log and keys

function showLog(lines) {
  $("log").hidden = !lines.length;
  $("log").querySelector("ol").replaceChildren(...lines.map((line) => element("li", {}, line)));
}

addEventListener("keydown", (event) => {
  const code = { Escape: 27, Enter: 13, Backspace: 8, Tab: 9 }[event.key] ??
    (event.key.length === 1 ? event.key.codePointAt(0) : -1);
  if (code < 0 || code > 255 || event.ctrlKey || event.metaKey || event.altKey) return;
  fetch(`key/${code}`, { method: "POST" }).catch(() => {});
});

async function main() {
  let misses = 0;
  while (misses < 3) {
    try {
      const state = await (await fetch("state.json")).json();
      showRun(state.run);
      showWindows(state.windows);
      showGraphs(state.devices);
      showLog(state.log);
      misses = 0;
    } catch {
      misses += 1;
    }
    await pause(STATE_MS);
  }
  isOver = true;
  document.body.classList.add("over");
  if (!$("state").classList.contains("failed")) showState("", "ended");
}

main();
