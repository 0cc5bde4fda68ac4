// Upload -> look -> options -> check -> blob -> try: what follows on what.
import "./theme.js";
import { $, bytes, el, later, problems } from "./dom.js";
import * as api from "./api.js";
import * as blob from "./blob.js";
import * as job from "./job.js";
import * as options from "./options.js";
import { check, cost } from "./check.js";
import { group } from "./files.js";
import { Graph } from "./graph.js";
import { history, listen as listenHistory } from "./history.js";
import { pictureInput, showFacts } from "./model.js";
import { Sample } from "./sample.js";
import { Trial } from "./trial.js";

const models = []; // { id, name, facts, kept, left }: what was uploaded here, and its form
let current = null;
let graph = null;
let left = {}; // options of a job taken up again that the form has no field for
const sample = new Sample($("sample"));
const refuse = (problem) => $("model-error").replaceChildren(...problems(problem));
const said = () => ({ ...left, ...options.read() });

/** What is asked of a model: with several inputs, the form speaks of the picture's. */
function asked(model = current) {
  const input = model.facts && model.facts.inputs.length > 1 && pictureInput(model.facts);
  return input ? options.scoped(said(), input.name) : said();
}

// 1. The model
async function take(files) {
  const { models: found, rest } = group(files);
  $("model-error").replaceChildren();
  if (!found.length) {
    refuse({ message: `no model among ${[...files].map((file) => file.name).join(", ")}`, remedy: "weights alone are none: choose the model's file as well" });
    return;
  }
  if (rest.length) refuse({ message: `left out, as they belong to none of the models: ${rest.map((file) => file.name).join(", ")}` });
  for (const one of found) {
    const form = new FormData();
    for (const file of one.files) form.append("files", file);
    const size = one.files.reduce((sum, file) => sum + file.size, 0);
    try {
      const made = await api.upload("models", form, (part) => { $("upload").textContent = `sending ${one.name}, ${Math.round(100 * part)} % of ${bytes(size)}`; });
      await add(made);
    } catch (problem) {
      $("model-error").append(...problems({ ...problem, message: `${one.name}: ${problem.message}` }));
    }
  }
  $("upload").textContent = "";
  tabs();
}

async function add(made, given) {
  let model = models.find((one) => one.id === made.id);
  if (!model) models.push((model = { ...made }));
  await open(model, given);
}

async function open(model, given) {
  if (current && !$("form").hidden) Object.assign(current, { kept: options.keep(), left });
  current = model;
  tabs();
  for (const place of ["facts", "graph-box", "form"]) $(place).hidden = true;
  $("upload").textContent = `looking into ${model.name} …`;
  try {
    model.facts ||= await api.get(`models/${model.id}`);
  } catch (problem) {
    models.splice(models.indexOf(model), 1); // what cannot be read is not among what can be converted
    if (current === model) current = null;
    $("model-error").append(...problems({ ...problem, message: `${model.name}: ${problem.message}` }));
    tabs();
    return;
  } finally {
    $("upload").textContent = "";
  }
  if (current !== model) return;
  showFacts(model.facts);
  $("graph-box").hidden = false;
  $("graph-box").open = false;
  graph = new Graph($("graph"), (part) => api.get(`models/${model.id}/graph?part=${part}`));
  const input = pictureInput(model.facts);
  left = given ? options.write(input ? options.flat(given, input.name) : given) : model.left || {};
  const many = model.facts.inputs.length > 1 && input;
  $("which").textContent = many ? `These are for the input ${input.name}; the others go in as they are.` : "";
  if (!given) model.kept ? options.restore(model.kept) : options.clear();
  if (!given && !model.kept && !input) $("range").value = "none"; // nothing to choose without one
  $("sample").hidden = !input;
  $("form").hidden = false;
  changed();
}

function tabs() {
  $("models").hidden = models.length < 2;
  $("models").replaceChildren(...models.map((one) =>
    el("button", { type: "button", "aria-pressed": String(one === current), text: one.name, onclick: () => open(one) })));
  $("convert-all").hidden = models.length < 2;
  $("convert-all").textContent = `Convert all ${models.length} with these options`;
}

// 2. Options, and 3. what they mean before compiling
const look = later(() => check(current.id, asked(), (names) => graph.mark(names)), 500);

function changed() {
  options.explain();
  if (!current?.facts) return;
  const input = pictureInput(current.facts);
  sample.show(input && { ...input, layout: $("layout").value.slice(0, 4) || input.layout }, said());
  look();
}

// 4. The conversion
async function convert(wanted) {
  const made = [];
  for (const model of wanted) {
    const form = new FormData();
    form.append("model", model.id);
    form.append("options", JSON.stringify(asked(model)));
    try {
      made.push(await api.send("jobs", form));
    } catch (problem) {
      $("check-error").replaceChildren(...problems({ ...problem, message: `${model.name}: ${problem.message}` }));
      $("check-error").scrollIntoView({ block: "nearest" });
    }
  }
  batch(made);
  if (made.length) location.hash = `job=${made[0].id}`;
}

function batch(jobs) {
  $("batch").hidden = jobs.length < 2;
  $("batch").replaceChildren(...jobs.map((one) =>
    el("button", { type: "button", "data-job": one.id, text: one.name, onclick: () => { location.hash = `job=${one.id}`; } })));
}

async function openJob() {
  const id = /^#job=([0-9a-f]+)$/.exec(location.hash)?.[1];
  if (!id) return job.forget();
  for (const one of $("batch").children) one.setAttribute("aria-pressed", String(one.dataset.job === id));
  $("job").hidden = false;
  $("h-job").focus();
  $("job").scrollIntoView({ block: "start" });
  await job.watch(id, over);
}

let finished = null;

async function over(done) {
  history().catch(refuse);
  if (done.state === "done") await openBlob((finished = done));
}

async function openBlob(done, shaves) {
  try {
    const found = await blob.showBlob(done, shaves);
    if (job.shown() !== done.id) return;
    const frames = /ColorOrder\.RGB/.test(found.script) ? "RGB" : "BGR";
    new Trial($("trial"), done, found, frames);
  } catch (problem) {
    blob.failed(problem);
  }
}

/** Back to the options of a job, with its model: the files are still here. */
async function retry(id) {
  try {
    const { options: given, ...made } = await api.get(`jobs/${id}/model`);
    await add(made, given);
    $("range").focus();
    $("h-options").scrollIntoView({ block: "start" });
  } catch (problem) {
    blob.failed(problem);
  }
}

// What the page listens to
$("files").addEventListener("change", () => take($("files").files).then(() => { $("files").value = ""; }));
for (const [kind, isOver] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  $("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", isOver);
    if (kind === "drop") take(event.dataTransfer.files);
  });
}
$("form").addEventListener("input", changed);
$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  convert([current]);
});
$("convert-all").addEventListener("click", () => $("form").reportValidity() && convert(models));
$("cost").addEventListener("click", () => cost(current.id, asked()));
$("graph-box").addEventListener("toggle", () => $("graph-box").open && !graph.part && graph.show().catch(refuse));
$("keyform").addEventListener("submit", (event) => {
  event.preventDefault();
  api.setKey($("key").value);
  location.reload();
});
api.whenLocked(() => { $("keyform").hidden = false; });
addEventListener("hashchange", openJob);
job.listen(retry);
blob.listen((shaves) => openBlob(finished, shaves));
listenHistory(refuse);

history().catch(refuse);
openJob();
fetch("healthz").then((answer) => answer.json()).then((health) => { $("version").textContent = health.version; }, () => {});
