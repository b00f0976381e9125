// Builds the shapes of finetune/reports (charts.py, curves.py) element by element: no markup of the data is ever parsed.
const SVG = "http://www.w3.org/2000/svg";
const TAGS = new Set(["rect", "text", "line", "polyline"]);
const ATTRIBUTES = new Set("class x y x1 x2 y1 y2 width height rx points".split(" "));

function shaped(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function picture(chart) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", `0 0 ${chart.width} ${chart.height}`);
  made.setAttribute("role", "img");
  made.append(shaped("title", {}, chart.title), shaped("desc", {}, chart.description));
  for (const shape of chart.shapes) if (TAGS.has(shape.tag)) made.append(shaped(shape.tag, shape.attributes, shape.text));
  return made;
}

function worded(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function figure(chart) {
  const made = document.createElement("figure");
  made.append(worded("figcaption", chart.title), picture(chart));
  if (chart.note) made.append(worded("p", chart.note));
  return made;
}

export default function ({ parentElement, data }) {
  parentElement.querySelector(".charts").replaceChildren(...data.charts.map(figure));
}
