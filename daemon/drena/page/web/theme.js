// Before anything is drawn: the colours that were chosen, so that a dark page does not flash white. Not a module, on purpose.
try {
  const chosen = localStorage.getItem("drena.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // storage is forbidden: the system's colours
}
