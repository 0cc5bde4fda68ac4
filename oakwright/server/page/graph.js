// The graph of a model as a picture: the server says where boxes and lines go, a part at a time.
// Whoever cannot see or point goes through the layers by name: search, list, previous and next.
import { count, draw, el, shape } from "./dom.js";

const LISTED = 40;

export class Graph {
  /** `load(part)` gives a part; `refused` holds names of layers that the chip refuses. */
  constructor(place, load) {
    this.place = place;
    this.load = load;
    this.refused = new Set();
    this.scale = 1;
    this.chosen = null;
    this.view = el("div", { class: "graph-view", tabindex: 0, role: "region", "aria-label": "Picture of the graph, scrolls" });
    this.parts = el("div", { class: "actions" });
    this.search = el("input", { id: "graph-search", type: "search", placeholder: "name or operation", autocomplete: "off" });
    this.list = el("select", { id: "graph-list" });
    this.detail = el("div", { role: "status" });
    const zoom = (text, label, by) => el("button", { type: "button", class: "quiet", text, "aria-label": label, onclick: () => this.zoom(by) });
    place.replaceChildren(
      el("div", { class: "row" },
        el("div", {}, el("label", { for: "graph-search", text: "Find a layer" }), this.search),
        el("div", {}, el("label", { for: "graph-list", text: "Layers" }), this.list)),
      el("div", { class: "actions" },
        zoom("−", "Smaller", 0.8), zoom("+", "Larger", 1.25), zoom("Fit", "Fit the width", 0),
        el("button", { type: "button", class: "quiet", text: "Previous layer", onclick: () => this.step(-1) }),
        el("button", { type: "button", class: "quiet", text: "Next layer", onclick: () => this.step(1) }),
        this.parts),
      this.view, this.detail);
    this.search.addEventListener("input", () => this.fillList());
    this.list.addEventListener("change", () => this.list.value && this.choose(Number(this.list.value)));
  }

  async show(number = 0) {
    this.part = await this.load(number);
    this.byPlace = new Map(this.part.boxes.map((box) => [box.at, box]));
    this.chosen = null;
    this.detail.replaceChildren();
    this.showParts();
    this.fillList();
    this.paint();
    this.zoom(0);
  }

  showParts() {
    const { part, parts: pages, layers, first, count: own, left_out: hidden } = this.part;
    this.parts.replaceChildren();
    const go = (text, to) => el("button", { type: "button", class: "quiet", text, disabled: to < 0 || to >= pages, onclick: () => this.show(to) });
    if (pages > 1) {
      this.parts.append(go("Layers before", part - 1), go("Layers after", part + 1),
        el("p", { class: "note", text: `layers ${first + 1} to ${first + own} of ${layers}` }));
    }
    if (hidden) this.parts.append(el("p", { class: "note", text: `${hidden} lines are not drawn` }));
  }

  fillList() {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.part.boxes.filter((box) => !wanted || `${box.name} ${box.operation}`.toLowerCase().includes(wanted));
    const rows = found.slice(0, LISTED).map((box) => el("option", { value: box.at, text: `${box.operation.replace(/-\d+$/, "")}: ${box.name}` }));
    const more = found.length > LISTED ? ` (the first ${LISTED})` : "";
    this.list.replaceChildren(el("option", { value: "", text: `${found.length} layers${more} …` }), ...rows);
  }

  paint() {
    const { width, height, boxes, lines, box_width: w, box_height: h, layers } = this.part;
    this.svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Graph of ${boxes.length} of ${layers} layers` });
    this.lines = lines.map((line) => [line, draw("path", { class: "line", d: line.path })]);
    this.boxes = new Map();
    this.svg.append(...this.lines.map(([, path]) => path));
    for (const box of boxes) {
      const kind = box.operation.replace(/-\d+$/, "");
      const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
      const made = draw("g", { class: `box ${box.family}${this.isRefused(box) ? " refused" : ""}`, transform: `translate(${box.x} ${box.y})`, onclick: () => this.choose(box.at) },
        draw("rect", { width: w, height: h, rx: 8 }),
        draw("text", { x: 10, y: 17, text: cut(kind, 22) }),
        draw("text", { class: "name", x: 10, y: 32, text: cut(box.name, 25) }),
        draw("title", { text: `${kind} ${box.name}` }));
      this.boxes.set(box.at, made);
      this.svg.append(made);
    }
    this.view.replaceChildren(this.svg);
  }

  isRefused(box) {
    return this.refused.has(box.name) && !box.operation.startsWith("Result"); // outputs share names
  }

  mark(names) {
    this.refused = new Set(names);
    if (this.boxes) for (const [at, made] of this.boxes) made.classList.toggle("refused", this.isRefused(this.byPlace.get(at)));
  }

  zoom(by) {
    const { width, height } = this.part;
    const fit = Math.min(1, Math.max(this.view.clientWidth - 20, 200) / width);
    this.scale = by ? Math.min(3, Math.max(0.05, this.scale * by)) : Math.max(fit, 0.25);
    this.svg.setAttribute("width", width * this.scale);
    this.svg.setAttribute("height", height * this.scale);
    if (!by) this.view.scrollLeft = (width * this.scale - this.view.clientWidth) / 2;
  }

  step(by) {
    const at = this.chosen === null ? this.part.first + (by > 0 ? 0 : this.part.count - 1) : this.chosen + by;
    if (this.byPlace.has(at)) this.choose(at);
  }

  choose(at) {
    const box = this.byPlace.get(at);
    if (!box) return;
    this.boxes.get(this.chosen)?.classList.remove("chosen");
    this.chosen = at;
    this.boxes.get(at).classList.add("chosen");
    for (const [line, path] of this.lines) path.classList.toggle("near", line.source === at || line.target === at);
    const { box_width: w, box_height: h } = this.part;
    this.view.scrollTo({
      left: (box.x + w / 2) * this.scale - this.view.clientWidth / 2,
      top: (box.y + h / 2) * this.scale - this.view.clientHeight / 2,
    });
    const names = (places) => places.map((place) => this.byPlace.get(place)?.name ?? `layer ${place + 1}`).join(", ") || "nothing";
    const outside = this.part.outside.filter(([own]) => own === at).map(([, other]) => other);
    const takes = this.part.lines.filter((line) => line.target === at).map((line) => line.source);
    const rows = [
      ["Layer", box.name], ["Operation", box.operation], ["Gives", box.shapes.map(shape).join(", ")],
      ["Takes from", names([...takes, ...outside])],
      ["Weights", box.parameters ? `${count(box.parameters)} ${box.parameters === 1 ? "number" : "numbers"}` : "none"],
      ...(box.macs ? [["Multiply-accumulates", count(box.macs)]] : []),
      ...Object.entries(box.attributes),
    ];
    if (this.isRefused(box)) rows.unshift(["Refused", "the chip has no place for it, see below"]);
    const list = el("dl");
    for (const [name, value] of rows) list.append(el("dt", { text: name }), el("dd", { text: value }));
    this.detail.replaceChildren(list);
  }
}
