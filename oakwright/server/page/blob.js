// A finished blob: downloads, what was applied, its header and stages, its script.
import { $, bytes, count, el, problems, table } from "./dom.js";
import { downloads, get } from "./api.js";
import { chart } from "./memory.js";

const STAGES = ["#", "type", "shaves", "inputs", "outputs", "MACs", "weights", "detail"];

/** Show a job's blob; gives its inspection for who wants to try it. */
export async function showBlob(job) {
  const place = `jobs/${job.id}`;
  const [facts, found] = await Promise.all([get(`${place}/result?what=manifest`), get(`${place}/inspect`)]);
  links(job);
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
  const words = { ir: ["IR and blob (zip)", `${job.name}.zip`], manifest: ["What was done (JSON)", `${job.name}.json`] };
  $("links").replaceChildren(...job.results.map((what) => {
    const isBlob = /^\d+$/.test(what);
    const [text, name] = words[what] || [`${job.name}.blob, ${what} shaves`, `${job.name}.blob`];
    const link = el("a", { class: isBlob ? "button main" : "button", text });
    return downloads(link, `jobs/${job.id}/result?${isBlob ? `what=blob&shaves=${what}` : `what=${what}`}`, name);
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

export function listen() {
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
