// Pre-flight: what the chip would refuse, before anything is compiled; what layers will cost.
import { $, block, bytes, count, el, place, problems } from "./dom.js";
import { post } from "./api.js";

const SHOWN = 20;
let running = null;

/** Check a model with options; `mark` gets the names of refused layers. Gives whether it converts. */
export async function check(id, said, mark) {
  running?.abort();
  const own = (running = new AbortController());
  $("check-state").textContent = "Looking at every layer …";
  $("check-error").replaceChildren();
  $("findings").replaceChildren();
  $("costs").replaceChildren();
  try {
    const found = await post(`models/${id}/check`, { options: said }, { signal: own.signal });
    show(found, mark);
    return found.convertible;
  } catch (problem) {
    if (own.signal.aborted) return false;
    $("check-state").textContent = "It cannot be converted like this.";
    $("check-error").replaceChildren(...problems(problem));
    return false;
  }
}

function show(found, mark) {
  const errors = found.findings.filter((one) => one.severity === "error");
  const rewritten = found.rules.length ? `; ${found.rules.length} are rewritten for it` : "";
  $("check-state").textContent = errors.length
    ? `${errors.length === 1 ? "One layer has" : `${errors.length} layers have`} no place on the chip.`
    : `Every layer has a place on the chip${rewritten}.`;
  $("findings").replaceChildren(
    ...found.findings.slice(0, SHOWN).map((one) => block({ where: place(one), message: one.reason, remedy: one.remedy, severity: one.severity })),
    ...(found.findings.length > SHOWN ? [el("p", { class: "note", text: `and ${found.findings.length - SHOWN} more` })] : []),
    ...found.notes.map((text) => el("p", { class: "note", text })));
  if (found.rules.length) {
    $("findings").append(el("details", {}, el("summary", { text: "What is rewritten" }),
      el("ul", {}, ...found.rules.slice(0, 200).map((text) => el("li", { text })))));
  }
  mark(errors.flatMap((one) => [one.layer, one.origin]));
}

/** Compile once and show what the layers cost, the dearest first. */
export async function cost(id, said) {
  const button = $("cost");
  button.disabled = true;
  $("costs").replaceChildren(el("p", { role: "status", text: "Compiling it once to count …" }));
  try {
    const { performance: found } = await post(`models/${id}/check`, { options: said, costs: true });
    $("costs").replaceChildren(...(found ? costs(found) : []));
  } catch (problem) {
    $("costs").replaceChildren(...problems(problem));
  } finally {
    button.disabled = false;
  }
}

function costs(found) {
  const hardware = found.macs ? Math.round((100 * found.hardware_macs) / found.macs) : 0;
  const whole = el("p", { text: `${found.stages} stages, ${count(found.macs)} multiply-accumulates, ${hardware} % of them on the hardware unit; weights ${bytes(found.parameter_bytes)}, memory ${bytes(found.memory_bytes)}, blob ${bytes(found.blob_bytes)}, for ${found.shaves} shaves.` });
  const most = Math.max(...found.layers.map((layer) => layer.share), 1e-9);
  const bars = el("ul", { class: "bars", "aria-label": "The dearest layers" });
  for (const layer of found.layers.slice(0, SHOWN)) {
    const bar = el("div", { class: `bar ${layer.unit === "SHAVEs" ? "shaves" : layer.unit}` });
    bar.style.width = `${(100 * layer.share) / most}%`;
    bars.append(el("li", {},
      el("span", { class: "name", text: layer.layer }), bar,
      el("span", { class: "number", text: `${(100 * layer.share).toFixed(1)} % on ${layer.unit === "both" ? "both" : layer.unit}` }),
      ...layer.remarks.map((text) => el("span", { class: "note", text }))));
  }
  const note = el("p", { class: "note", text: "Shares are estimates from round peak rates, good for finding the large ones; nothing was measured on a camera." });
  return [whole, bars, note];
}
