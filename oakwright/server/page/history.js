// Conversions on this server, the newest first.
import { $, el } from "./dom.js";
import { get } from "./api.js";

const PAGE = 15;
let wanted = PAGE;

export async function history() {
  const state = $("filter").value;
  const jobs = await get(`jobs?limit=${wanted + 1}${state ? `&state=${state}` : ""}`);
  $("more").hidden = jobs.length <= wanted || wanted >= 490;
  if (!jobs.length) {
    $("jobs").replaceChildren(el("li", { text: "none yet" }));
    return;
  }
  $("jobs").replaceChildren(...jobs.slice(0, wanted).map((job) => {
    const when = new Date(job.created * 1000);
    return el("li", {}, el("a", { href: `#job=${job.id}` },
      el("span", { class: "name", text: job.name }),
      el("span", { class: `pill ${job.state}`, text: job.state }),
      el("span", { class: "note", text: job.from_cache ? "made before" : job.error?.kind || "" }),
      el("time", { datetime: when.toISOString(), text: when.toLocaleString() })));
  }));
}

export function listen(failed) {
  $("filter").addEventListener("change", () => history().catch(failed));
  $("more").addEventListener("click", () => {
    wanted += PAGE;
    history().catch(failed);
  });
}
