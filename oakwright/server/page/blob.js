// A finished blob: downloads, what was applied, its header and stages, its script.
import { $, bytes, count, el, problems, table } from "./dom.js";
import { downloads, get } from "./api.js";
import { chart } from "./memory.js";

const STAGES = ["#", "type", "shaves", "inputs", "outputs", "MACs", "weights", "detail"];

const counts = (job) => job.results.filter((what) => /^\d+$/.test(what));

/** Show a job's blob (of several the one for `shaves`); gives its inspection for who wants to try it. */
export async function showBlob(job, shaves = counts(job)[0]) {
  const place = `jobs/${job.id}`;
  const [facts, found] = await Promise.all([get(`${place}/result?what=manifest`), get(`${place}/inspect?shaves=${shaves}`)]);
  links(job);
  const several = counts(job);
  $("which-blob").hidden = several.length < 2;
  $("blob-shaves").replaceChildren(...several.map((n) => el("option", { value: n, text: `${n} shaves`, selected: n === shaves })));
  const given = facts.outputs.map((out) => `gives ${out.name} ${out.shape.join(" × ")}`);
  const lines = [...facts.applied, ...facts.notes, ...given];
  if (facts.agreement) lines.push(`${facts.agreement.difference.toPrecision(2)} off ${facts.agreement.against} at most, of the largest value on random input`);
  $("applied").replaceChildren(
    ...lines.map((text) => el("li", { text })),
    ...facts.warnings.map((text) => el("li", {}, el("strong", { text: "Note: " }), text)));
  inspect(found);
  $("result").hidden = false;
  return found;
}

function links(job) {
  const several = counts(job).length > 1; // each under a name of its own, as the server has them
  const words = { ir: ["IR and blob (zip)", `${job.name}.zip`], manifest: ["What was done (JSON)", `${job.name}.json`] };
  $("links").replaceChildren(...job.results.map((what) => {
    const isBlob = /^\d+$/.test(what);
    const own = several ? `${job.name}_${what}shave.blob` : `${job.name}.blob`;
    const [text, name] = words[what] || [several ? own : `${own}, ${what} shaves`, own];
    const link = el("a", { class: isBlob ? "button main" : "button", text });
    return downloads(link, `jobs/${job.id}/result?${isBlob ? `what=blob&shaves=${what}` : `what=${what}`}`, name, failed);
  }));
}

function inspect(found) {
  const list = el("dl");
  for (const [name, value] of found.summary) list.append(el("dt", { text: name }), el("dd", { text: value }));
  $("summary").replaceChildren(list);
  const rows = found.stages.map((row) => [
    String(row.index), row.type + (row.is_injected ? " (injected)" : ""), String(row.shaves),
    row.inputs.join(", "), row.outputs.join(", "), count(row.macs), bytes(row.parameter_bytes), row.detail,
  ]);
  const hidden = found.stages_in_all - rows.length;
  $("stages").replaceChildren(table("Stages of the blob", STAGES, rows, [0, 2, 5, 6]),
    el("p", { class: "note", text: hidden > 0 ? `${hidden} more are not shown` : "" }));
  $("memory").replaceChildren(chart(found.memory));
  $("code").textContent = found.script;
}

/** `again(shaves)` is called where another of several blobs is asked for. */
export function listen(again) {
  $("blob-shaves").addEventListener("change", () => again($("blob-shaves").value));
  $("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText($("code").textContent);
      $("copied").textContent = "copied";
    } catch {
      // Browsers keep the clipboard from pages without TLS: mark the text, so that one key copies it.
      getSelection().selectAllChildren($("code"));
      $("copied").textContent = "marked: copy it with your keyboard";
    }
  });
}

export const failed = (problem) => $("error").replaceChildren(...problems(problem));
