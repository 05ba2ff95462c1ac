// Draws every chart into its place, anew when the place turns from wide to narrow or back. `vegaEmbed` is in scope.
const { charts, rows } = JSON.parse(document.getElementById("specifications").textContent);
const NARROW = 560;

function whole(specification) {
  const named = specification.datasets.map((name) => [name, rows[name]]);
  return { ...specification, datasets: Object.fromEntries(named) };
}

function draw(place, [wide, narrow]) {
  const small = place.clientWidth < NARROW;
  if (place.dataset.small === String(small)) return;
  place.dataset.small = String(small);
  vegaEmbed(place, whole(small ? narrow : wide), { renderer: "svg", actions: false })
    .then(() => {
      // the place itself is the image, with a name; what is inside says nothing more
      place.querySelector("svg").setAttribute("aria-hidden", "true");
      place.dataset.drawn = "yes";
    });
}

function drawAll() {
  for (const [key, specifications] of Object.entries(charts)) {
    draw(document.getElementById("chart-" + key), specifications);
  }
}

drawAll();
window.addEventListener("resize", drawAll);
