// Builds prose.py's nodes with createElement and text nodes only: no markup of the data is ever parsed.
const TAGS = new Set(
  "p strong em s code pre ul ol li h4 blockquote table thead tbody tr th td mark br hr span".split(" "),
);

const TONES = new Set(["learnt", "read", "cut", "gone", "added"]);

function build(node) {
  if (typeof node === "string") return document.createTextNode(node);
  if ("cite" in node) return chip(node);
  const made = document.createElement(TAGS.has(node.tag) ? node.tag : "span");
  made.append(...node.children.map(build));
  if (node.doubt !== undefined) doubt(made, node.doubt);
  if (TONES.has(node.tone)) made.className = node.tone;
  return made;
}

// A claim without support: a line under it, and the reason for who hears the page.
function doubt(made, why) {
  made.className = "doubt";
  if (!why) return;
  const heard = document.createElement("span");
  heard.className = "heard";
  heard.textContent = ` (${why})`;
  made.title = why;
  made.append(heard);
}

function chip(node) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "cite";
  made.textContent = String(node.cite);
  made.title = node.title;
  made.setAttribute("aria-label", `Source ${node.cite}: ${node.title}`);
  return made;
}

// One region of the page tells a screen reader whole sentences, at most every few seconds: not every token.
const PAUSE_MS = 4000;

function liveRegion() {
  const known = document.getElementById("groundtune-announced");
  if (known) return known;
  const made = document.createElement("div");
  made.id = "groundtune-announced";
  made.setAttribute("role", "status");
  made.setAttribute("aria-live", "polite");
  made.style.cssText = "position:fixed;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap";
  document.body.append(made);
  return made;
}

function announce({ key, text, complete }) {
  const region = liveRegion();
  region.complete ??= new Set();
  if (region.complete.has(key)) return;
  if (region.dataset.key !== key) Object.assign(region.dataset, { key, said: "0", at: "0" });
  const said = Math.min(Number(region.dataset.said), text.length);
  const end = complete ? text.length : text.search(/[.!?:\n][^.!?:\n]*$/) + 1;
  if (!complete && (end <= said || Date.now() - Number(region.dataset.at) < PAUSE_MS)) return;
  region.textContent = text.slice(said, end) + (complete ? " The answer is complete." : "");
  Object.assign(region.dataset, { said: String(end), at: String(Date.now()) });
  if (complete) region.complete.add(key);
}

// Evidence that opens or closes moves the text to another column, where it is drawn anew: the focus goes along.
function keepPlace(root, name) {
  if (document.activeElement !== document.body) return;
  const pressed = liveRegion().dataset.pressed;
  [...root.querySelectorAll(".cite")].find((made) => `${name} ${made.textContent}` === pressed)?.focus({ preventScroll: true });
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".prose");
  root.className = `prose ${data.style}`;
  if (data.style === "wide") root.tabIndex = 0; // who scrolls by keys must be able to get there
  const cited = (number) => setTriggerValue("cited", number);
  const drawn = JSON.stringify(data.nodes);
  if (root.drawn !== drawn) {
    root.drawn = drawn;
    root.replaceChildren(...data.nodes.map(build));
    requestAnimationFrame(() => keepPlace(root, data.name));
  }
  for (const made of root.querySelectorAll(".cite")) {
    made.onclick = () => {
      liveRegion().dataset.pressed = `${data.name} ${made.textContent}`;
      cited(Number(made.textContent));
    };
    made.classList.toggle("active", made.textContent === String(data.active));
  }
  liveRegion(); // there before anything is said in it, or it goes unheard
  if (data.announced) announce(data.announced);
  if (data.reveal && !root.dataset.revealed) {
    root.dataset.revealed = "yes";
    requestAnimationFrame(() => root.scrollIntoView({ block: "start" }));
  }
  root.querySelector("mark")?.scrollIntoView({ block: "nearest" });
}
