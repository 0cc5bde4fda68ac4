// The JSON API that anyone may use (see /docs), its errors, and progress as it happens.
const API = "api/v1";
const KEY = "oakwright-key";
let onLocked = () => {};

export const whenLocked = (what) => { onLocked = what; };
export function setKey(key) {
  sessionStorage.setItem(KEY, key);
}

function headers(more = {}) {
  const key = sessionStorage.getItem(KEY);
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

async function refusal(answer) {
  const body = await answer.json().catch(() => null);
  if (answer.status === 401) onLocked();
  const wait = answer.headers.get("Retry-After");
  const remedy = wait ? `again in ${wait} s` : "";
  return { kind: "HTTP", remedy, ...(body || { message: `the server says ${answer.status}` }) };
}

async function reach(path, more = {}) {
  let answer;
  try {
    answer = await fetch(`${API}/${path}`, { ...more, headers: headers(more.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw { kind: "Network", message: "the server does not answer", remedy: "see whether it runs, then try again" };
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

export const get = async (path, more) => (await reach(path, more)).json();
export const post = async (path, body, more = {}) =>
  (await reach(path, { method: "POST", body: JSON.stringify(body), ...more, headers: { "Content-Type": "application/json" } })).json();
export const send = async (path, form) => (await reach(path, { method: "POST", body: form })).json();
export const cancel = async (id) => (await reach(`jobs/${id}`, { method: "DELETE" })).json();

/** Send files, saying how far it is (0..1); fetch does not tell. */
export function upload(path, form, tell) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${API}/${path}`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && tell(event.loaded / event.total));
    request.addEventListener("error", () => reject({ kind: "Network", message: "the upload broke off", remedy: "see whether the server runs, then try again" }));
    request.addEventListener("load", async () => {
      const answer = new Response(request.response, { status: request.status, headers: { "Retry-After": request.getResponseHeader("Retry-After") || "" } });
      if (answer.ok) resolve(await answer.json());
      else reject(await refusal(answer));
    });
    request.send(form);
  });
}

const PATIENCE = 60; // tries, two seconds apart: a server that is started anew needs a while

/** Follow a job until it is over; `see` gets it whenever it changed, `wait` is called while nobody answers. */
export async function follow(id, see, signal, wait = () => {}) {
  for (let failures = 0; ; ) {
    try {
      // Not EventSource: that cannot send a key.
      const answer = await reach(`jobs/${id}/events`, { signal, headers: { Accept: "text/event-stream" } });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (let over = false; !over; ) {
        const { value, done } = await reader.read();
        text += value || "";
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) {
          const data = event.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("");
          if (!data) continue;
          failures = 0;
          const job = JSON.parse(data);
          see(job);
          if (!isOpen(job)) return job;
        }
        over = done;
      }
    } catch (problem) {
      // What passes: no answer, a server that stops or whose queue is away, a line that broke.
      const passes = ["Network", "QueueDown"].includes(problem.kind) || problem instanceof TypeError;
      if (signal.aborted || !passes || ++failures > PATIENCE) throw problem;
      wait();
    }
    await new Promise((resolve) => setTimeout(resolve, failures > 1 ? 2000 : 1000));
  }
}

export const isOpen = (job) => job.state === "queued" || job.state === "running";

/** A link that downloads, also where a key has to be sent along. */
export function downloads(link, path, name, failed) {
  link.href = `${API}/${path}`;
  link.download = name;
  link.addEventListener("click", async (event) => {
    if (!sessionStorage.getItem(KEY)) return;
    event.preventDefault();
    const answer = await reach(path).catch(failed);
    if (!answer) return;
    const address = URL.createObjectURL(await answer.blob());
    const hidden = document.createElement("a");
    Object.assign(hidden, { href: address, download: name });
    hidden.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });
  return link;
}
