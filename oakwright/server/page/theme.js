// Light or dark: the system's choice unless another was made here.
const KEPT = "oakwright-theme";
const button = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");

function show() {
  const own = localStorage.getItem(KEPT);
  if (own) document.documentElement.dataset.theme = own;
  const dark = own ? own === "dark" : system.matches;
  button.textContent = dark ? "Light" : "Dark";
  button.setAttribute("aria-label", dark ? "Light colours" : "Dark colours");
  return dark;
}

button.addEventListener("click", () => {
  localStorage.setItem(KEPT, show() ? "light" : "dark");
  show();
});
system.addEventListener("change", show);
show();
