// Upload -> options -> blob, over the JSON API that anyone may use. Text from models and servers
// enters the page as text only, never as markup.
"use strict";
const $ = (id) => document.getElementById(id);
const API = "api/v1/jobs";
const MEANING = {
  "0..255": "The network sees the bytes as they are.",
  "0..1": "The blob divides by 255.",
  "-1..1": "The blob takes off 127.5 and divides by 127.5.",
  "-0.5..0.5": "The blob takes off 127.5 and divides by 255; few models are trained so.",
  imagenet: "The blob takes off 123.675, 116.28, 103.53 and divides by 58.395, 57.12, 57.375.",
};
let current = null;

function add(parent, tag, text, more = {}) {
  const made = Object.assign(document.createElement(tag), more);
  made.textContent = text;
  $(parent).append(made);
  return made;
}

function numbers(text) {
  const found = text.split(",").map((part) => Number(part.trim()));
  return found.length > 1 ? found : found[0];
}

function options() {
  const said = { shaves: Number($("shaves").value) };
  const range = $("range").value;
  if (range === "imagenet") said.mean = said.scale = "imagenet";
  else if (range === "own") {
    if ($("mean").value.trim()) said.mean = numbers($("mean").value);
    if ($("scale").value.trim()) said.scale = numbers($("scale").value);
  } else if (range !== "none") said.range = range;
  if ($("color").value) said.color = $("color").value;
  if ($("precision").value) said.input_precision = $("precision").value;
  if ($("shape").value.trim()) said.shape = $("shape").value.split(",").map(Number);
  return said;
}

async function ask(path, more) {
  const answer = await fetch(path, more);
  const body = await answer.json().catch(() => ({ message: `the server says ${answer.status}` }));
  if (!answer.ok) throw body;
  return body;
}

function showError(problem) {
  $("error").replaceChildren();
  add("error", "p", problem.layer ? `Layer ${problem.layer}` : problem.kind || "Error");
  add("error", "p", String(problem.message || problem));
  if (problem.remedy) add("error", "p", `Try: ${problem.remedy}`);
  for (const one of problem.findings || []) {
    add("error", "p", `${one.layer} (${one.op}): ${one.reason} ${one.remedy}`);
  }
}

function showSteps(job) {
  $("state").textContent = `${job.name}: ${job.state}`;
  $("steps").replaceChildren();
  for (const [step, seconds] of job.progress) add("steps", "li", `${step}, ${seconds.toFixed(2)} s`);
  $("cancel").hidden = !["queued", "running"].includes(job.state);
}

async function showResult(job) {
  const place = `${API}/${job.id}/result`;
  const facts = await ask(`${place}?what=manifest`);
  $("links").replaceChildren();
  for (const what of job.results) {
    const query = /^\d+$/.test(what) ? `what=blob&shaves=${what}` : `what=${what}`;
    const label = { ir: "IR and blob (zip)", manifest: "manifest (what was done)" };
    const text = label[what] || `${job.name}.blob (${what} shaves)`;
    add("links", "a", text, { href: `${place}?${query}`, download: what === "manifest" ? `${job.name}.json` : "" });
  }
  $("applied").replaceChildren();
  for (const line of [...facts.applied, ...facts.notes, ...facts.warnings]) add("applied", "li", line);
  for (const out of facts.outputs) add("applied", "li", `gives ${out.name} ${out.shape.join("x")}`);
  $("code").textContent = code(job, facts);
  $("result").hidden = false;
}

function code(job, facts) {
  const input = facts.inputs[0] || {};
  const shape = input.shape || [];
  const bgr = !input.color || input.color[1] === "BGR";
  const isPicture = shape.length === 4 && shape[1] === 3;
  const lines = ["import depthai as dai", "", "pipeline = dai.Pipeline()",
    "network = pipeline.create(dai.node.NeuralNetwork)",
    `network.setBlobPath(${JSON.stringify(job.name + ".blob")})`];
  if (isPicture) lines.push("camera = pipeline.create(dai.node.ColorCamera)",
    `camera.setPreviewSize(${shape[3]}, ${shape[2]})`, "camera.setInterleaved(False)",
    `camera.setColorOrder(dai.ColorCameraProperties.ColorOrder.${bgr ? "BGR" : "RGB"})`,
    "camera.preview.link(network.input)");
  else lines.push("source = pipeline.create(dai.node.XLinkIn)", 'source.setStreamName("in")',
    "source.out.link(network.input)");
  lines.push("out = pipeline.create(dai.node.XLinkOut)", 'out.setStreamName("nn")',
    "network.out.link(out.input)", "", "with dai.Device(pipeline) as device:",
    '    queue = device.getOutputQueue("nn")', "    while True:",
    `        print(queue.get().getLayerFp16(${JSON.stringify((facts.outputs[0] || {}).name || "")})[:5])`);
  return lines.join("\n");
}

async function follow(id) {
  current = id;
  $("result").hidden = true;
  $("error").replaceChildren();
  for (let steps = 0; current === id; ) {
    const job = await ask(`${API}/${id}?wait=20&steps=${steps}`);
    if (current !== id) return;
    steps = job.progress.length;
    showSteps(job);
    if (job.error) showError(job.error);
    if (!["queued", "running"].includes(job.state)) {
      if (job.state === "done") await showResult(job);
      return history();
    }
  }
}

async function history() {
  const jobs = await ask(`${API}?limit=20`);
  $("history").replaceChildren();
  if (!jobs.length) add("history", "li", "none yet");
  for (const job of jobs) {
    const when = new Date(job.created * 1000).toLocaleString();
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${job.name}: ${job.state}, ${when}`;
    button.addEventListener("click", () => follow(job.id).catch(showError));
    add("history", "li", "").append(button);
  }
}

function showChosen() {
  $("chosen").replaceChildren();
  for (const file of $("files").files) add("chosen", "li", `${file.name}, ${file.size} bytes`);
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData();
  for (const file of $("files").files) body.append("files", file);
  body.append("options", JSON.stringify(options()));
  $("error").replaceChildren();
  $("state").textContent = "sending …";
  try {
    const job = await ask(API, { method: "POST", body });
    $("state").focus();
    await follow(job.id);
  } catch (problem) {
    $("state").textContent = "Not converted.";
    showError(problem);
  }
});
$("cancel").addEventListener("click", () => ask(`${API}/${current}`, { method: "DELETE" }).catch(showError));
$("copy").addEventListener("click", () => navigator.clipboard?.writeText($("code").textContent));
$("files").addEventListener("change", showChosen);
$("shaves").addEventListener("input", () => { $("count").textContent = $("shaves").value; });
$("range").addEventListener("change", () => {
  $("own").hidden = $("range").value !== "own";
  $("meaning").textContent = MEANING[$("range").value] || "";
});
for (const [kind, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", isOver);
    if (kind === "drop") { $("files").files = event.dataTransfer.files; showChosen(); }
  });
}
history().catch(showError);
