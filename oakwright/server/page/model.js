// What a model is: kind, inputs, outputs, operations; and its graph, a part at a time.
import { $, bytes, count, el, shape, table } from "./dom.js";

export function showFacts(facts) {
  const rows = [
    ["File", `${facts.files.join(", ")} (${bytes(facts.bytes)})`],
    ["Kind", `${facts.kind}, read by ${facts.front_end}`],
    ["Numbers in it", `${count(facts.parameters)} parameters, ${count(facts.macs)} multiply-accumulates a run`],
  ];
  const list = el("dl");
  for (const [name, value] of rows) list.append(el("dt", { text: name }), el("dd", { text: value }));
  const ports = [...facts.inputs.map((port) => ["input", port]), ...facts.outputs.map((port) => ["output", port])];
  const chips = el("ul", { class: "chips", "aria-label": "Operations" });
  for (const [name, number] of Object.entries(facts.operations).sort((a, b) => b[1] - a[1])) {
    chips.append(el("li", { text: `${number} ${name.replace(/-\d+$/, "")}` }));
  }
  $("facts").replaceChildren(
    list,
    table("Inputs and outputs", ["port", "name", "type", "shape"], ports.map(([what, port]) => [what, port.name, port.type, shape(port.shape)])),
    chips,
    ...facts.notes.map((text) => el("p", { class: "note", text })),
  );
  $("facts").hidden = false;
}

/** The first input that can be a picture, with its sizes (null where open). */
export function pictureInput(facts) {
  for (const port of facts.inputs) {
    if (!port.shape || port.shape.length !== 4) continue;
    const [, a, b, c] = port.shape;
    if ([1, 3].includes(a) && b !== 1 && c !== 1) return { name: port.name, channels: a, height: b, width: c, layout: "NCHW" };
    if ([1, 3].includes(c) && a !== 1 && b !== 1) return { name: port.name, channels: c, height: a, width: b, layout: "NHWC" };
  }
  return null;
}
