// Makes pages a little kinder where scripts run. Every page works without it; it holds and stores nothing about a patient.

// the NHS.UK components (focus on error summaries, character counts), where they were built
import("./nhsuk/nhsuk-frontend.min.js").then((nhsuk) => nhsuk.initAll()).catch(() => {});

const leave = (address) => {
  document.body.classList.add("scr-closed");
  window.location.replace(address);
};
const channel = (name) => ("BroadcastChannel" in window ? new BroadcastChannel(name) : null);

// a warning two minutes before an unused session ends, then the record leaves the screen; the tabs of one session count as one
const timeout = document.getElementById("timeout");
if (timeout) {
  const told = timeout.dataset;
  const session = channel(`scr-session ${told.area}`);
  const idle = Number(told.idleSeconds) * 1000;
  const last = Date.now() + Number(told.leftSeconds) * 1000;
  const stay = document.getElementById("timeout-stay");
  let ends = 0;
  let warned = false;
  let timer = 0;
  const end = () => leave(`${told.area}/timed-out`);
  const warn = () => {
    const final = ends === last;
    document.getElementById("timeout-text").hidden = final;
    document.getElementById("timeout-final").hidden = !final;
    stay.textContent = final ? stay.dataset.final : stay.dataset.stay;
    warned = true;
    timeout.hidden = false;
    stay.focus();
  };
  // asked again whenever the page comes back into view: no timer runs in a computer that sleeps
  const check = () => {
    clearTimeout(timer);
    const now = Date.now();
    const warns = ends - Math.min(120000, idle / 2);
    if (now >= ends) {
      end();
      return;
    }
    if (now >= warns && !warned) warn();
    timer = setTimeout(check, (now < warns ? warns : ends) - now);
  };
  const arm = () => {
    ends = Math.min(Date.now() + idle, last);
    warned = false;
    timeout.hidden = true;
    check();
  };
  stay.addEventListener("click", async () => {
    if (ends === last) {
      timeout.hidden = true;
      return;
    }
    const body = new URLSearchParams({ csrf: told.csrf });
    const answer = await fetch(`${told.area}/stay`, { method: "POST", body }).catch(() => null);
    if (!answer || !answer.ok) {
      end();
      return;
    }
    session?.postMessage(told.csrf);
    arm();
  });
  for (const sign of ["focus", "pageshow"]) window.addEventListener(sign, check);
  document.addEventListener("visibilitychange", check);
  session?.addEventListener("message", (message) => {
    if (message.data === "signed-out") leave(`${told.area}/signed-out`);
    else if (message.data === told.csrf) arm();
    else leave(`${told.area}/session-changed`); // somebody has signed in anew: this page's session is over
  });
  session?.postMessage(told.csrf);
  arm();
  // a page that the browser kept aside and shows again may belong to a session or a patient that has ended
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) leave(told.area);
  });
}

// signed out here is signed out in every tab
const out = window.location.pathname.match(/^(.+)\/signed-out$/);
if (out) channel(`scr-session ${out[1]}`)?.postMessage("signed-out");

// one patient at a time: a page of another patient in the same browser closes this one, and so does one that closed the patient
const patients = channel("scr-patient");
const banner = document.querySelector("[data-context]");
if (banner) {
  const own = banner.dataset.context;
  patients?.addEventListener("message", (message) => {
    if (message.data === "") leave("/viewer/patient-closed");
    else if (message.data !== own) leave("/viewer/patient-changed");
  });
  patients?.postMessage(own);
} else if (document.querySelector("[data-no-patient]")) {
  patients?.postMessage("");
}
// a launch closes whoever is open, and does so before its user signs in
document.querySelector("[data-launching]")?.addEventListener("submit", () => patients?.postMessage(""));

// what a form of the viewer led to is loaded again, and come back to, without the form being sent a second time: a record, a
// refusal (whose address then leads to the question again), or the form itself with what is wrong in it
const posted = { "/viewer/find": 1, "/viewer/find/details": 1, "/viewer/patient": 1, "/viewer/record": 1 };
if (posted[window.location.pathname] && document.querySelector("[data-record], [data-refusal], .nhsuk-error-summary")) {
  const note = document.querySelector("form[action='/viewer/record'] #note");
  window.history.replaceState(null, "", note ? "/viewer/without-permission" : window.location.pathname);
}

// what is wrong with a typed NHS number, told while it is typed; the gateway checks it again
const told = document.getElementById("nhs-number-told");
const box = document.getElementById("nhs-number");
if (told && box) {
  const wrong = (digits, whole) => {
    if (/[^0-9]/.test(digits)) return "An NHS number has digits only.";
    if (digits.length > 10 || (whole && digits.length > 0 && digits.length < 10)) {
      return `An NHS number has 10 digits, this has ${digits.length}.`;
    }
    if (digits.length < 10) return "";
    const sum = [...digits.slice(0, 9)].reduce((total, digit, at) => total + Number(digit) * (10 - at), 0);
    return (11 - (sum % 11)) % 11 === Number(digits[9])
      ? ""
      : "This is not an NHS number: its check digit does not fit. A digit is wrong, or two have changed places.";
  };
  const tell = (whole) => {
    const words = wrong(box.value.replace(/[\s\u00a0\u2009-]+/g, ""), whole);
    if (told.textContent !== words) told.textContent = words;
  };
  box.addEventListener("input", () => tell(false));
  box.addEventListener("change", () => tell(true));
}

// the print page offers the browser's own dialogue
const print = document.getElementById("print-now");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

// commands and messages that are there to be pasted
document.querySelectorAll("[data-copy]").forEach((button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const words = button.firstChild;
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    words.data = "Copied";
    setTimeout(() => (words.data = "Copy"), 2000);
  });
});
