// What only the pages of models of pictures have; behind page.js in the same module.

// Opening a picture comes first, for the keyboard too.
element("sheet").before(element("opener"));

// On an empty paper, which is not read.
function invite() {
  const side = paper.width;
  Object.assign(context, { font: `${side / 20}px system-ui`, textAlign: "center" });
  context.fillStyle = "#757575";
  context.fillText("Drop a picture here, or draw one", side / 2, side / 2);
}

// The network sees the colours in which something is drawn, so they do not go with the theme.
// Characters are drawn as MNIST's are.
function lay(black) {
  document.body.classList.toggle("black", black);
  element("invert").setAttribute("aria-pressed", black);
  answer();
}

element("invert").hidden = false;
element("invert").addEventListener("click", () => {
  lay(!document.body.classList.contains("black"));
});
lay(longest === 1);
