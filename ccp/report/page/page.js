// Draws every chart into its place, anew when the place turns from wide to narrow or back. `vegaEmbed` is in scope.
const specifications = JSON.parse(document.getElementById("specifications").textContent);
const NARROW = 560;

function draw(place, [wide, narrow]) {
  const small = place.clientWidth < NARROW;
  if (place.dataset.small === String(small)) return;
  place.dataset.small = String(small);
  vegaEmbed(place, small ? narrow : wide, { renderer: "svg", actions: false, ast: false })
    .then(() => { place.dataset.drawn = "yes"; });
}

function drawAll() {
  for (const [key, specification] of Object.entries(specifications)) {
    draw(document.getElementById("chart-" + key), specification);
  }
}

drawAll();
window.addEventListener("resize", drawAll);
