// A finished blob, run on a picture by the server's CPU; its answers as boxes, classes or pictures.
import { el, problems, shape, short } from "./dom.js";
import { post } from "./api.js";
import { FITS, fit, grey, madeUp, put, read, toBytes } from "./picture.js";

const [BEST, MAPS, CONFIDENT] = [5, 16, 0.3];

export class Trial {
  constructor(place, job, found, frames) {
    this.job = job;
    this.found = found;
    this.picture = madeUp();
    this.input = found.inputs.find((port) => port.picture && ["U8", "FP16"].includes(port.precision));
    this.order = this.input?.picture.channels === 1 ? "GRAY" : frames;
    this.file = el("input", { id: "trial-file", type: "file", accept: "image/*" });
    this.how = el("select", { id: "trial-fit" }, ...FITS.map(([value, text]) => el("option", { value, text })));
    this.canvas = el("canvas", { class: "large", role: "img", "aria-label": "The picture the network gets" });
    this.button = el("button", { id: "run", type: "button", class: "main", text: "Run it", onclick: () => this.run() });
    this.state = el("p", { id: "trial-state", role: "status" });
    this.answers = el("div", { id: "answers" });
    if (!this.input) {
      const takes = found.inputs.map((port) => `${port.name} ${port.precision} ${shape(port.shape)}`).join("; ");
      place.replaceChildren(el("p", { text: `It takes no single picture (${takes}). It runs on zeros here; the API takes your own numbers.` }),
        el("div", { class: "actions" }, this.button), this.state, this.answers);
      return;
    }
    place.replaceChildren(
      el("p", { class: "note", text: `The server runs the blob on its CPU, in FP32: what an OAK gives differs by FP16's rounding. Frames are ${this.order}, as the options say.` }),
      el("div", { class: "columns" },
        el("div", {}, this.canvas),
        el("div", {},
          el("label", { for: "trial-file", text: "Picture" }), this.file,
          el("label", { for: "trial-fit", text: "Other proportions" }), this.how,
          el("div", { class: "actions" }, this.button), this.state, this.answers)));
    this.file.addEventListener("change", () => this.take());
    this.how.addEventListener("change", () => this.show());
    this.show();
  }

  async take() {
    this.answers.replaceChildren();
    try {
      if (this.file.files[0]) this.picture = await read(this.file.files[0]);
      this.show();
    } catch (problem) {
      this.answers.replaceChildren(...problems(problem));
    }
  }

  show() {
    const { width, height } = this.input.picture;
    this.image = fit(this.picture, width, height, this.how.value);
    put(this.canvas, this.image);
    this.canvas.classList.toggle("grain", width < 128);
  }

  async run() {
    this.button.disabled = true;
    this.state.textContent = "running …";
    this.answers.replaceChildren();
    try {
      const inputs = {};
      if (this.input) {
        this.show();
        const bytes = toBytes(this.image, this.order, this.input.picture.layout);
        inputs[this.input.name] = { data: base64(bytes), values: "U8" };
      }
      const answer = await post(`jobs/${this.job.id}/run`, { inputs, zeros: true, shaves: this.found.shaves });
      const zeros = this.found.inputs.length - Object.keys(inputs).length;
      this.state.textContent = `ran in ${(1000 * answer.seconds).toFixed(1)} ms on the server's CPU${zeros ? `; ${zeros === 1 ? "one input was" : `${zeros} inputs were`} zeros` : ""}`;
      this.answers.replaceChildren(...answer.outputs.flatMap((out) => this.answer(out)));
    } catch (problem) {
      this.state.textContent = "It did not run.";
      this.answers.replaceChildren(...problems(problem));
    } finally {
      this.button.disabled = false;
    }
  }

