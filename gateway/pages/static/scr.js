// Makes pages a little kinder where scripts run. Every page works without it; it holds and stores nothing about a patient.

// the NHS.UK components (focus on error summaries, character counts), where they were built
import("./nhsuk/nhsuk-frontend.min.js").then((nhsuk) => nhsuk.initAll()).catch(() => {});

// a warning two minutes before an unused session ends, then the record leaves the screen
const timeout = document.getElementById("timeout");
if (timeout) {
  const whole = Number(timeout.dataset.idleSeconds) * 1000;
  const warnBefore = Math.min(120000, whole / 2);
  const stay = document.getElementById("timeout-stay");
  let timers = [];
  const end = () => {
    document.body.classList.add("scr-closed");
    window.location.replace(timeout.dataset.ended);
  };
  const warn = () => {
    timeout.hidden = false;
    stay.focus();
  };
  const arm = () => {
    timers.forEach(clearTimeout);
    timers = [setTimeout(warn, whole - warnBefore), setTimeout(end, whole)];
    timeout.hidden = true;
  };
  stay.addEventListener("click", async () => {
    const body = new URLSearchParams({ csrf: timeout.dataset.csrf });
    const answer = await fetch(timeout.dataset.stay, { method: "POST", body }).catch(() => null);
    if (answer && answer.ok) arm();
    else end();
  });
  arm();
}

// one patient at a time: a page of another patient in the same browser closes this one
const banner = document.querySelector("[data-context]");
if (banner && "BroadcastChannel" in window) {
  const channel = new BroadcastChannel("scr-patient");
  const own = banner.dataset.context;
  channel.onmessage = (message) => {
    if (message.data === own) return;
    document.body.classList.add("scr-closed");
    window.location.replace("/viewer/patient-changed");
  };
  channel.postMessage(own);
}

// the print page offers the browser's own dialogue
const print = document.getElementById("print-now");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
