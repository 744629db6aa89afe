"use strict";
// Shows what happens at the moment under the pointer, or at that of the slider. The page is complete without it.
(() => {
  const byId = id => document.getElementById(id);
  const figure = byId("timeline"), cursor = byId("cursor"), slider = byId("moment"), now = byId("now"), sound = byId("sound");
  const { duration, labels, marks } = JSON.parse(byId("marks").textContent);
  if (!(duration > 0)) return;
  let time = 0;

  const clock = seconds => {
    const tenths = Math.round(seconds * 10), whole = Math.floor(tenths / 10), two = n => String(n % 60).padStart(2, "0");
    const minutes = Math.floor(whole / 60), hours = Math.floor(minutes / 60);
    return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole)}.${tenths % 10}`;
  };
  const track = () => figure.querySelector("svg").getBoundingClientRect();

  function place() {
    const box = track();
    cursor.style.left = `${box.left - figure.getBoundingClientRect().left + box.width * time / duration}px`;
  }

  function show(seconds) {
    time = Math.min(Math.max(seconds, 0), duration);
    const there = new Set(marks.filter(([start, end]) => start <= time && time < end).map(mark => labels[mark[2]]));
    const said = `${clock(time)}: ${there.size ? [...there].join(", ") : "nobody speaks"}`;
    slider.value = time;
    slider.setAttribute("aria-valuetext", said);
    now.textContent = said;
    place();
  }

  function under(event) {
    const box = track();
    return (event.clientX - box.left) / box.width * duration;
  }

  const seek = seconds => { show(seconds); if (sound) sound.currentTime = time; };
  slider.max = duration;
  slider.addEventListener("input", () => seek(slider.valueAsNumber));
  figure.addEventListener("pointermove", event => { if (!sound) show(under(event)); });
  figure.addEventListener("click", event => seek(under(event)));
  for (const button of document.querySelectorAll(".at")) button.addEventListener("click", () => seek(Number(button.value)));
  if (sound) sound.addEventListener("timeupdate", () => show(sound.currentTime));
  new ResizeObserver(place).observe(figure);
  cursor.hidden = byId("looking").hidden = false;
  show(0);
})();
