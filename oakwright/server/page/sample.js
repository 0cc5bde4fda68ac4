// What the options do to a picture: the planes as the network sees them, and their numbers.
import { el, short, table } from "./dom.js";
import { spread } from "./options.js";
import { FITS, fit, grey, madeUp, put, read, toBytes } from "./picture.js";

const LARGEST = 320; // pixels a side: a sample need not be larger
const EXPECTED = { "0..255": [0, 255], "0..1": [0, 1], "-1..1": [-1, 1], "-0.5..0.5": [-0.5, 0.5], imagenet: [-2.2, 2.7] };

/**
 * The camera's bytes (planar) through a blob's first step: channels turned round where the orders
 * differ, then (x - mean) / scale in the model's order. Gives planes with their numbers.
 */
export function preprocess(bytes, size, said) {
  const [trained, frames] = (said.color || "").split("->");
  const channels = bytes.length / size;
  const turned = channels === 3 && trained && trained !== frames;
  const [mean, scale] = spread(said);
  const at = (list, c) => (list.length > 1 ? list[c] : list[0]);
  return Array.from({ length: channels }, (_, c) => {
    const from = turned ? channels - 1 - c : c;
    const values = Float32Array.from(bytes.subarray(from * size, (from + 1) * size), (x) => (x - at(mean, c)) / at(scale, c));
    let [low, high, sum] = [Infinity, -Infinity, 0];
    for (const value of values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    return { values, low, high, mean: sum / size };
  });
}

export class Sample {
  constructor(place) {
    this.picture = madeUp();
    this.file = el("input", { id: "sample-file", type: "file", accept: "image/*" });
    this.how = el("select", { id: "sample-fit" }, ...FITS.map(([value, text]) => el("option", { value, text })));
    this.sent = el("canvas", { role: "img", "aria-label": "The picture as the camera sends it" });
    this.wrong = el("canvas", { role: "img", "aria-label": "The same with red and blue exchanged" });
    this.planes = [0, 1, 2].map(() => el("canvas", { role: "img" }));
    this.captions = this.planes.map(() => el("figcaption"));
    this.wrongFigure = el("figure", {}, this.wrong, el("figcaption", { text: "what it would see with colours exchanged" }));
    this.numbers = el("div");
    this.problem = el("div", { role: "alert" });
    place.replaceChildren(
      el("p", { class: "note", text: "What the network will see of a picture, with these options:" }),
      el("div", { class: "pictures sample" },
        el("figure", {}, this.sent, el("figcaption", { text: "the picture at the network's size" })), this.wrongFigure,
        ...this.planes.map((canvas, at) => el("figure", {}, canvas, this.captions[at]))),
      this.numbers, this.problem,
      el("div", { class: "row" },
        el("div", {}, el("label", { for: "sample-file", text: "A picture of yours" }), this.file),
        el("div", {}, el("label", { for: "sample-fit", text: "Other proportions" }), this.how)));
    this.file.addEventListener("change", async () => {
      this.problem.replaceChildren();
      try {
        if (this.file.files[0]) this.picture = await read(this.file.files[0]);
        this.show(this.input, this.said);
      } catch (error) {
        this.problem.replaceChildren(el("p", { class: "problem", text: `${error.message}: ${error.remedy}` }));
      }
    });
    this.how.addEventListener("change", () => this.show(this.input, this.said));
  }

  /** `input`: the model's picture input, `said`: the options. */
  show(input, said) {
    this.input = input;
    this.said = said;
    if (!input) return;
    const [height, width] = this.size(input, said);
    const by = Math.min(1, LARGEST / Math.max(height, width));
    const image = fit(this.picture, Math.max(1, Math.round(width * by)), Math.max(1, Math.round(height * by)), this.how.value);
    const [trained, frames] = (said.color || (input.channels === 1 ? "GRAY->GRAY" : "->BGR")).split("->");
    const order = input.channels === 1 ? "GRAY" : frames;
    put(this.sent, image);
    const swapped = new ImageData(new Uint8ClampedArray(image.data), image.width);
    for (let at = 0; at < swapped.data.length; at += 4) [swapped.data[at], swapped.data[at + 2]] = [image.data[at + 2], image.data[at]];
    put(this.wrong, swapped);
    this.wrongFigure.hidden = input.channels === 1;
    const planes = preprocess(toBytes(image, order, "NCHW"), image.width * image.height, said);
    const names = order === "GRAY" ? ["grey"] : [...(trained || frames)].map((letter) => ({ R: "red", G: "green", B: "blue" })[letter]);
    const [low, high] = [Math.min(...planes.map((plane) => plane.low)), Math.max(...planes.map((plane) => plane.high))];
    this.planes.forEach((canvas, at) => {
      canvas.parentElement.hidden = at >= planes.length;
      if (at >= planes.length) return;
      put(canvas, grey(planes[at].values, image.width, image.height, low, high));
      const text = `channel ${at}: ${names[at]}`;
      canvas.setAttribute("aria-label", text);
      this.captions[at].textContent = text;
    });
    const rows = planes.map((plane, at) => [`${at} (${names[at]})`, short(plane.low), short(plane.mean), short(plane.high)]);
    const expected = EXPECTED[said.mean === "imagenet" ? "imagenet" : said.range];
    this.numbers.replaceChildren(
      table("Numbers the network sees", ["channel", "least", "mean", "greatest"], rows, [1, 2, 3]),
      el("p", { class: "note", text: expected ? `Such a model was trained on numbers from about ${expected[0]} to ${expected[1]}.` : "" }));
  }

  /** Height and width: what was said, what the model has, else a usual one. */
  size(input, said) {
    const given = said.shape?.length === 4 ? said.shape : null;
    const [h, w] = input.layout === "NHWC" ? [1, 2] : [2, 3];
    return [given?.[h] || input.height || 224, given?.[w] || input.width || 224];
  }
}
