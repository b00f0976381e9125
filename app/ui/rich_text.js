// Builds prose.py's nodes with createElement and text nodes only: no markup of the data is ever parsed.
const TAGS = new Set(
  "p strong em s code pre ul ol li h4 blockquote table thead tbody tr th td mark br hr span".split(" "),
);

function build(node, cited, active) {
  if (typeof node === "string") return document.createTextNode(node);
  if ("cite" in node) return chip(node, cited, active);
  const made = document.createElement(TAGS.has(node.tag) ? node.tag : "span");
  made.append(...node.children.map((child) => build(child, cited, active)));
  return made;
}

function chip(node, cited, active) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = node.cite === active ? "cite active" : "cite";
  made.textContent = String(node.cite);
  made.title = node.title;
  made.setAttribute("aria-label", `Source ${node.cite}: ${node.title}`);
  made.onclick = () => cited(node.cite);
  return made;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".prose");
  root.className = `prose ${data.style}`;
  const cited = (number) => setTriggerValue("cited", number);
  root.replaceChildren(...data.nodes.map((node) => build(node, cited, data.active)));
  if (data.reveal && !root.dataset.revealed) {
    root.dataset.revealed = "yes";
    requestAnimationFrame(() => root.scrollIntoView({ block: "start" }));
  }
  root.querySelector("mark")?.scrollIntoView({ block: "nearest" });
}
