// Keeps the figures of an open page up to date. Everything works without it.
"use strict";

const note = document.getElementById("live");

function show(event) {
  const figures = JSON.parse(event.data);
  const shown = Number(note.dataset.version);
  // Open pages share their figures, which may be a second older than a page that was just made.
  if (figures.version < shown) {
    return;
  }
  for (const place of document.querySelectorAll("[data-live]")) {
    const text = figures[place.dataset.live];
    if (text !== undefined && place.textContent !== text) {
      place.textContent = text;
    }
  }
  if (figures.version > shown && !note.hasChildNodes()) {
    const link = document.createElement("a");
    link.href = window.location.href;
    link.textContent = "Show the tables as they are now";
    note.append("There is newer data. ", link);
  }
}

if (note !== null && "EventSource" in window) {
  const source = new EventSource("/events");
  source.addEventListener("figures", show);
  window.addEventListener("pagehide", () => source.close());
}
