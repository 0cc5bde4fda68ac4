// The form of options: read into what the API takes, and filled from it.
import { $ } from "./dom.js";

const MEANING = {
  "0..255": "The network sees the bytes as they are.",
  "0..1": "The blob divides by 255.",
  "-1..1": "The blob takes off 127.5 and divides by 127.5.",
  "-0.5..0.5": "The blob takes off 127.5 and divides by 255; few models are trained so.",
  imagenet: "The blob takes off 123.675, 116.28, 103.53 and divides by 58.395, 57.12, 57.375.",
  none: "Numbers go in as they are.",
};
// Mean and scale of the ranges, in bytes; `oakwright convert --range` has the same.
const RANGES = { "0..255": [[0], [1]], "0..1": [[0], [255]], "-1..1": [[127.5], [127.5]], "-0.5..0.5": [[127.5], [255]] };
const IMAGENET = [[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]];
const FIELDS = ["range", "mean", "scale", "trained", "frames", "layout", "shape", "precision", "outputs", "more-shaves", "stamp"];

const list = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

function numbers(text) {
  const found = list(text).map(Number);
  return found.length > 1 ? found : found[0];
}

/** What the form says, as the API takes it. */
export function read() {
  const more = list($("more-shaves").value).map((part) => part.replaceAll(" ", ""));
  const said = { shaves: more.length ? [$("shaves").value, ...more].join(",") : Number($("shaves").value) };
  const range = $("range").value;
  if (range === "imagenet") said.mean = said.scale = "imagenet";
  else if (range === "own") {
    if ($("mean").value.trim()) said.mean = numbers($("mean").value);
    if ($("scale").value.trim()) said.scale = numbers($("scale").value);
  } else if (range && range !== "none") said.range = range;
  const trained = $("trained").value;
  if (trained) said.color = `${trained}->${trained === "GRAY" ? "GRAY" : $("frames").value}`;
  if ($("layout").value) said.layout = $("layout").value;
  if ($("precision").value) said.input_precision = $("precision").value;
  if ($("shape").value.trim()) said.shape = list($("shape").value.replaceAll("x", ",")).map(Number);
  if ($("outputs").value.trim()) said.outputs = list($("outputs").value);
  if ($("stamp").value) said.stamp = $("stamp").value;
  return said;
}

/** Put options into the form; those it has no field for are given back. */
export function write(said) {
  clear();
  const left = { ...said };
  const take = (name) => {
    const value = left[name];
    delete left[name];
    return value;
  };
  const text = (value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));
  const [mean, scale, range, color] = ["mean", "scale", "range", "color"].map(take);
  if (mean === "imagenet" && scale === "imagenet") $("range").value = "imagenet";
  else if (mean !== undefined || scale !== undefined) $("range").value = "own";
  else $("range").value = range ?? "none";
  if ($("range").value === "own") {
    $("mean").value = text(mean);
    $("scale").value = text(scale);
  }
  if (color) {
    const [trained, frames] = color.split("->");
    $("trained").value = trained;
    if (["RGB", "BGR"].includes(frames)) $("frames").value = frames;
  }
  const [shaves, ...more] = list(String(take("shaves") ?? ""));
  if (Number(shaves)) $("shaves").value = shaves;
  else if (shaves) more.unshift(shaves === "all" ? "1..16" : shaves);
  $("more-shaves").value = more.join(", ");
  $("stamp").value = take("stamp") ?? "";
  $("layout").value = take("layout") ?? "";
  $("precision").value = take("input_precision") ?? "";
  $("shape").value = text(take("shape"));
  $("outputs").value = text(take("outputs"));
  explain();
  return left;
}

const EMPTY = { ...Object.fromEntries(FIELDS.map((name) => [name, ""])), frames: "BGR", shaves: "6" };
export const clear = () => restore(EMPTY);

/** The form as it stands, choices not made yet included; and the way back. */
export const keep = () => Object.fromEntries(Object.keys(EMPTY).map((name) => [name, $(name).value]));

export function restore(kept) {
  for (const [name, value] of Object.entries(kept)) $(name).value = value;
  explain();
}

/** What goes with the choices: fields of their own, sentences, the number of shaves. */
export function explain() {
  const range = $("range").value;
  $("own").hidden = range !== "own";
  $("count").textContent = $("shaves").value;
  const order = $("trained").value;
  const turned = order && order !== "GRAY" && order !== $("frames").value;
  const colours = turned ? ` The blob turns ${$("frames").value} frames into ${order}.` : "";
  $("meaning").textContent = (MEANING[range] || "") + colours;
}

const OF_INPUT = ["range", "mean", "scale", "color", "layout", "shape", "input_precision"];

/** What is said of pictures, said of one input by its name: a model's others take none. */
export function scoped(said, name) {
  const own = {};
  const rest = { ...said };
  for (const key of OF_INPUT) {
    if (!(key in rest)) continue;
    own[key] = rest[key];
    delete rest[key];
  }
  return Object.keys(own).length ? { ...rest, inputs: { ...rest.inputs, [name]: own } } : rest;
}

/** The way back: options of that input as the form has them. */
export function flat(said, name) {
  if (!said.inputs?.[name]) return said;
  const { [name]: own, ...others } = said.inputs;
  const rest = { ...said, ...own };
  delete rest.inputs;
  return Object.keys(others).length ? { ...rest, inputs: others } : rest;
}

/** [mean, scale] as lists of numbers, one or one a channel. */
export function spread(said) {
  const row = (value, known, other) => (value === "imagenet" ? known : value === undefined ? other : [value].flat());
  const [mean, scale] = RANGES[said.range] || RANGES["0..255"];
  return [row(said.mean, IMAGENET[0], mean), row(said.scale, IMAGENET[1], scale)];
}
