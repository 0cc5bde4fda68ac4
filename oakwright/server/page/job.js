// One conversion on its way: steps as they come, cancel, why it failed, again.
import { $, el, problems } from "./dom.js";
import { cancel, follow, isOpen } from "./api.js";

let current = null;
let watching = null;

const WORDS = { queued: "waits for its turn", running: "is being converted", done: "is ready", failed: "could not be converted", cancelled: "was cancelled" };

/** Watch a job; `over(job)` is called at its end, `changed(job)` at every step. */
export async function watch(id, over, changed = () => {}) {
  watching?.abort();
  const own = (watching = new AbortController());
  current = id;
  $("job").hidden = false;
  $("error").replaceChildren();
  $("steps").replaceChildren();
  $("result").hidden = true;
  try {
    const job = await follow(id, (seen) => {
      if (own.signal.aborted) return;
      show(seen);
      changed(seen);
    }, own.signal, () => { $("state").textContent = "The server does not answer; asking again …"; });
    if (!own.signal.aborted) await over(job);
  } catch (problem) {
    if (!own.signal.aborted) $("error").replaceChildren(...problems(problem));
  }
}

function show(job) {
  $("job-name").textContent = job.name;
  $("pill").textContent = job.state;
  $("pill").className = `pill ${job.state}`;
  const taken = job.finished && job.started ? `, ${(job.finished - job.started).toFixed(1)} s` : "";
  $("state").textContent = `${WORDS[job.state]}${job.from_cache ? " (made before)" : taken}`;
  const steps = job.progress.map(([text, seconds]) => el("li", {}, `${text} `, el("span", { class: "number", text: `${seconds.toFixed(2)} s` })));
  if (job.state === "running") steps.push(el("li", { class: "now", text: steps.length ? "the next step" : "reading the model" }));
  $("steps").replaceChildren(...steps);
  $("cancel").hidden = !isOpen(job);
  $("retry").hidden = isOpen(job);
  if (job.error) $("error").replaceChildren(...problems(job.error));
}

export function forget() {
  watching?.abort();
  current = null;
  $("job").hidden = true;
  $("result").hidden = true;
}

export const shown = () => current;

export function listen(retry) {
  $("cancel").addEventListener("click", () => cancel(current).catch((problem) => $("error").replaceChildren(...problems(problem))));
  $("retry").addEventListener("click", () => retry(current));
}
