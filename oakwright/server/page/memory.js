// Memory and work over a blob's program, drawn: three rows of bars, one bar a stage.
import { bytes, count, draw, el } from "./dom.js";

const [WIDTH, PANEL, LEFT, TOP, GAP] = [960, 120, 76, 26, 46];
const MOST_BARS = 480; // more are put together, the highest of each group shown

function grouped(stages, field) {
  const by = Math.ceil(stages.length / MOST_BARS) || 1;
  const made = [];
  for (let at = 0; at < stages.length; at += by) made.push(Math.max(...stages.slice(at, at + by).map((stage) => stage[field])));
  return made;
}

export function chart({ bss_bytes: bss, cmx_bytes: cmx, stages }) {
  const panels = [
    ["a", `DDR in use, of ${bytes(bss)}`, "bss_live_bytes", bytes],
    ["b", `On-chip memory in use, of ${bytes(cmx)}`, "cmx_live_bytes", bytes],
    ["c", "Multiply-accumulates", "macs", count],
  ];
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${panels.length * (PANEL + GAP)}`, role: "img", "aria-label": "Memory and work of each stage" });
  const words = [];
  panels.forEach(([kind, caption, field, text], number) => {
    const top = TOP + number * (PANEL + GAP);
    const values = grouped(stages, field);
    const highest = Math.max(...values, 1);
    const step = (WIDTH - LEFT - 10) / Math.max(values.length, 1);
    svg.append(
      draw("text", { x: LEFT, y: top - 8, text: caption }),
      draw("text", { x: LEFT - 6, y: top + 10, "text-anchor": "end", text: text(highest) }),
      draw("text", { x: LEFT - 6, y: top + PANEL, "text-anchor": "end", text: "0" }),
      draw("path", { class: "axis", d: `M${LEFT} ${top}V${top + PANEL}H${WIDTH - 10}` }));
    values.forEach((value, at) => {
      const tall = (PANEL * value) / highest;
      svg.append(draw("rect", { class: kind, x: LEFT + at * step, y: top + PANEL - tall, width: Math.max(step * 0.9, 0.5), height: tall },
        draw("title", { text: `${stages.length <= MOST_BARS ? `stage ${stages[at].index} ${stages[at].name}: ` : ""}${text(value)}` })));
    });
    const most = stages.reduce((best, stage) => (stage[field] > (best?.[field] ?? -1) ? stage : best), null);
    if (most) words.push(`${caption}: ${text(most[field])} at most, in stage ${most.index} (${most.name})`);
  });
  return el("div", {}, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Chart of memory and work" }, svg),
    el("ul", {}, ...words.map((text) => el("li", { text }))));
}