  answer(out) {
    const made = [el("h3", { text: `${out.name}, ${shape(out.shape)}` }),
      el("p", { class: "note", text: `${short(out.min)} to ${short(out.max)}, mean ${short(out.mean)}` })];
    if (out.not_finite) made.push(el("p", { class: "problem warning", text: `${out.not_finite} numbers are infinite or no numbers` }));
    if (!out.values) return [...made, el("p", { text: "too many numbers to show here" })];
    const values = numbers(out.values);
    const sizes = out.shape.filter((n) => n !== 1);
    if (this.found.is_detection && this.input) return [...made, this.boxes(values)];
    if (sizes.length <= 1) return [...made, values.length > 1 ? best(values) : el("p", { text: short(values[0]) })];
    if (out.shape.length === 4 && out.shape[2] > 1 && out.shape[3] > 1) return [...made, maps(values, out.shape)];
    return [...made, el("p", { text: [...values.slice(0, 24)].map(short).join(", ") + (values.length > 24 ? " …" : "") })];
  }

  /** Rows of image, class, confidence, left, top, right, bottom (0..1); image -1 ends them. */
  boxes(values) {
    const { width, height } = this.input.picture;
    put(this.canvas, this.image);
    const pen = this.canvas.getContext("2d");
    const list = el("ul");
    for (let at = 0; at + 7 <= values.length && values[at] >= 0; at += 7) {
      const [, label, confidence, x1, y1, x2, y2] = values.subarray(at, at + 7);
      if (confidence < CONFIDENT) continue;
      pen.lineWidth = Math.max(2, width / 150);
      pen.strokeStyle = "#e8542f";
      pen.strokeRect(x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height);
      list.append(el("li", { text: `class ${label}, ${Math.round(100 * confidence)} %: ${[x1, y1, x2, y2].map((n) => n.toFixed(2)).join(", ")}` }));
    }
    return list.children.length ? list : el("p", { text: `nothing found above ${100 * CONFIDENT} %` });
  }
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

function numbers(text) {
  const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(raw.buffer);
  return Float32Array.from({ length: raw.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
}

function best(values) {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, BEST);
  const most = Math.max(...order.map((at) => Math.abs(values[at])), 1e-12);
  const list = el("ul", { class: "bars", "aria-label": "The largest" });
  for (const at of order) {
    const bar = el("div", { class: "bar" });
    bar.style.width = `${(100 * Math.abs(values[at])) / most}%`;
    list.append(el("li", {}, el("span", { class: "name", text: `number ${at}` }), bar, el("span", { class: "number", text: short(values[at]) })));
  }
  return list;
}

/** [1, C, H, W]: three channels as a picture where they can be one, else each as grey. */
function maps(values, [, channels, height, width]) {
  const size = height * width;
  const grid = el("div", { class: "pictures" });
  const figure = (image, caption) => {
    const canvas = el("canvas", { class: width < 128 ? "grain" : "", role: "img", "aria-label": caption });
    put(canvas, image);
    grid.append(el("figure", {}, canvas, el("figcaption", { text: caption })));
  };
  const range = (part) => part.reduce(([low, high], n) => (Number.isFinite(n) ? [Math.min(low, n), Math.max(high, n)] : [low, high]), [Infinity, -Infinity]);
  if (channels === 3) {
    const [low, high] = range(values);
    const image = new ImageData(width, height);
    const by = 255 / (high - low || 1);
    for (let at = 0; at < size; at++) image.data.set([0, 1, 2].map((c) => (values[c * size + at] - low) * by).concat(255), 4 * at);
    figure(image, `channels 0, 1, 2 as red, green, blue; ${short(low)} is dark, ${short(high)} bright`);
  }
  for (let c = 0; c < Math.min(channels, MAPS); c++) {
    const part = values.subarray(c * size, (c + 1) * size);
    const [low, high] = range(part);
    figure(grey(part, width, height, low, high), `channel ${c}: ${short(low)} to ${short(high)}`);
  }
  if (channels > MAPS) grid.append(el("p", { text: `and ${channels - MAPS} channels more` }));
  return grid;
}
